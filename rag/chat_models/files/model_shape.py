"""The shape of a model, from which its memory follows.

It comes from a GGUF header, a folder's config.json or, for a preset that is not downloaded, its published
configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.chat_models.files.gguf_header import GgufHeader
from rag.chat_models.presets import ModelReference
from rag.errors import ModelFailed, ModelMissing, SettingsError
from rag.json_text import parse_json

_ASSUMED_CONTEXT_TOKENS = 2048
"""A cautious context for a model that names none. Not measured."""
_QWEN_1_5B = {
    "hidden_size": 1536,
    "intermediate_size": 8960,
    "num_hidden_layers": 28,
    "num_attention_heads": 12,
    "num_key_value_heads": 2,
    "vocab_size": 151936,
    "max_position_embeddings": 32768,
    "tie_word_embeddings": False,  # the GGUF file has an output matrix of its own
}
_PUBLISHED: dict[str, dict[str, Any]] = {
    "meta-llama/Meta-Llama-3-8B-Instruct": {
        "model_type": "llama",
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "vocab_size": 128256,
        "max_position_embeddings": 8192,
        "tie_word_embeddings": False,
    },
    "bartowski/Llama-3.2-3B-Instruct-GGUF": {
        "hidden_size": 3072,
        "intermediate_size": 8192,
        "num_hidden_layers": 28,
        "num_attention_heads": 24,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "vocab_size": 128256,
        "max_position_embeddings": 131072,
        "tie_word_embeddings": True,
    },
    "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF": {
        "hidden_size": 896,
        "intermediate_size": 4864,
        "num_hidden_layers": 24,
        "num_attention_heads": 14,
        "num_key_value_heads": 2,
        "vocab_size": 151936,
        "max_position_embeddings": 32768,
        "tie_word_embeddings": False,
    },
    "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF": _QWEN_1_5B,
    "Qwen/Qwen2.5-1.5B-Instruct-GGUF": _QWEN_1_5B,
}


@dataclass(frozen=True, slots=True)
class Shape:
    """The part of a model's configuration that its memory depends on.

    `context_tokens` is 0 if the configuration does not name the context it was trained on.
    """

    layers: int
    hidden: int
    feed_forward: int
    heads: int
    kv_heads: int
    head_size: int
    vocabulary: int
    context_tokens: int
    tied: bool

    @property
    def linear_parameters(self) -> int:
        """Weights of the layers' matrices."""
        attention = self.hidden * self.head_size * (2 * self.heads + 2 * self.kv_heads)
        return self.layers * (attention + 3 * self.hidden * self.feed_forward)

    @property
    def embedding_parameters(self) -> int:
        """Weights of the embedding and, where it is one of its own, the output matrix."""
        return self.vocabulary * self.hidden * (1 if self.tied else 2)

    @property
    def parameters(self) -> int:
        """All weights but those of the norms."""
        return self.linear_parameters + self.embedding_parameters

    def adapter_parameters(self, rank: int) -> int:
        """Weights of a LoRA adapter on all of the layers' matrices."""
        keys, queries = self.kv_heads * self.head_size, self.heads * self.head_size
        sides = 2 * (self.hidden + queries) + 2 * (self.hidden + keys) + 3 * (self.hidden + self.feed_forward)
        return self.layers * rank * sides

    def kv_bytes(self, tokens: int, element_bytes: float) -> int:
        """The keys and values of `tokens` tokens."""
        return round(2 * self.layers * self.kv_heads * self.head_size * tokens * element_bytes)


def shape_of_gguf(header: GgufHeader) -> Shape:
    """The shape in a GGUF header."""
    hidden, heads = header.number("embedding_length"), header.number("attention.head_count", 1)
    return Shape(
        layers=header.number("block_count"),
        hidden=hidden,
        feed_forward=header.number("feed_forward_length"),
        heads=heads,
        kv_heads=header.number("attention.head_count_kv", heads),
        head_size=header.number("attention.key_length", hidden // max(heads, 1)),
        vocabulary=len(header.metadata.get("tokenizer.ggml.tokens", ())),
        context_tokens=header.number("context_length"),
        tied="output.weight" not in header.tensors,
    )


def shape_of_config(config: Mapping[str, Any]) -> Shape:
    """The shape in a transformers configuration.

    Raises:
        ModelFailed: it is not the configuration of a language model.
    """
    try:
        hidden, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
        return Shape(
            layers=int(config["num_hidden_layers"]),
            hidden=hidden,
            feed_forward=int(config["intermediate_size"]),
            heads=heads,
            kv_heads=int(config.get("num_key_value_heads") or heads),
            head_size=int(config.get("head_dim") or hidden // heads),
            vocabulary=int(config["vocab_size"]),
            context_tokens=int(config.get("max_position_embeddings") or 0),
            tied=bool(config.get("tie_word_embeddings", False)),
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise ModelFailed(
            f"the model's config.json lacks {exc}; it is not the configuration of a language model"
        ) from exc


def chosen_context(name: str, wished_tokens: int, own_tokens: int) -> int:
    """Return the context to use: as wished, else the model's own.

    It is 2,048 tokens if neither is known (0).

    Raises:
        SettingsError: more is wished than the model can read.
    """
    if own_tokens and wished_tokens > own_tokens:
        raise SettingsError(
            f"a context of {wished_tokens:,} tokens is asked for and {name} reads {own_tokens:,}; lower model.context_tokens, or leave it "
            "at 0 for the model's own limit"
        )
    return wished_tokens or own_tokens or _ASSUMED_CONTEXT_TOKENS


def config_file(model: ModelReference) -> Path:
    """Return the path of a transformers model's configuration, which may not exist."""
    path = Path(model.source) / "config.json"
    return path if path.is_file() else downloaded_file(model.source, "config.json") or path


def config_of(model: ModelReference) -> Mapping[str, Any]:
    """Return the configuration of a transformers model.

    It comes from the model's folder, the download cache or, for a preset, from its publication.

    Raises:
        ModelMissing: nothing is known of it.
        ModelFailed: its file is damaged.
    """
    path = config_file(model)
    if path.is_file():
        try:
            loaded: Mapping[str, Any] = parse_json(path.read_text(encoding="utf-8"))
        except ValueError as exc:
            raise ModelFailed(f"{path} is not JSON; copy the model again") from exc
        return loaded
    known = _PUBLISHED.get(model.download.repository if model.download else model.source)
    if known is None:
        raise ModelMissing(
            f"nothing is known about {model.name}: no such folder, nothing downloaded; see `lectern models list`"
        )
    return known


def downloaded_file(source: str, name: str) -> Path | None:
    """Return a downloaded file of a Hugging Face id, or None; never ask the network."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(source, name)
    except HFValidationError:
        return None
    return Path(found) if isinstance(found, str) else None
