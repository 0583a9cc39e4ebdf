"""A GGUF model with a LoRA adapter merged into its weights.

The result is a new GGUF file at eight bits, made once and kept. llama.cpp permutes the rows of the query and
key projections of a Llama within each head, so an update made for the Hugging Face layout is permuted in the
same way before it is added.

Source: `permute` in llama.cpp's convert_hf_to_gguf.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.chat_models.files.gguf_header import GgufHeader, broken, read_header
from rag.chat_models.files.gguf_writing import Change, rewrite, stored_as
from rag.chat_models.files.lora_adapter import LoraUpdate, adapter_hash, read_adapter
from rag.chat_models.files.model_cache import cached_folder, content_hash
from rag.errors import ModelFailed

_MODULE = re.compile(r"^model\.layers\.(?P<layer>\d+)\.(?:self_attn|mlp)\.(?P<kind>\w+)$")
_KINDS = {
    "q_proj": "attn_q",
    "k_proj": "attn_k",
    "v_proj": "attn_v",
    "o_proj": "attn_output",
    "gate_proj": "ffn_gate",
    "up_proj": "ffn_up",
    "down_proj": "ffn_down",
}
_PERMUTED = {"attn_q": "attention.head_count", "attn_k": "attention.head_count_kv"}
_MERGED_NAME = "model.gguf"


def merged_gguf(base: Path, adapter: Path) -> Path:
    """Return the cached GGUF file of `base` with the adapter in a folder merged in.

    It is made on first use.

    Raises:
        ModelMissing: there is no adapter.
        ModelFailed: the adapter is damaged or made for another base.
    """
    name = f"merged-{content_hash(base)}-{adapter_hash(adapter)}"
    return (
        cached_folder(name, lambda folder: merge_adapter(base, adapter, folder / _MERGED_NAME)) / _MERGED_NAME
    )


def merge_adapter(base: Path, adapter: Path, target: Path, weights: str = "Q8_0") -> None:
    """Write `target`, the GGUF model `base` with the adapter merged in.

    Changed weights are stored as `weights` (`Q8_0`, `F16` or `F32`), all others stay as they are.

    Raises:
        ModelFailed: the adapter is damaged or made for another base.
    """
    header = read_header(base)
    changes = {}
    for name, update in _updates(header, adapter).items():
        heads = _PERMUTED.get(name.split(".")[2])
        count = header.number(heads) if heads else 0
        if count < 0 or (count and len(update.b) % (2 * count)):
            raise broken(base, f"has {count} heads, which do not divide the {len(update.b)} rows of {name}")
        changes[name] = _change(update, count)
    rewrite(header, target, changes, weights)


def header_when_merged(header: GgufHeader, adapter: Path) -> GgufHeader:
    """Return the header that the model will have once the adapter is merged in.

    Types and sizes are those of the merged file; nothing is written.

    Raises:
        ModelFailed: the adapter is damaged or made for another base.
    """
    changed = dict.fromkeys(_updates(header, adapter), "Q8_0")
    tensors = {
        name: stored_as(extent, changed[name]) if name in changed else extent
        for name, extent in header.tensors.items()
    }
    return replace(header, tensors=tensors)


def _updates(header: GgufHeader, adapter: Path) -> Mapping[str, LoraUpdate]:
    """Return the adapter's updates by tensor name, each checked against its tensor."""
    if header.architecture != "llama":
        raise ModelFailed(
            f"{header.path.name} is of architecture {header.architecture}; adapters merge into llama models only"
        )
    updates = {_tensor_name(module, adapter): update for module, update in read_adapter(adapter).items()}
    for name, update in updates.items():
        _check_shape(header, name, update, adapter)
    return updates


def permute_rows(matrix: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Return a query or key projection in llama.cpp's order of rows.

    Within each head its two halves are interleaved.
    """
    out = matrix.shape[0]
    return matrix.reshape(heads, 2, out // heads // 2, -1).swapaxes(1, 2).reshape(matrix.shape)


def _check_shape(header: GgufHeader, name: str, update: LoraUpdate, adapter: Path) -> None:
    extent = header.tensors.get(name)
    if extent is None:
        raise ModelFailed(
            f"the adapter in {adapter} is for another base: {header.path.name} has no layer {name}"
        )
    wanted = (update.a.shape[1], update.b.shape[0])
    if extent.shape != wanted:
        there = " x ".join(map(str, reversed(extent.shape)))
        raise ModelFailed(
            f"the adapter in {adapter} is for another base: its {name} is {wanted[1]} x {wanted[0]}, that of "
            f"{header.path.name} {there}"
        )


def _change(update: LoraUpdate, heads: int) -> Change:
    def add(weight: NDArray[np.float32]) -> NDArray[np.float32]:
        return weight + (permute_rows(update.delta, heads) if heads else update.delta)

    return add


def _tensor_name(module: str, adapter: Path) -> str:
    match = _MODULE.match(module)
    if match is None or match["kind"] not in _KINDS:
        raise ModelFailed(
            f"the adapter in {adapter} changes {module}; only linear layers of a Llama can be merged"
        )
    return f"blk.{match['layer']}.{_KINDS[match['kind']]}.weight"
