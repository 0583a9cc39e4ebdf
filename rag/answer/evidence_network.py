"""The network of the evidence scorer on OpenVINO: graph, inputs and batches.

The graph is built here from the operations of `rag.embedding.bert_layers`; it needs neither torch nor
transformers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rag.answer.evidence_encoding import Window
from rag.answer.network_turns import MOST_STREAMS, TURNS
from rag.embedding import bert_layers
from rag.embedding.openvino_embedder import openvino_core
from rag.system.openvino_caches import with_bound

Floats: TypeAlias = NDArray[np.float32]
Weights: TypeAlias = dict[str, NDArray[Any]]
Inputs: TypeAlias = dict[str, NDArray[Any]]

_HEADS = 12
_EPSILON = 1e-12
_LENGTH_STEP = 16
_MOST_BATCH_TOKENS, _MOST_ROWS = 4096, 64
_SLACK = 1.15
"""Longest batch, as a multiple of an equal share of the work."""
_BATCH_COST = 16
"""The cost of a batch beside its tokens, in tokens.

0.7 ms, where a token takes 0.045 ms of a core with AMX."""


class CompiledNetwork:
    """The compiled network, made at first use; safe to use from several threads."""

    def __init__(self, build: Callable[[], Any], inputs: Callable[[Sequence[Window]], Inputs]) -> None:
        self._build: Callable[[], Any] | None = build
        self._inputs = inputs
        self._lock = Lock()
        self._compiled: Any = None
        self._requests: list[Any] = []
        self._streams = max(1, min(MOST_STREAMS, os.cpu_count() or 1))

    def run(self, windows: list[Window]) -> list[tuple[list[int], tuple[Floats, Floats]]]:
        """Return the rows and the logits of each batch of windows.

        Logits are float32: of sentences (n, most sentences of a window) and of pairs (n,).
        """
        network = self._network()
        with TURNS.reading():
            return self._run(network, windows)

    def _run(self, network: Any, windows: list[Window]) -> list[tuple[list[int], tuple[Floats, Floats]]]:
        batches = batches_of([len(window.ids) for window in windows], self._streams)
        running = []
        for rows in batches:
            with self._lock:
                request = self._requests.pop() if self._requests else network.create_infer_request()
            request.start_async(self._inputs([windows[row] for row in rows]))
            running.append((rows, request))
        found = []
        for rows, request in running:
            request.wait()
            sentence, pair = (np.array(request.get_output_tensor(n).data, np.float32) for n in range(2))
            found.append((rows, (sentence, pair)))
            with self._lock:
                self._requests.append(request)
        return found

    def ready(self) -> None:
        """Compile the network now."""
        self._network()

    def _network(self) -> Any:
        with self._lock:
            if self._compiled is None:
                self._compile()
            return self._compiled

    def _compile(self) -> None:
        with TURNS.reading():
            assert self._build is not None  # noqa: S101
            options = {"PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": self._streams}
            self._compiled = openvino_core().compile_model(self._build(), "CPU", with_bound(options))
            self._build = None
            # OpenVINO's Python side deadlocks when two threads are the first to read a tensor.
            # One thread does it here.
            request = self._compiled.create_infer_request()
            request.infer(self._inputs([Window(np.zeros(2, np.int64), 1, np.array([-1, 0]))]))
            np.array(request.get_output_tensor(0).data)
            self._requests.append(request)


def inputs_of(windows: Sequence[Window]) -> Inputs:
    """Return the inputs of a batch as arrays.

    They are padded to the longest window and to the most sentences of a window.
    """
    width = width_of(windows)
    ids, kind = np.zeros((2, len(windows), width), np.int32)
    mask = np.zeros((len(windows), width), np.float32)
    for line, window in enumerate(windows):
        length = len(window.ids)
        ids[line, :length], kind[line, window.first : length], mask[line, :length] = window.ids, 1, 1
    return {"ids": ids, "kind": kind, "mask": mask, "pool": pool_of(windows, width)}


def width_of(windows: Sequence[Window]) -> int:
    """Return the width of a batch of windows, in tokens."""
    return _width(max(len(window.ids) for window in windows))


def pool_of(windows: Sequence[Window], width: int) -> Floats:
    """Return rows that take the mean of each sentence's tokens, (n, sentences, width)."""
    seen = [np.unique(window.sentence[window.sentence >= 0], return_inverse=True) for window in windows]
    most = max(1, *(len(sentences) for sentences, _ in seen))
    pool = np.zeros((len(windows), most, width), np.float32)
    for line, (window, (sentences, inverse)) in enumerate(zip(windows, seen, strict=True)):
        if len(sentences):
            counts = np.bincount(inverse)
            pool[line, inverse, np.flatnonzero(window.sentence >= 0)] = 1 / counts[inverse]
    return pool


def batches_of(lengths: list[int], streams: int) -> list[list[int]]:
    """Return the rows in batches of similar length, longest first.

    No batch leaves a stream idle.

    They are the batches of least cost, padding included, by a dynamic programme over the rows in the order of
    length; none is much more than a stream's share of the work.
    """
    order = sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))
    widths = [_width(lengths[row]) for row in order]
    most = min(_MOST_BATCH_TOKENS, max(widths[0], round(_SLACK * sum(widths) / streams)))
    # cost[n] is the least cost of the first n rows; the last batch of that solution begins at begin[n].
    cost, begin = [0], [0]
    for end in range(1, len(order) + 1):
        options = [
            (cost[start] + widths[start] * (end - start) + _BATCH_COST, start)
            for start in range(max(0, end - _MOST_ROWS), end)
            if widths[start] * (end - start) <= most
        ]
        least, start = min(options)
        cost.append(least)
        begin.append(start)
    batches, end = [], len(order)
    while end:
        batches.append(order[begin[end] : end])
        end = begin[end]
    return batches[::-1]


def _width(length: int) -> int:
    """Return the width to which an input is padded, in tokens.

    OpenVINO prepares each width once."""
    return -(-length // _LENGTH_STEP) * _LENGTH_STEP


def build_graph(weights: Weights) -> Any:
    """Return the OpenVINO graph of the scorer.

    Its inputs are ids and kind, int32 (n, width); mask, float32 (n, width); and pool, float32 (n, sentences,
    width), whose rows take the mean of a sentence's tokens. Its outputs are sentence logits and pair logits.
    A matrix in 8 bits comes with a `.scale` for each of its rows.
    """
    import openvino
    from openvino import opset13 as ops

    def constant(name: str) -> NDArray[np.float32]:
        values = weights[name].astype(np.float32)
        scale = weights.get(f"{name}.scale")
        return values if scale is None else values * scale.astype(np.float32)[:, None]

    def linear(x: Any, name: str, rows: slice = slice(None)) -> Any:
        matrix, bias = constant(f"{name}.weight")[rows], constant(f"{name}.bias")[rows]
        return bert_layers.linear(x, ops.constant(matrix), ops.constant(bias))

    def norm(x: Any, name: str) -> Any:
        weight, bias = (ops.constant(constant(f"{name}.{part}")) for part in ("weight", "bias"))
        return bert_layers.norm(x, weight, bias, _EPSILON)

    def gather(name: str, index: Any) -> Any:
        return ops.gather(ops.constant(constant(name)), index, ops.constant(np.int64(0)))

    dynamic = openvino.PartialShape([-1, -1])
    ids, kind = (ops.parameter(dynamic, np.int32, name=name) for name in ("ids", "kind"))
    mask = ops.parameter(dynamic, np.float32, name="mask")
    pool = ops.parameter(openvino.PartialShape([-1, -1, -1]), np.float32, name="pool")
    width = ops.gather(ops.shape_of(ids), ops.constant(np.int64(1)), ops.constant(np.int64(0)))
    places = ops.range(ops.constant(np.int64(0)), width, ops.constant(np.int64(1)), "i64")
    x = ops.add(
        ops.add(gather("word.weight", ids), gather("kind.weight", kind)), gather("position.weight", places)
    )
    x = norm(x, "norm")
    hidden = ops.multiply(ops.subtract(mask, ops.constant(np.float32(1))), ops.constant(np.float32(1e4)))
    hidden = ops.unsqueeze(hidden, ops.constant(np.array([1, 2])))
    size = weights["norm.weight"].shape[0]
    for layer in range(sum(name.endswith("qkv.weight") for name in weights)):
        at = f"layers.{layer}"
        q, k, v = (linear(x, f"{at}.qkv", slice(n * size, (n + 1) * size)) for n in range(3))
        attended = bert_layers.attention(q, k, v, hidden, _HEADS, size)
        x = norm(ops.add(x, linear(attended, f"{at}.out")), f"{at}.norm1")
        inner = bert_layers.gelu(linear(x, f"{at}.up"))
        x = norm(ops.add(x, linear(inner, f"{at}.down")), f"{at}.norm2")
    first = ops.gather(x, ops.constant(np.array([0])), ops.constant(np.int64(1)))
    means = ops.matmul(pool, x, False, False)
    both = ops.concat([means, ops.broadcast(first, ops.shape_of(means))], -1)
    sentence = linear(bert_layers.gelu(linear(both, "sentence.0")), "sentence.3")
    sentence = ops.subtract(sentence, ops.constant(constant("none")))
    pair = linear(bert_layers.gelu(linear(first, "passage.0")), "passage.3")
    last = ops.constant(np.array([-1]))
    outputs = [ops.squeeze(sentence, last), ops.squeeze(pair, ops.constant(np.array([1, 2])))]
    for source, name in ((ids, "ids"), (kind, "kind"), (mask, "mask"), (pool, "pool")):
        source.output(0).set_names({name})
    return openvino.Model(outputs, [ids, kind, mask, pool], "evidence scorer")
