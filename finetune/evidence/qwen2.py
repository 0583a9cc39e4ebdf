"""Weights of a Qwen2 or Llama model, read from a GGUF file and unpacked on a GPU.

transformers unpacks with numpy, tensor by tensor, and takes a minute for what a GPU does in a second; the
common types are unpacked by torch here and give the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor


@dataclass(slots=True)
class Layer:
    """The weights of one layer; those that read the same input are joined."""

    norm: Tensor
    qkv: Tensor
    qkv_bias: Tensor | None
    out: Tensor
    ffn_norm: Tensor
    gate_up: Tensor
    down: Tensor


@dataclass(slots=True)
class Weights:
    """A Qwen2 or Llama model on a device."""

    embedding: Tensor
    head: Tensor
    norm: Tensor
    layers: list[Layer]
    heads: int
    kv_heads: int
    head_dim: int
    eps: float
    theta: float


def unpack(raw: Tensor, kind: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Return a tensor's weights from its bytes, on the device of the bytes.

    Q4_K and Q6_K are unpacked on the device, other types by the `gguf` package.
    """
    if kind == "F32":
        return raw.view(torch.float32).reshape(shape).to(dtype)
    if kind == "Q4_K":
        return _q4_k(raw.view(-1, 144)).reshape(shape).to(dtype)
    if kind == "Q6_K":
        return _q6_k(raw.view(-1, 210)).reshape(shape).to(dtype)
    from gguf import GGMLQuantizationType
    from gguf.quants import dequantize

    values = dequantize(raw.cpu().numpy(), GGMLQuantizationType[kind])
    return torch.from_numpy(np.ascontiguousarray(values)).reshape(shape).to(raw.device, dtype)


def _half(raw: Tensor) -> Tensor:
    return raw.contiguous().view(torch.float16).float()


def _q4_k(blocks: Tensor) -> Tensor:
    scale, least = _half(blocks[:, 0:2]), _half(blocks[:, 2:4])
    packed = blocks[:, 4:16].int()
    low, middle, high = packed[:, 0:4], packed[:, 4:8], packed[:, 8:12]
    scales = torch.cat([low & 63, (high & 15) | ((low >> 6) << 4)], 1)
    leasts = torch.cat([middle & 63, (high >> 4) | ((middle >> 6) << 4)], 1)
    quants = blocks[:, 16:].view(-1, 4, 1, 32)
    quants = torch.cat([quants & 15, quants >> 4], 2).view(-1, 8, 32).float()
    return (scale * scales).unsqueeze(2) * quants - (least * leasts).unsqueeze(2)


def _q6_k(blocks: Tensor) -> Tensor:
    low = blocks[:, :128].view(-1, 2, 1, 64)
    low = torch.cat([low & 15, low >> 4], 2).view(-1, 8, 32)
    high = blocks[:, 128:192].view(-1, 2, 1, 32)
    high = torch.cat([(high >> shift) & 3 for shift in (0, 2, 4, 6)], 2).view(-1, 8, 32)
    quants = (low | (high << 4)).to(torch.int8) - 32
    scales = blocks[:, 192:208].contiguous().view(torch.int8).float() * _half(blocks[:, 208:210])
    return quants.view(-1, 16, 16).float() * scales.unsqueeze(2)


def load(path: Path, device: str, dtype: torch.dtype, tied: bool) -> Weights:
    """Load the weights of a GGUF file.

    `tied` uses the output matrix for the embeddings too; it may be more precise."""
    from gguf import GGUFReader

    reader = GGUFReader(path)
    kind = "llama" if "llama.block_count" in reader.fields else "qwen2"
    field = {name: entry for name, entry in reader.fields.items() if name.startswith(f"{kind}.")}
    number = {name.removeprefix(f"{kind}."): entry.parts[entry.data[0]][0] for name, entry in field.items()}
    tensors = {tensor.name: tensor for tensor in reader.tensors}

    def get(*names: str) -> Tensor:
        found = []
        for name in names:
            tensor = tensors[name]
            raw = torch.from_numpy(np.array(tensor.data).view(np.uint8).reshape(-1)).to(device)
            shape = tuple(int(length) for length in reversed(tensor.shape))
            found.append(unpack(raw, tensor.tensor_type.name, shape, dtype))
        return torch.cat(found) if len(found) > 1 else found[0]

    def read(name: str) -> Tensor:
        weight = get(name)
        if kind == "qwen2" or name.endswith("attn_v.weight"):
            return weight
        # Llama's files have the two halves of a head interleaved: rotary positions turn neighbours.
        size = int(number["embedding_length"]) // int(number["attention.head_count"])
        return weight.view(-1, size // 2, 2, weight.shape[1]).transpose(1, 2).reshape(weight.shape)

    heads, width = int(number["attention.head_count"]), int(number["embedding_length"])
    layers = []
    for place in range(int(number["block_count"])):
        name = f"blk.{place}."
        layers.append(
            Layer(
                get(name + "attn_norm.weight"),
                torch.cat([read(f"{name}attn_{part}.weight") for part in "qkv"]),
                get(*(f"{name}attn_{part}.bias" for part in "qkv")) if kind == "qwen2" else None,
                get(name + "attn_output.weight"),
                get(name + "ffn_norm.weight"),
                get(name + "ffn_gate.weight", name + "ffn_up.weight"),
                get(name + "ffn_down.weight"),
            )
        )
    head = get("output.weight") if "output.weight" in tensors else get("token_embd.weight")
    return Weights(
        head if tied else get("token_embd.weight"),
        head,
        get("output_norm.weight"),
        layers,
        heads,
        int(number["attention.head_count_kv"]),
        width // heads,
        float(number["attention.layer_norm_rms_epsilon"]),
        float(number["rope.freq_base"]),
    )
