"""The shape of a model, on which its memory depends: from a GGUF header, a folder's config.json or, for a preset that is not here, what was
published of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.chat_models.gguf_file import GgufHeader
from rag.chat_models.presets import ModelReference
from rag.errors import ModelFailed, ModelMissing, SettingsError

_ASSUMED_CONTEXT_TOKENS = 2048
_PUBLISHED = {
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
    }
}


@dataclass(frozen=True, slots=True)
class Shape:
    """What of a model's configuration its memory depends on; `context_tokens` 0 where it does not say how long a context it was trained on."""

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
    """The context to use: as wished, else the model's own, else 2,048 tokens where neither is known (0).

    Raises:
        SettingsError: more is wished than the model can read.
    """
    if own_tokens and wished_tokens > own_tokens:
        raise SettingsError(
            f"a context of {wished_tokens:,} tokens is asked for and {name} reads {own_tokens:,}; lower model.context_tokens, or leave it "
            "at 0 for the model's own limit"
        )
    return wished_tokens or own_tokens or _ASSUMED_CONTEXT_TOKENS


def config_file(meant: ModelReference) -> Path:
    """Where the configuration of a transformers model lies, whether or not it is there."""
    path = Path(meant.source) / "config.json"
    return path if path.is_file() else downloaded_file(meant.source, "config.json") or path


def config_of(meant: ModelReference) -> Mapping[str, Any]:
    """The configuration of a transformers model, from its folder, the download cache or what is known of a preset.

    Raises:
        ModelMissing: nothing is known of it.
        ModelFailed: its file is damaged.
    """
    path = config_file(meant)
    if path.is_file():
        try:
            loaded: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as exc:
            raise ModelFailed(f"{path} is not JSON; copy the model again") from exc
        return loaded
    known = _PUBLISHED.get(meant.source)
    if known is None:
        raise ModelMissing(
            f"nothing is known of {meant.name}: no such folder, nothing downloaded; see `lectern models list`"
        )
    return known


def downloaded_file(source: str, name: str) -> Path | None:
    """A file of a Hugging Face id if it was downloaded to this machine; never asks the network."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(source, name)
    except HFValidationError:
        return None
    return Path(found) if isinstance(found, str) else None
