"""The graph of a GGUF file's decoder model, for OpenVINO GenAI's pipeline.

It is the graph of Llama, Qwen2 and Qwen3: norms before attention and feed-forward layers, rotated queries and
keys, and keys and values as states of the graph. The nodes have the form that OpenVINO's passes look for:
those of paged attention, rotation and root-mean-square norms.

Source: `src/models` of llama.cpp for the tensors of each architecture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as op

from rag.chat_models.engines.openvino_weights import Inputs, Weights, product, rows_of
from rag.chat_models.files.gguf_tensors import GgufTensors

_FORBIDDEN = float(np.finfo(np.float16).min)


@dataclass(frozen=True, slots=True)
class Attention:
    """The sizes of an attention layer.

    `frequencies` are those of its rotation, float32 `(size / 2,)`."""

    heads: int
    kv_heads: int
    size: int
    frequencies: NDArray[np.float32]
    epsilon: float


@dataclass(frozen=True, slots=True)
class _Shared:
    """The nodes that every layer uses."""

    batch: Any
    beams: Any
    mask: Any
    cosine: Any
    sine: Any


def build(tensors: GgufTensors, done: Callable[[float], None]) -> tuple[Any, Weights]:
    """Return the graph and its weights, which must be kept as long as the graph.

    `done` is called with the share of the weights that have been read, 0 to 1.

    Raises:
        ModelFailed: the file is damaged.
    """
    ids, mask, positions = (_parameter(name, 2) for name in ("input_ids", "attention_mask", "position_ids"))
    beams = _parameter("beam_idx", 1, ov.Type.i32)
    weights, attention = Weights(), attention_of(tensors)
    hidden = rows_of(
        weights, tensors.matrix("token_embd.weight", without_offsets=True), op.convert(ids, "i32")
    )
    batch = op.gather(op.shape_of(ids, "i64"), _integers(0), op.constant(np.int64(0)))
    cosine, sine = _rotation(positions, batch, attention)
    shared = _Shared(batch, beams, _causal_mask(mask, positions), cosine, sine)
    sinks: list[Any] = []
    layers = tensors.header.number("block_count")
    for number in range(layers):
        hidden = _layer(tensors, weights, attention, shared, number, hidden, sinks)
        done((number + 1) / (layers + 1))
    normed = norm(weights, hidden, tensors.vector("output_norm.weight"), attention.epsilon)
    output = "output.weight" if tensors.has("output.weight") else "token_embd.weight"
    logits = product(weights, tensors.matrix(output), Inputs(normed, tensors.hidden), None)
    logits.output(0).set_names({"logits"})
    done(1.0)
    return ov.Model([op.result(logits)], sinks, [ids, mask, positions, beams], "decoder"), weights


def attention_of(tensors: GgufTensors) -> Attention:
    """Return the attention of a model's layers."""
    header = tensors.header
    heads = header.number("attention.head_count")
    size = header.number("attention.key_length", tensors.hidden // heads)
    base = float(header.metadata.get(f"{header.architecture}.rope.freq_base", 10_000.0))
    frequencies = base ** (-np.arange(0, size, 2, dtype=np.float64) / size)
    if tensors.has("rope_freqs.weight"):
        frequencies = frequencies / tensors.vector("rope_freqs.weight")
    return Attention(
        heads,
        header.number("attention.head_count_kv", heads),
        size,
        frequencies.astype(np.float32),
        float(header.metadata[f"{header.architecture}.attention.layer_norm_rms_epsilon"]),
    )


def _layer(
    tensors: GgufTensors, weights: Weights, attention: Attention, shared: _Shared, number: int, hidden: Any, sinks: list[Any]
) -> Any:  # fmt: skip
    def multiplied(name: str, inputs: Inputs) -> Any:
        name = f"blk.{number}.{name}"
        bias = tensors.vector(f"{name}.bias") if tensors.has(f"{name}.bias") else None
        return product(weights, tensors.matrix(f"{name}.weight"), inputs, bias)

    def normed(name: str, node: Any) -> Any:
        return norm(weights, node, tensors.vector(f"blk.{number}.{name}.weight"), attention.epsilon)

    def heads(name: str, count: int, inputs: Inputs) -> Any:
        node = op.reshape(multiplied(name, inputs), _integers(0, 0, count, attention.size), special_zero=True)
        if tensors.has(f"blk.{number}.{name}_norm.weight"):
            node = normed(f"{name}_norm", node)
        return op.transpose(node, _integers(0, 2, 1, 3))

    inputs = Inputs(normed("attn_norm", hidden), tensors.hidden)
    query = rotated(heads("attn_q", attention.heads, inputs), attention, shared.cosine, shared.sine)
    key = rotated(heads("attn_k", attention.kv_heads, inputs), attention, shared.cosine, shared.sine)
    value = heads("attn_v", attention.kv_heads, inputs)
    states = [
        _state(f"past_key_values.{number}.{kind}", node, attention, shared, sinks)
        for kind, node in (("key", key), ("value", value))
    ]
    attended = op.scaled_dot_product_attention(query, *states, shared.mask, causal=False)
    width = attention.heads * attention.size
    joined = op.reshape(
        op.transpose(attended, _integers(0, 2, 1, 3)), _integers(0, 0, width), special_zero=True
    )
    hidden = op.add(hidden, multiplied("attn_output", Inputs(joined, width)))
    inputs = Inputs(normed("ffn_norm", hidden), tensors.hidden)
    gated = op.multiply(op.swish(multiplied("ffn_gate", inputs)), multiplied("ffn_up", inputs))
    return op.add(hidden, multiplied("ffn_down", Inputs(gated, tensors.feed_forward)))


def _state(name: str, node: Any, attention: Attention, shared: _Shared, sinks: list[Any]) -> Any:
    """Return the keys or values of all tokens, once for each query head."""
    info = ov.op.util.VariableInfo()
    info.data_shape = ov.PartialShape([-1, attention.kv_heads, -1, attention.size])
    info.data_type, info.variable_id = ov.Type.f32, name
    variable = ov.op.util.Variable(info)
    empty = op.broadcast(
        op.constant(np.float32(0)),
        op.concat([shared.batch, _integers(attention.kv_heads), _integers(0), _integers(attention.size)], 0),
    )
    past = op.gather(op.read_value(empty, variable), shared.beams, op.constant(np.int64(0)))
    whole = op.concat([past, node], 2)
    sinks.append(op.assign(whole, variable))
    times = attention.heads // attention.kv_heads
    if times == 1:
        return whole
    wide = op.concat(
        [shared.batch, *(_integers(size) for size in (attention.kv_heads, times, 1, attention.size))], 0
    )
    repeated = op.broadcast(op.unsqueeze(whole, _integers(2)), wide, broadcast_spec="BIDIRECTIONAL")
    return op.reshape(repeated, _integers(0, attention.heads, -1, attention.size), special_zero=True)


def norm(weights: Weights, node: Any, scale: NDArray[np.float32], epsilon: float) -> Any:
    """Return the root-mean-square norm of a node over its last axis."""
    squares = op.reduce_mean(
        op.power(node, op.constant(np.array([[[2]]], np.float32))), _integers(-1), keep_dims=True
    )
    root = op.sqrt(op.add(squares, op.constant(np.array([[[epsilon]]], np.float32))))
    return op.multiply(
        op.multiply(node, op.divide(op.constant(np.array([[[1]]], np.float32)), root)), weights.vector(scale)
    )


def _rotation(positions: Any, batch: Any, attention: Attention) -> tuple[Any, Any]:
    """Return the cosines and sines of the angles, `(batch, 1, tokens, size)`."""
    half = len(attention.frequencies)
    wide = op.concat([batch, _integers(half), _integers(1)], 0)
    frequencies = op.broadcast(
        op.constant(attention.frequencies.reshape(1, half, 1)), wide, broadcast_spec="BIDIRECTIONAL"
    )
    angles = op.transpose(
        op.matmul(frequencies, op.convert(op.unsqueeze(positions, _integers(1)), "f32"), False, False),
        _integers(0, 2, 1),
    )
    both = op.concat([angles, angles], -1)
    return op.unsqueeze(op.cos(both), _integers(1)), op.unsqueeze(op.sin(both), _integers(1))


def rotated(node: Any, attention: Attention, cosine: Any, sine: Any) -> Any:
    """Return queries or keys, `(batch, heads, tokens, size)`, turned by their angles."""
    half, end = attention.size // 2, np.iinfo(np.int64).max

    def part(start: int, stop: int) -> Any:
        return op.slice(node, _integers(start), _integers(stop), _integers(1), _integers(3))

    turned = op.concat(
        [op.multiply(part(half, end), op.constant(np.array([[[[-1]]]], np.float32))), part(0, half)], -1
    )
    return op.add(op.multiply(node, cosine), op.multiply(turned, sine))


def _causal_mask(mask: Any, positions: Any) -> Any:
    """Return 0 for the tokens that may be seen, `(batch, 1, tokens, tokens and past)`."""
    length = op.squeeze(
        op.gather(op.shape_of(mask, "i64"), _integers(1), op.constant(np.int64(0))), _integers(0)
    )
    places = op.range(op.constant(np.int64(0)), length, op.constant(np.int64(1)), "i64")
    later = op.greater(places, op.unsqueeze(op.unsqueeze(positions, _integers(1)), _integers(3)))
    return op.select(later, op.constant(np.float32(_FORBIDDEN)), op.constant(np.float32(0)))


def _parameter(name: str, rank: int, kind: Any = ov.Type.i64) -> Any:
    node = op.parameter([-1] * rank, kind)
    node.set_friendly_name(name)  # the passes for paged attention look for it
    node.output(0).set_names({name})
    return node


def _integers(*values: int) -> Any:
    return op.constant(np.array(values, np.int64))
