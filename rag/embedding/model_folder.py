"""A sentence-transformers folder read without torch: fingerprint, limits, tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from tokenizers import Encoding, Tokenizer

from rag.aliases import TokenCounter
from rag.embedding.openvino_graph import is_plain_bert
from rag.embedding.prompts import NO_PROMPTS, Prompts, read_prompts
from rag.errors import ModelMissing
from rag.json_text import parse_json

_WEIGHT_SAMPLE_BYTES = 1 << 20
"""Bytes of the weights that are hashed at either end of a file."""
_PLAIN_MODULES = ("Transformer", "Pooling", "Normalize")


@dataclass(frozen=True, slots=True)
class SentenceModel:
    """A sentence-transformers model as its folder describes it.

    `max_sequence` is the network's limit, start and end marks included; `max_tokens` what is left of it for
    the text. `plain` is True for mean pooling and normalising over a BERT that `rag.embedding.openvino_graph`
    can build; `config` is the network's own configuration.
    """

    folder: Path
    fingerprint: str
    dim: int
    max_sequence: int
    max_tokens: int
    plain: bool
    config: dict[str, Any]
    cutting: Tokenizer
    counting: Tokenizer
    prompts: Prompts = NO_PROMPTS

    def encode(self, texts: Sequence[str], prompt: str = "") -> list[Encoding]:
        """Return the texts as the network takes them, each after the prompt.

        They are marked, cut at `max_sequence` and not padded.
        """
        return self.cutting.encode_batch_fast([prompt + text for text in texts] if prompt else list(texts))

    def prompt_tokens(self, prompt: str) -> int:
        """Return the tokens of a prompt, which come after the start mark."""
        return self.count_tokens([prompt])[0] if prompt else 0

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, uncut and without marks."""
        return _lengths(self.counting, texts)


class ModelFacts:
    """An embedder's facts about its model, whichever engine runs it."""

    def __init__(self, model: SentenceModel) -> None:
        self._model = model

    @property
    def fingerprint(self) -> str:
        """The model's weights and use; the same for every engine and precision."""
        return self._model.fingerprint

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._model.dim

    @property
    def max_tokens(self) -> int:
        """Longest text embedded whole."""
        return self._model.max_tokens

    @property
    def tokenizer_folder(self) -> Path:
        """Folder from which `token_counter` makes the same counter in another process."""
        return self._model.folder

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text."""
        return self._model.count_tokens(texts)


def token_counter(folder: Path) -> TokenCounter:
    """Return `count_tokens` of the model in a folder, without the rest of the model.

    Raises:
        ModelMissing: the tokenizer is missing or malformed.
    """
    try:
        tokenizer = _read_tokenizer(folder)
    except OSError as exc:
        raise ModelMissing(f"{folder} has no tokenizer of an embedding model ({exc}).") from exc
    return lambda texts: _lengths(tokenizer, texts)


def _lengths(tokenizer: Tokenizer, texts: Sequence[str]) -> list[int]:
    encodings = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    return [len(encoding) for encoding in encodings]


def read_sentence_model(folder: Path, name: str) -> SentenceModel:
    """Return the model in a sentence-transformers folder; `name` is its usual name.

    Raises:
        ModelMissing: files are missing or malformed.
    """
    try:
        config = _read(folder / "config.json")
        modules = tuple(entry["type"].rsplit(".", 1)[-1] for entry in _read(folder / "modules.json", []))
        pooling = _read(folder / "1_Pooling" / "config.json", {})
        sentence = _read(folder / "sentence_bert_config.json", {})
        cutting, counting = (_read_tokenizer(folder) for _ in range(2))
        prompts = read_prompts(folder)
        dim = int(pooling.get("word_embedding_dimension") or config["hidden_size"])
        fingerprint = f"{name} {_digest(folder)}"
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ModelMissing(
            f"{folder} is not a whole embedding model ({exc}); expected a sentence-transformers folder."
        ) from exc
    max_sequence = int(sentence.get("max_seq_length") or config.get("max_position_embeddings") or 512)
    cutting.enable_truncation(max_sequence)
    mean = bool(pooling.get("pooling_mode_mean_tokens")) and modules == _PLAIN_MODULES
    before = max(_lengths(counting, [prompts.query, prompts.passage]))
    used = f", after {prompts.query!r} and {prompts.passage!r}" if before else ""
    return SentenceModel(
        folder=folder,
        fingerprint=f"{fingerprint}, first {max_sequence} tokens{used}",
        dim=dim,
        max_sequence=max_sequence,
        max_tokens=max_sequence - cutting.num_special_tokens_to_add(False) - before,
        plain=mean and is_plain_bert(folder, config),
        config=config,
        cutting=cutting,
        counting=counting,
        prompts=prompts,
    )


def _read(file: Path, default: Any = None) -> Any:
    """Return the JSON in a file; `default` if there is no such file and one is given."""
    if default is not None and not file.is_file():
        return default
    return parse_json(file.read_text(encoding="utf-8"))


def _read_tokenizer(folder: Path) -> Tokenizer:
    file = folder / "tokenizer.json"
    if not file.is_file():
        raise FileNotFoundError(f"no {file.name}")
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _digest(folder: Path) -> str:
    """Return 12 hexadecimal digits over configuration and weights.

    Of the weights it reads the size, the first and the last megabyte. Reading 90 MB to the end at every start
    would cost more than the rest of it; two trainings of a model differ everywhere.
    """
    digest = blake2b(digest_size=6)
    for name in ("config.json", "modules.json", "tokenizer.json", "1_Pooling/config.json"):
        if (folder / name).is_file():
            digest.update((folder / name).read_bytes())
    for weights in sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin")):
        size = weights.stat().st_size
        digest.update(f"{weights.name} {size}".encode())
        with weights.open("rb") as stream:
            digest.update(stream.read(_WEIGHT_SAMPLE_BYTES))
            stream.seek(max(0, size - _WEIGHT_SAMPLE_BYTES))
            digest.update(stream.read())
    return digest.hexdigest()
