"""The memory a model will take, before anything is downloaded or loaded.

Knows the arithmetic: weights by their type, keys and values by the context, and what reading a prompt needs besides. The shape comes from
a GGUF header, a folder's config.json or, for a preset that is not here, the published configuration.

Source: keys and values are 2 * layers * key-value heads * head size * context * bytes an element; nf4 with double quantization is
4.127 bits a weight (Dettmers et al. 2023, section 3).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.chat_models.gguf_file import GgufHeader, read_header
from rag.chat_models.opening import gguf_path
from rag.chat_models.presets import ModelKind, ModelReference, reference
from rag.errors import ModelFailed, ModelMissing
from rag.settings import ModelSettings

_NF4_BYTES = 4.127 / 8
_INT8_BYTES = 1.002
_WEIGHT_BYTES = {"bfloat16": 2.0, "float16": 2.0, "float32": 4.0, "int8": _INT8_BYTES, "nf4": _NF4_BYTES}
_Q8_BYTES = 34 / 32
_READ_TOKENS = 512
_OPENVINO_KV_BYTES = 2
_OPENVINO_COPIES = 2
"""OpenVINO holds the file's weights and a copy packed for its kernels."""
_RUNTIME_BYTES = {ModelKind.GGUF: 140_000_000, ModelKind.TRANSFORMERS: 500_000_000}
"""The engine's graph, tokenizer and buffers beyond what the shape explains, measured on the embedded model (`make bench-models`)."""
_PUBLISHED = {
    "meta-llama/Meta-Llama-3-8B-Instruct": {
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
    """What of a model's configuration its memory depends on. `head_tokens` rows make logits: 1 while reading."""

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

    def kv_bytes(self, tokens: int, element_bytes: float) -> int:
        """The keys and values of `tokens` tokens."""
        return round(2 * self.layers * self.kv_heads * self.head_size * tokens * element_bytes)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes that a model takes for one conversation of `context_tokens`, and whether they are there."""

    name: str
    weights: str
    device: str
    context_tokens: int
    weight_bytes: int
    kv_bytes: int
    activation_bytes: int
    runtime_bytes: int
    available_bytes: int

    @property
    def total_bytes(self) -> int:
        """All of it."""
        return self.weight_bytes + self.kv_bytes + self.activation_bytes + self.runtime_bytes

    @property
    def fits(self) -> bool:
        """Whether that much is free."""
        return self.total_bytes <= self.available_bytes

    @property
    def verdict(self) -> str:
        """In words whether it fits, and what to do where it does not."""
        needed, there = self.total_bytes / 1e9, self.available_bytes / 1e9
        if self.fits:
            return f"fits: {needed:.1f} GB of the {there:.1f} GB free on this {self.device}"
        smaller = "a smaller model" if self.weights in ("nf4", "file") else "nf4 (model.weights)"
        return (
            f"does not fit: it needs {needed:.1f} GB and {there:.1f} GB are free on this {self.device}; choose {smaller}, "
            "a shorter context (model.context_tokens) or a server (openai:MODEL@URL)"
        )


def estimate(settings: ModelSettings, context_tokens: int = 0) -> Estimate:
    """The memory of the model that the settings name, for a context of so many tokens (0: the model's own, or 8,192).

    Raises:
        ModelMissing: nothing is known of the model: no file, no folder, no preset.
        ModelFailed: its file is damaged, or it runs on a server.
    """
    meant = reference(settings.name)
    if meant.kind is ModelKind.ENDPOINT:
        raise ModelFailed(f"{settings.name} runs on a server, which alone knows its memory; ask there")
    if meant.kind is ModelKind.GGUF:
        return _gguf_estimate(read_header(gguf_path(meant)), settings, context_tokens)
    return _transformers_estimate(meant, settings, context_tokens)


def _gguf_estimate(header: GgufHeader, settings: ModelSettings, context_tokens: int) -> Estimate:
    shape = shape_of_gguf(header)
    context = min(context_tokens or settings.context_tokens or shape.context_tokens, shape.context_tokens)
    weights = sum(
        _held_bytes(tensor.type_name, tensor.elements, tensor.size_bytes)
        for tensor in header.tensors.values()
    )
    return Estimate(
        settings.name,
        "file",
        "machine",
        context,
        weights * _OPENVINO_COPIES,
        shape.kv_bytes(context, _OPENVINO_KV_BYTES),
        _activation_bytes(shape, _READ_TOKENS, 4),
        _RUNTIME_BYTES[ModelKind.GGUF],
        free_bytes("cpu"),
    )


def _held_bytes(type_name: str, elements: int, size_bytes: int) -> int:
    from rag.chat_models.openvino_engine import EXACT_TYPES

    return size_bytes if type_name in EXACT_TYPES else round(elements * _Q8_BYTES)


def _transformers_estimate(meant: ModelReference, settings: ModelSettings, context_tokens: int) -> Estimate:
    from rag.chat_models.transformers_loading import best_device, best_weights

    shape, device = shape_of_config(_config_of(meant)), best_device()
    wished = meant.weights if settings.weights == "auto" else settings.weights
    held = best_weights(device).value if wished == "auto" else wished
    around = 2.0 if held in ("nf4", "int8") else _WEIGHT_BYTES[held]
    context = min(context_tokens or settings.context_tokens or shape.context_tokens, shape.context_tokens)
    return Estimate(
        settings.name,
        held,
        device,
        context,
        round(shape.linear_parameters * _WEIGHT_BYTES[held] + shape.embedding_parameters * around),
        shape.kv_bytes(context, around),
        _activation_bytes(shape, context, around),
        _RUNTIME_BYTES[ModelKind.TRANSFORMERS],
        free_bytes(device),
    )


def _activation_bytes(shape: Shape, tokens: int, element_bytes: float) -> int:
    """What reading `tokens` at once holds at its widest: the gate and up projections, their product, the stream twice."""
    widest = 3 * shape.feed_forward + 2 * shape.hidden
    return round(tokens * widest * element_bytes + shape.vocabulary * 4)


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
        context_tokens=header.number("context_length", 2048),
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
            context_tokens=int(config.get("max_position_embeddings", 2048)),
            tied=bool(config.get("tie_word_embeddings", False)),
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise ModelFailed(
            f"the model's config.json lacks {exc}; it is not the configuration of a language model"
        ) from exc


def _config_of(meant: ModelReference) -> Mapping[str, Any]:
    path = Path(meant.source) / "config.json"
    if not path.is_file():
        path = downloaded_file(meant.source, "config.json") or path
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


def free_bytes(device: str) -> int:
    """The memory free for a model on a device."""
    if device == "cuda":
        import torch

        return int(torch.cuda.mem_get_info()[0])
    import psutil

    return int(psutil.virtual_memory().available)
