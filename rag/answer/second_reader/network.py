"""The second reader's network on OpenVINO: a Llama that reads in both directions.

The trained LoRA adapters are added to the matrices of the language model's GGUF file, and the sums are kept in
eight bits. Outputs are those of `rag.answer.evidence_network`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as op

from rag.answer.evidence_encoding import Window
from rag.answer.evidence_network import pool_of, width_of
from rag.chat_models.engines.openvino_graph import Attention, attention_of, norm, rotated
from rag.chat_models.engines.openvino_weights import Inputs, Weights, product
from rag.chat_models.files.gguf_tensors import GgufTensors
from rag.chat_models.files.grouped_weights import GroupedWeights, eight_bits, group_of

Trained: TypeAlias = Mapping[str, NDArray[Any]]
"""Adapters and heads by name, as `finetune.evidence.lm_training` writes them."""


def whole(stored: Mapping[str, NDArray[Any]]) -> Trained:
    """Return stored weights as floats.

    A matrix in 8 bits comes with a `.scale` for each of its rows.
    """
    return {
        name: values.astype(np.float32)
        if f"{name}.scale" not in stored
        else values.astype(np.float32) * stored[f"{name}.scale"].astype(np.float32)[:, None]
        for name, values in stored.items()
        if not name.endswith(".scale")
    }


class Words:
    """The embeddings of a model's tokens, in the file's eight bits."""

    def __init__(self, tensors: GgufTensors) -> None:
        found = tensors.matrix("token_embd.weight", without_offsets=True)
        assert isinstance(found, GroupedWeights)  # noqa: S101 - the embedded file has Q8_0
        self._found = found

    def of(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the embeddings of tokens, float32 `(..., width)`."""
        found = self._found
        codes = found.codes[ids].astype(np.float32).reshape(*ids.shape, -1, found.group)
        states: NDArray[np.float32] = codes * found.scales[ids][..., None].astype(np.float32)
        return states.reshape(*ids.shape, found.columns)


def inputs_of(windows: Sequence[Window], words: Words, attention: Attention) -> dict[str, NDArray[Any]]:
    """Return the inputs of a batch as arrays, padded to the longest window.

    `hidden` (n, width, size); `mask` (n, 1, 1, width), added to scores; `pool` (n, sentences + 1, width), whose
    rows take the means of sentences, the last row the last token; `cosine` and `sine` (1, 1, width, head).
    """
    width = width_of(windows)
    ids = np.zeros((len(windows), width), np.int64)
    mask = np.full((len(windows), 1, 1, width), -1e4, np.float32)
    last = np.zeros((len(windows), 1, width), np.float32)
    for line, window in enumerate(windows):
        length = len(window.ids)
        ids[line, :length], mask[line, ..., :length], last[line, 0, length - 1] = window.ids, 0, 1
    angles = np.arange(width, dtype=np.float32)[:, None] * attention.frequencies
    angles = np.concatenate([angles, angles], 1)[None, None]
    return {
        "hidden": words.of(ids),
        "mask": mask,
        "pool": np.concatenate([pool_of(windows, width), last], 1),
        "cosine": np.cos(angles),
        "sine": np.sin(angles),
    }


def build_graph(tensors: GgufTensors, trained: Trained, done: Callable[[float], None]) -> tuple[Any, Weights]:
    """Return the graph and its weights, which must be kept as long as the graph.

    `done` is called with the share of the layers that are made.

    Inputs are those of `inputs_of`; outputs are sentence logits (n, sentences) and pair logits (n,).

    Raises:
        ModelFailed: the GGUF file is damaged.
    """
    weights, attention = Weights(), attention_of(tensors)
    shapes = {"hidden": [-1, -1, tensors.hidden], "mask": [-1, 1, 1, -1], "pool": [-1, -1, -1]}
    shapes |= {name: [1, 1, -1, attention.size] for name in ("cosine", "sine")}
    given = {
        name: op.parameter(ov.PartialShape(shape), np.float32, name=name) for name, shape in shapes.items()
    }
    for name, node in given.items():
        node.output(0).set_names({name})
    x = given["hidden"]
    layer = _Layers(tensors, weights, attention, trained, given)
    layers = depth_of(trained)
    for number in range(layers):
        x = layer.next(number, x)
        done((number + 1) / layers)
    x = layer.norm(x, "output_norm.weight")
    pooled = op.matmul(given["pool"], x, False, False)
    end = op.constant(np.array([np.iinfo(np.int64).max]))
    minus, zero, one, axis = (op.constant(np.array([value])) for value in (-1, 0, 1, 1))
    means, last = op.slice(pooled, zero, minus, one, axis), op.slice(pooled, minus, end, one, axis)
    both = op.concat([means, op.broadcast(last, op.shape_of(means))], -1)
    sentence = op.subtract(_head(trained, "sentence", both), op.constant(trained["none"].astype(np.float32)))
    pair = _head(trained, "passage", last)
    outputs = [op.squeeze(sentence, minus), op.squeeze(pair, op.constant(np.array([1, 2])))]
    return ov.Model(outputs, list(given.values()), "second reader"), weights


def depth_of(trained: Trained) -> int:
    """Return how many of the model's layers have adapters.

    The layers after them are not read.
    """
    return 1 + max(int(name.split(".")[1]) for name in trained if name.startswith("layers."))


class _Layers:
    """Makes the nodes of the layers."""

    def __init__(
        self, tensors: GgufTensors, weights: Weights, attention: Attention, trained: Trained, given: Mapping[str, Any]
    ) -> None:  # fmt: skip
        self._tensors, self._weights, self._attention = tensors, weights, attention
        self._trained, self._given = trained, given

    def next(self, number: int, x: Any) -> Any:
        """Return the states after a layer, (n, width, size)."""
        at, attention = f"blk.{number}.", self._attention
        width, narrow = attention.heads * attention.size, attention.kv_heads * attention.size
        inputs = Inputs(self.norm(x, f"{at}attn_norm.weight"), self._tensors.hidden)
        low = self._low(number, "qkv")
        bounds = np.cumsum([0, width, narrow, narrow])
        q, k, v = (
            self._product(f"{at}attn_{name}.weight", low, slice(start, stop), inputs)
            for name, start, stop in zip("qkv", bounds, bounds[1:], strict=False)
        )
        q, k = self._turned(q, attention.heads), self._turned(k, attention.kv_heads)
        v = self._heads(v, attention.kv_heads)
        each = np.repeat(np.arange(attention.kv_heads), attention.heads // attention.kv_heads)
        k, v = (op.gather(node, op.constant(each), op.constant(np.int64(1))) for node in (k, v))
        attended = op.scaled_dot_product_attention(q, k, v, self._given["mask"])
        joined = op.reshape(op.transpose(attended, _places(0, 2, 1, 3)), _places(0, 0, width), True)
        everything = slice(None)
        x = op.add(
            x,
            self._product(
                f"{at}attn_output.weight", self._low(number, "out"), everything, Inputs(joined, width)
            ),
        )
        inputs = Inputs(self.norm(x, f"{at}ffn_norm.weight"), self._tensors.hidden)
        low, inner = self._low(number, "gate_up"), self._tensors.feed_forward
        gate = self._product(f"{at}ffn_gate.weight", low, slice(0, inner), inputs)
        up = self._product(f"{at}ffn_up.weight", low, slice(inner, 2 * inner), inputs)
        gated = Inputs(op.multiply(op.swish(gate), up), inner)
        return op.add(x, self._product(f"{at}ffn_down.weight", self._low(number, "down"), everything, gated))

    def norm(self, x: Any, name: str) -> Any:
        """Return the root-mean-square norm of `x` over its last axis."""
        return norm(self._weights, x, self._tensors.vector(name), self._attention.epsilon)

    def _low(self, number: int, name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        a, b = (self._trained[f"layers.{number}.{name}.{part}"].astype(np.float32) for part in "ab")
        return a, b

    def _product(
        self, name: str, low: tuple[NDArray[np.float32], NDArray[np.float32]], rows: slice, inputs: Inputs
    ) -> Any:
        found = self._tensors.matrix(name)
        plain = found.weights() if isinstance(found, GroupedWeights) else found.astype(np.float32)
        merged = plain + low[1][rows] @ low[0]
        return product(self._weights, eight_bits(merged, group_of("F32", merged.shape[1])), inputs, None)

    def _heads(self, x: Any, count: int) -> Any:
        split = op.reshape(x, _places(0, 0, count, self._attention.size), True)
        return op.transpose(split, _places(0, 2, 1, 3))

    def _turned(self, x: Any, count: int) -> Any:
        heads = self._heads(x, count)
        return rotated(heads, self._attention, self._given["cosine"], self._given["sine"])


def _head(trained: Trained, name: str, x: Any) -> Any:
    def linear(x: Any, part: str) -> Any:
        matrix, bias = (trained[f"{name}.{part}.{kind}"].astype(np.float32) for kind in ("weight", "bias"))
        return op.add(op.matmul(x, op.constant(matrix), False, True), op.constant(bias))

    return linear(op.gelu(linear(x, "0"), "erf"), "3")


def _places(*values: int) -> Any:
    return op.constant(np.array(values, np.int64))
