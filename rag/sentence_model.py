"""A sentence-transformers folder read without torch: its fingerprint, its limits and its tokenizer.

It knows the layout of such folders (modules.json, pooling, tokenizer.json) and nothing of how the network is run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from tokenizers import Encoding, Tokenizer

from rag.errors import ModelMissing

_WEIGHT_SAMPLE_BYTES = 1 << 20
_PLAIN_MODULES = ("Transformer", "Pooling", "Normalize")


@dataclass(frozen=True, slots=True)
class SentenceModel:
    """What the folder says.

    `max_sequence` is the network's limit, start and end marks included; `max_tokens` what is left of it for the text.
    `plain` is True for mean pooling and normalising over a BERT, which is what `rag.openvino_model` can run.
    """

    folder: Path
    fingerprint: str
    dim: int
    max_sequence: int
    max_tokens: int
    plain: bool
    cutting: Tokenizer
    counting: Tokenizer

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        """The texts as the network takes them: marked, cut at `max_sequence`, not padded."""
        return self.cutting.encode_batch_fast(list(texts))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, uncut and without marks."""
        return [
            len(encoding)
            for encoding in self.counting.encode_batch_fast(list(texts), add_special_tokens=False)
        ]


class ModelFacts:
    """What an embedder tells of its model, whichever engine runs it."""

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

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text."""
        return self._model.count_tokens(texts)


def read_sentence_model(folder: Path, name: str) -> SentenceModel:
    """What the folder of a sentence-transformers model says; `name` is what people call it.

    Raises:
        ModelMissing: files are missing or malformed.
    """
    try:
        config = _read(folder / "config.json")
        modules = tuple(entry["type"].rsplit(".", 1)[-1] for entry in _read(folder / "modules.json", []))
        pooling = _read(folder / "1_Pooling" / "config.json", {})
        sentence = _read(folder / "sentence_bert_config.json", {})
        cutting, counting = (_read_tokenizer(folder) for _ in range(2))
        dim = int(pooling.get("word_embedding_dimension") or config["hidden_size"])
        fingerprint = f"{name} {_digest(folder)}"
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ModelMissing(
            f"{folder} is not a whole embedding model ({exc}); expected a sentence-transformers folder."
        ) from exc
    max_sequence = int(sentence.get("max_seq_length") or config.get("max_position_embeddings") or 512)
    cutting.enable_truncation(max_sequence)
    mean = bool(pooling.get("pooling_mode_mean_tokens")) and modules == _PLAIN_MODULES
    return SentenceModel(
        folder=folder,
        fingerprint=f"{fingerprint}, first {max_sequence} tokens",
        dim=dim,
        max_sequence=max_sequence,
        max_tokens=max_sequence - cutting.num_special_tokens_to_add(False),
        plain=mean and config.get("model_type") == "bert",
        cutting=cutting,
        counting=counting,
    )


def _read(file: Path, default: Any = None) -> Any:
    """The JSON in a file; `default` if there is no such file and one is given."""
    if default is not None and not file.is_file():
        return default
    return json.loads(file.read_text(encoding="utf-8"))


def _read_tokenizer(folder: Path) -> Tokenizer:
    file = folder / "tokenizer.json"
    if not file.is_file():
        raise FileNotFoundError(f"no {file.name}")
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _digest(folder: Path) -> str:
    """12 hexadecimal digits over the configuration, the size of the weights and their first and last megabyte.

    Reading 90 MB to the end at every start would cost more than the rest of it; two trainings of a model differ everywhere.
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
