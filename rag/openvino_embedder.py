"""An embedder on OpenVINO: it starts in half a second because torch is never imported.

It knows how to keep the processor busy: texts sorted by length, batches of equal work, one request a core.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock, local
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from rag.machine_profile import Precision
from rag.openvino_core import openvino_core
from rag.sentence_model import ModelFacts, SentenceModel
from rag.token_sketch import sketches_of

Rows: TypeAlias = NDArray[np.int64]
Ids: TypeAlias = NDArray[np.int64]
Vectors: TypeAlias = NDArray[np.float32]

_HINT = {Precision.FLOAT32: "f32", Precision.BFLOAT16: "bf16"}
_BATCH_TOKENS = 4096
_LENGTH_STEP = 16
_MARKS = 2
"""The start and end marks that BERT puts around every text."""


class OpenVinoEmbedder(ModelFacts):
    """Implements `rag.embedder.Embedder`; safe to use from several threads."""

    def __init__(self, model: SentenceModel, graph: Path, precision: Precision, batch_size: int) -> None:
        super().__init__(model)
        self._graph = graph
        self._batch_size = batch_size
        self._streams = max(1, os.cpu_count() or 1)
        self.precision = precision
        self._compiling = Lock()
        self._compiled: Any = None

    @property
    def _network(self) -> Any:
        """The compiled graph; made at the first text, so that an ingest without changes never loads it."""
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
        network = openvino_core().compile_model(self._graph, "CPU", options)
        # OpenVINO's Python side deadlocks when two threads are the first to read a tensor; one does it here, alone.
        self._infer(network.create_infer_request(), np.zeros((1, 2), np.int64), np.ones((1, 2), np.int64))
        return network

    @staticmethod
    def _infer(request: Any, ids: Ids, mask: Ids) -> NDArray[np.float32]:
        """The vectors of a batch, in the request's own memory."""
        request.infer({"input_ids": ids, "attention_mask": mask})
        found: NDArray[np.float32] = request.get_output_tensor(0).data
        return found

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """The vector (dim,) of a question."""
        ids = np.array([self._model.encode([text])[0].ids], np.int64)
        return np.array(
            self._infer(self._network.create_infer_request(), ids, np.ones_like(ids))[0], np.float32
        )

    def embed_query_tokens(self, text: str) -> tuple[Vectors, Vectors]:
        """The vector (dim,) of a question and the unit vectors (m, dim) of its tokens."""
        ids = np.array([self._model.encode([text])[0].ids], np.int64)
        request = self._network.create_infer_request()
        request.infer({"input_ids": ids, "attention_mask": np.ones_like(ids)})
        states = np.array(request.get_output_tensor(1).data[0], np.float32)
        inner = states[1:-1] if len(states) > _MARKS else states
        unit = inner / np.maximum(np.linalg.norm(inner, axis=1, keepdims=True), 1e-12)
        return np.array(request.get_output_tensor(0).data[0], np.float32), unit

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors (n, dim) of texts, in order."""
        return self._embed(texts, None)

    def sketch_passages(self, texts: Sequence[str]) -> tuple[Vectors, list[bytes]]:
        """The vectors (n, dim) of texts and the sketches of their tokens, in order."""
        sketches = [b""] * len(texts)
        return self._embed(texts, sketches), sketches

    def _embed(self, texts: Sequence[str], sketches: list[bytes] | None) -> Vectors:
        """The vectors of texts; fills `sketches` if they are wanted."""
        vectors = np.empty((len(texts), self.dim), np.float32)
        network, requests = self._network, local()

        def infer(batch: tuple[Rows, Ids, Ids]) -> None:
            rows, ids, mask = batch
            if not hasattr(requests, "own"):
                requests.own = network.create_infer_request()
            vectors[rows] = self._infer(requests.own, ids, mask)
            if sketches is not None:
                states = requests.own.get_output_tensor(1).data
                for row, made in zip(rows, _sketched(states, mask), strict=True):
                    sketches[row] = made

        # One thread of BLAS for each of ours: more would only wait for each other, which made a sketch ten times as dear.
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(self._streams) as pool:
            for _ in pool.map(infer, self._batches(texts)):
                pass
        return vectors

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[Rows, Ids, Ids]]:
        """(rows, token ids, mask), longest first: padding is little, and the last batches are short ones."""
        encodings = self._model.encode(texts)
        lengths = np.array([len(encoding) for encoding in encodings])
        order = np.argsort(-lengths, kind="stable")
        start = 0
        while start < len(order):
            width = min(
                -(-int(lengths[order[start]]) // _LENGTH_STEP) * _LENGTH_STEP, self._model.max_sequence
            )
            rows = order[start : start + max(1, min(self._batch_size, _BATCH_TOKENS // width))]
            ids = np.zeros((len(rows), width), np.int64)
            mask = np.zeros_like(ids)
            for line, row in enumerate(rows):
                ids[line, : lengths[row]] = encodings[row].ids
                mask[line, : lengths[row]] = 1
            yield rows, ids, mask
            start += len(rows)


def _sketched(states: Vectors, mask: Ids) -> list[bytes]:
    """The sketches of a batch's token states (n, width, dim), start and end marks left out where there is anything else."""
    lengths = mask.sum(axis=1)
    marks = np.where(lengths > _MARKS, 1, 0)
    places = np.arange(mask.shape[1])
    inner = (places >= marks[:, None]) & (places < (lengths - marks)[:, None])
    return sketches_of(states[inner], inner.sum(axis=1).tolist())
