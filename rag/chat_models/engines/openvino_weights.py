"""The weights of a model as constants of an OpenVINO graph.

OpenVINO multiplies with a matrix of codes and scales without unpacking it, if its constants have this form. The offsets of the groups are a second, 32 times narrower matrix, which is multiplied with the sums
of each group's inputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as op

from rag.chat_models.files.grouped_weights import GroupedWeights, eight_bits


class Weights:
    """The constants of one graph.

    The arrays of the constants are shared with OpenVINO, so they are kept until the graph is written.
    """

    def __init__(self) -> None:
        self._kept: list[Any] = []

    def vector(self, values: NDArray[np.float32]) -> Any:
        """Return the node of a bias or the weights of a norm, float32 `(1, 1, size)`."""
        return op.constant(values.reshape(1, 1, -1).astype(np.float32))

    def dense(self, values: NDArray[Any]) -> Any:
        """Return the node of a matrix of floats, float32 `(rows, columns)`."""
        node = self._constant(
            values, ov.Type.f16 if values.dtype == np.float16 else ov.Type.f32, values.shape
        )
        return op.convert(node, "f32") if values.dtype == np.float16 else node

    def matrix(self, found: GroupedWeights) -> Any:
        """Return the node of a matrix without its offsets, float32 `(rows, columns)`."""
        kind = ov.Type.i4 if found.bits == 4 else ov.Type.i8
        shape = (found.rows, found.columns // found.group, found.group)
        node = op.convert(self._constant(found.codes, kind, shape), "f16")
        narrow = (*shape[:2], 1)
        node = op.multiply(node, self._constant(found.scales, ov.Type.f16, narrow))
        node = op.reshape(node, _integers(found.rows, found.columns), special_zero=False)
        return op.convert(node, "f32")

    def offsets(self, found: GroupedWeights) -> Any | None:
        """Return the node of the offsets, float32 `(rows, groups)`, or None.

        They are at most eight steps of a code, so eight bits with a scale for each row keep them to a
        thirtieth of a step. As floats OpenVINO stores them three times.
        """
        return None if found.offsets is None else self.matrix(eight_bits(found.offsets))

    def _constant(self, values: NDArray[Any], kind: Any, shape: tuple[int, ...]) -> Any:
        values = np.ascontiguousarray(values)
        self._kept.append(values)
        if kind in (ov.Type.i4, ov.Type.i8, ov.Type.u8):
            values = values.reshape(-1).view(np.uint8)
            if kind == ov.Type.i8:
                values = values.view(np.int8)
        tensor = ov.Tensor(values, ov.Shape(list(shape)), kind)
        self._kept.append(tensor)
        return ov.op.Constant(tensor, shared_memory=True)


class Inputs:
    """The inputs that products share: a hidden state and the sums of its groups."""

    def __init__(self, hidden: Any, columns: int) -> None:
        self.hidden = hidden
        self._columns = columns
        self._sums: dict[int, Any] = {}

    def sums(self, group: int) -> Any:
        """Return the node of the sums of each group, `(batch, tokens, groups)`."""
        if group not in self._sums:
            parts = op.reshape(self.hidden, _integers(0, 0, self._columns // group, group), special_zero=True)
            self._sums[group] = op.reduce_sum(parts, _integers(3), keep_dims=False)
        return self._sums[group]


def product(
    weights: Weights, found: GroupedWeights | NDArray[Any], inputs: Inputs, bias: NDArray[np.float32] | None
) -> Any:
    """Return the node of a matrix times its inputs, `(batch, tokens, rows)`."""
    if not isinstance(found, GroupedWeights):
        node = op.matmul(inputs.hidden, weights.dense(found), False, True)
    else:
        node = op.matmul(inputs.hidden, weights.matrix(found), False, True)
        offsets = weights.offsets(found)
        if offsets is not None:
            node = op.add(node, op.matmul(inputs.sums(found.group), offsets, False, True))
    return node if bias is None else op.add(node, weights.vector(bias))


def rows_of(weights: Weights, found: GroupedWeights | NDArray[Any], numbers: Any) -> Any:
    """Return the node of the rows with the given numbers, `(batch, tokens, columns)`.

    The matrix must have no offsets.
    """
    node = weights.matrix(found) if isinstance(found, GroupedWeights) else weights.dense(found)
    return op.gather(node, numbers, op.constant(np.int32(0)))


def _integers(*values: int) -> Any:
    return op.constant(np.array(values, np.int64))
