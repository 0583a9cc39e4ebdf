"""An embedder on OpenVINO, which starts in half a second: it needs no torch.

It keeps every core busy: texts sorted by length, batches of equal work, one request a core.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock, local
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from rag.aliases import Vectors
from rag.embedding.late_interaction import sketches_of
from rag.embedding.machine_profile import Precision
from rag.embedding.model_folder import ModelFacts, SentenceModel
from rag.embedding.openvino_graph import sentence_graph
from rag.system.openvino_caches import bound_onednn, with_bound
from rag.system.telemetry import switch_off_telemetry

Rows: TypeAlias = NDArray[np.int64]
Ids: TypeAlias = NDArray[np.int64]

_HINT = {Precision.FLOAT32: "f32", Precision.BFLOAT16: "bf16"}
_BATCH_TOKENS = 4096
"""Most tokens of a batch, padding included, which bounds the memory. Chosen, not measured."""
_LENGTH_STEP = 16
"""Widths of batches are multiples of this, so that there are few different ones."""
_MARKS = 2
"""The start and end marks that BERT puts around every text."""


class OpenVinoEmbedder(ModelFacts):
    """Implements `rag.embedding.embedder.Embedder`; safe to use from several threads."""

    def __init__(self, model: SentenceModel, precision: Precision, batch_size: int) -> None:
        super().__init__(model)
        self._batch_size = batch_size
        self._streams = max(1, os.cpu_count() or 1)
        self.precision = precision
        self._compiling = Lock()
        self._compiled: Any = None
        prompts = model.prompts
        self._before = model.prompt_tokens(prompts.query), model.prompt_tokens(prompts.passage)

    @property
    def _network(self) -> Any:
        """The compiled graph.

        It is made at the first text, so that an ingest without changes never loads it.
        """
        with self._compiling:
            if self._compiled is None:
                self._compiled = self._compile()
            return self._compiled

    def _compile(self) -> Any:
        options = {
            "INFERENCE_PRECISION_HINT": _HINT[self.precision],
            "PERFORMANCE_HINT": "THROUGHPUT",
            "NUM_STREAMS": self._streams,
        }
        graph = sentence_graph(self._model.folder, self._model.config)
        network = openvino_core().compile_model(graph, "CPU", with_bound(options))
        # OpenVINO's Python side deadlocks when two threads are the first to read a tensor; one does it here, alone.
        self._infer(network.create_infer_request(), np.zeros((1, 2), np.int64), np.ones((1, 2), np.int64))
        return network

    @staticmethod
    def _infer(request: Any, ids: Ids, mask: Ids) -> NDArray[np.float32]:
        """Return the vectors of a batch, in the request's own memory."""
        request.infer({"input_ids": ids, "attention_mask": mask})
        found: NDArray[np.float32] = request.get_output_tensor(0).data
        return found

    def _question(self, text: str) -> Ids:
        """Return the token ids (1, width) of a question."""
        return np.array([self._model.encode([text], self._model.prompts.query)[0].ids], np.int64)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the vector (dim,) of a question."""
        ids = self._question(text)
        return np.array(
            self._infer(self._network.create_infer_request(), ids, np.ones_like(ids))[0], np.float32
        )

    def embed_query_tokens(self, text: str) -> tuple[Vectors, Vectors]:
        """Return the vector (dim,) of a question and unit vectors (m, dim) of its tokens."""
        ids = self._question(text)
        request = self._network.create_infer_request()
        request.infer({"input_ids": ids, "attention_mask": np.ones_like(ids)})
        states = np.array(request.get_output_tensor(1).data[0], np.float32)
        before = 1 + self._before[0]
        inner = states[before:-1] if len(states) > _MARKS + self._before[0] else states
        unit = inner / np.maximum(np.linalg.norm(inner, axis=1, keepdims=True), 1e-12)
        return np.array(request.get_output_tensor(0).data[0], np.float32), unit

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors (n, dim) of texts, in order."""
        return self._embed(texts, None)

    def sketch_passages(self, texts: Sequence[str]) -> tuple[Vectors, list[bytes]]:
        """Return the vectors (n, dim) of texts and the sketches of their tokens, in order."""
        sketches = [b""] * len(texts)
        return self._embed(texts, sketches), sketches

    def _embed(self, texts: Sequence[str], sketches: list[bytes] | None) -> Vectors:
        """Return the vectors of texts; fills `sketches` if they are wanted."""
        vectors = np.empty((len(texts), self.dim), np.float32)
        network, requests = self._network, local()

        def infer(batch: tuple[Rows, Ids, Ids]) -> None:
            rows, ids, mask = batch
            if not hasattr(requests, "own"):
                requests.own = network.create_infer_request()
            vectors[rows] = self._infer(requests.own, ids, mask)
            if sketches is not None:
                states = requests.own.get_output_tensor(1).data
                for row, made in zip(rows, _sketched(states, mask, self._before[1]), strict=True):
                    sketches[row] = made

        # One thread of BLAS for each of ours: more would only wait for each other, which made a sketch ten times as dear.
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(self._streams) as pool:
            for _ in pool.map(infer, self._batches(texts)):
                pass
        return vectors

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[Rows, Ids, Ids]]:
        """Yield (rows, token ids, mask), longest texts first.

        Padding so is little, and the last batches are short ones. Few texts are shared by all streams.
        """
        encodings = self._model.encode(texts, self._model.prompts.passage)
        lengths = np.array([len(encoding) for encoding in encodings])
        order = np.argsort(-lengths, kind="stable")
        share = -(-len(order) // (2 * self._streams))
        start = 0
        while start < len(order):
            width = min(
                -(-int(lengths[order[start]]) // _LENGTH_STEP) * _LENGTH_STEP, self._model.max_sequence
            )
            rows = order[start : start + max(1, min(self._batch_size, share, _BATCH_TOKENS // width))]
            ids = np.zeros((len(rows), width), np.int64)
            mask = np.zeros_like(ids)
            for line, row in enumerate(rows):
                ids[line, : lengths[row]] = encodings[row].ids
                mask[line, : lengths[row]] = 1
            yield rows, ids, mask
            start += len(rows)


def _sketched(states: Vectors, mask: Ids, before: int) -> list[bytes]:
    """Return the sketches of a batch's token states (n, width, dim).

    Start and end marks and the `before` tokens of a prompt are left out where there is anything else.
    """
    lengths = mask.sum(axis=1)
    marks = np.where(lengths > _MARKS + before, 1, 0)
    places = np.arange(mask.shape[1])
    first, last = marks * (1 + before), lengths - marks
    inner = (places >= first[:, None]) & (places < last[:, None])
    return sketches_of(states[inner], inner.sum(axis=1).tolist())


@cache
def openvino_core() -> Any:
    """Return the one `openvino.Core` of this process; it is never freed.

    Every network is compiled with it. Its CPU plugin gives the thread that loads it a signal stack and puts
    the previous one back on release. Two of them released out of order leave a stack in freed memory, and the
    next Ctrl-C ends the process with signal 11.
    """
    switch_off_telemetry()
    bound_onednn()
    import openvino

    return openvino.Core()
