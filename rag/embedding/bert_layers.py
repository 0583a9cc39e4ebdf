"""The parts of a BERT network as OpenVINO operations.

The embedder's graph (`rag.embedding.openvino_graph`) and the evidence scorer's (`rag.answer.evidence_network`)
are built from them, so neither needs torch or transformers.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def linear(x: Any, matrix: Any, bias: Any) -> Any:
    """Return `x` (n, width, in) times `matrix` (out, in), transposed, plus `bias`."""
    from openvino import opset13 as ops

    return ops.add(ops.matmul(x, matrix, False, True), bias)


def gelu(x: Any) -> Any:
    """Return the exact GELU of `x`."""
    from openvino import opset13 as ops

    return ops.gelu(x, "erf")


def norm(x: Any, weight: Any, bias: Any, epsilon: float) -> Any:
    """Return the layer norm of `x` over its last axis."""
    from openvino import opset13 as ops

    unit = ops.mvn(x, _places(-1), True, epsilon, "INSIDE_SQRT")
    return ops.add(ops.multiply(unit, weight), bias)


def attention(query: Any, key: Any, value: Any, mask: Any, heads: int, size: int) -> Any:
    """Return what each token attends to, (n, width, size).

    `mask` (n, 1, 1, width) is boolean, or is added to the scores.
    """
    from openvino import opset13 as ops

    def split(x: Any) -> Any:
        return ops.transpose(ops.reshape(x, _places(0, 0, heads, size // heads), True), _places(0, 2, 1, 3))

    attended = ops.scaled_dot_product_attention(split(query), split(key), split(value), mask)
    return ops.reshape(ops.transpose(attended, _places(0, 2, 1, 3)), _places(0, 0, size), True)


def _places(*values: int) -> Any:
    from openvino import opset13 as ops

    return ops.constant(np.array(values))
