"""GGUF models on a CPU through OpenVINO GenAI: continuous batching, prefix caching, one thread that steps for all.

Knows the pipeline's habits: it reads GGUF slowly (seconds), so the converted model is kept in the cache; it is not safe
to step from two threads; a request's handle may be read from any.
"""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rag.chat_models.generation import FinishReason, GenerationRequest, TokenBatch
from rag.chat_models.gguf_file import GgufHeader
from rag.chat_models.model_cache import cached_folder, content_hash
from rag.errors import ModelBusy, ModelFailed

PARALLEL_REQUESTS = 8
"""Requests decoded together; more wait. On two cores eight have five times the tokens per second of one."""
_STEP_TOKENS = 512
"""Prompt tokens per step: the longest that a cancelled request holds the others up."""


@dataclass(eq=False)
class _Running:
    """A request with its handle in the pipeline and the queue that its reader waits on."""

    request: GenerationRequest
    batches: queue.SimpleQueue[TokenBatch | BaseException] = field(default_factory=queue.SimpleQueue)
    cancelled: threading.Event = field(default_factory=threading.Event)
    handle: Any = None
    produced: int = 0

    def __iter__(self) -> Iterator[TokenBatch]:
        while True:
            batch = self.batches.get()
            if isinstance(batch, BaseException):
                raise batch
            yield batch
            if batch.finish is not None:
                return

    def cancel(self) -> None:
        """Free the request's place; its reader sees `FinishReason.CANCELLED`."""
        self.cancelled.set()


class OpenVinoEngine:
    """A model in OpenVINO GenAI that serves several requests at once."""

    name = "openvino"

    def __init__(self, folder: Path, queue_length: int, precision: str = "") -> None:
        self._pipeline = _open_pipeline(folder, precision)
        self._places = PARALLEL_REQUESTS + queue_length
        self._numbers = itertools.count()
        self._arrivals: queue.SimpleQueue[_Running | None] = queue.SimpleQueue()
        self._pending = 0
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="lectern-openvino", daemon=True)
        self._thread.start()

    def submit(self, request: GenerationRequest) -> _Running:
        """A generation for the request, decoded together with the others under way.

        Raises:
            ModelBusy: as many requests as allowed are running or waiting.
        """
        with self._lock:
            if self._closed:
                raise ModelFailed("the model has been closed; open it again")
            if self._pending >= self._places:
                waiting = self._places - PARALLEL_REQUESTS
                raise ModelBusy(
                    f"{waiting} requests already wait for the model, the most that may (model.queue_length); "
                    "try again in a moment"
                )
            self._pending += 1
        running = _Running(request)
        self._arrivals.put(running)
        return running

    def close(self) -> None:
        """Free the model's memory; requests under way end as cancelled."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._arrivals.put(None)
        self._thread.join()

    def _serve(self) -> None:
        live: list[_Running] = []
        while self._admit(live):
            try:
                self._pipeline.step()
                live = [running for running in live if not self._deliver(running)]
            except (
                Exception
            ) as exc:  # the pipeline's own errors are RuntimeError; whatever it is, no reader may hang
                self._abandon(live, exc)
                live = []
        for running in live:
            self._finish(running, FinishReason.CANCELLED)
        del self._pipeline

    def _admit(self, live: list[_Running]) -> bool:
        """Take in what has arrived, waiting only when nothing runs; False when the engine is to close."""
        while True:
            try:
                arrived = self._arrivals.get(block=not live)
            except queue.Empty:
                return True
            if arrived is None:
                return False
            if arrived.cancelled.is_set():
                self._finish(arrived, FinishReason.CANCELLED)
                continue
            try:
                arrived.handle = self._add(arrived.request)
                live.append(arrived)
            except Exception as exc:  # refused by the pipeline (grammar, length): told to the one who asked
                self._abandon([arrived], exc)

    def _add(self, request: GenerationRequest) -> Any:
        import numpy as np
        from openvino import Tensor

        ids = Tensor(np.array([request.prompt_ids], dtype=np.int64))
        return self._pipeline.add_request(next(self._numbers), ids, _generation_config(request))

    def _deliver(self, running: _Running) -> bool:
        """Hand over what the last step produced; True when the request is done with."""
        if running.cancelled.is_set():
            running.handle.cancel()
            self._finish(running, FinishReason.CANCELLED)
            return True
        ids: list[int] = []
        while running.handle.can_read():
            for output in running.handle.read().values():
                ids.extend(output.generated_ids)
        running.produced += len(ids)
        if _is_running(running.handle):
            if ids:
                running.batches.put(TokenBatch(tuple(ids)))
            return False
        if _is_ignored(running.handle):
            raise ModelFailed(
                "the model ran out of memory for its context; ask less at once or show fewer passages"
            )
        ended = ids and ids[-1] in running.request.stop_ids
        full = running.produced >= running.request.max_new_tokens
        self._finish(running, FinishReason.LENGTH if full and not ended else FinishReason.STOP, tuple(ids))
        return True

    def _finish(self, running: _Running, reason: FinishReason, ids: tuple[int, ...] = ()) -> None:
        with self._lock:
            self._pending -= 1
        running.batches.put(TokenBatch(ids, reason))

    def _abandon(self, group: list[_Running], exc: Exception) -> None:
        for running in group:
            if running.handle is not None:
                running.handle.cancel()
            with self._lock:
                self._pending -= 1
            failure = (
                exc
                if isinstance(exc, ModelFailed)
                else ModelFailed(f"the model failed while generating: {exc}")
            )
            if failure is not exc:
                failure.__cause__ = exc
            running.batches.put(failure)


def converted_folder(header: GgufHeader) -> Path:
    """The cached folder of the model in OpenVINO's format, converted from the GGUF file on first use.

    Raises:
        ModelFailed: OpenVINO cannot read this kind of GGUF.
    """
    import openvino_genai

    def convert(folder: Path) -> None:
        link = folder / "model.gguf"
        link.symlink_to(header.path.resolve())
        try:
            openvino_genai.LLMPipeline(str(link), "CPU", enable_save_ov_model=True)
        except RuntimeError as exc:
            raise ModelFailed(f"OpenVINO GenAI cannot read {header.path.name}: {exc}") from exc
        link.unlink()
        if not (folder / "openvino_model.xml").is_file():
            raise ModelFailed(
                f"OpenVINO GenAI did not convert {header.path.name}; free some space and try again"
            )

    return cached_folder(f"openvino-{openvino_genai.__version__}-{content_hash(header.path)}", convert)


def _open_pipeline(folder: Path, precision: str) -> Any:
    import openvino_genai

    scheduler = openvino_genai.SchedulerConfig()
    scheduler.enable_prefix_caching = True
    scheduler.max_num_batched_tokens = _STEP_TOKENS
    scheduler.max_num_seqs = PARALLEL_REQUESTS
    scheduler.cache_size = 1
    properties = {"INFERENCE_PRECISION_HINT": precision} if precision else {}
    try:
        return openvino_genai.ContinuousBatchingPipeline(str(folder), scheduler, "CPU", properties)
    except RuntimeError as exc:
        raise ModelFailed(
            f"cannot load the converted model in {folder}: {exc}; delete that folder and try again"
        ) from exc


def _generation_config(request: GenerationRequest) -> Any:
    import openvino_genai

    config = openvino_genai.GenerationConfig()
    config.max_new_tokens = request.max_new_tokens
    config.stop_token_ids = set(request.stop_ids)
    config.do_sample = request.temperature > 0
    if config.do_sample:
        config.temperature = request.temperature
        config.top_p = request.top_p
        config.rng_seed = request.seed
    if request.grammar:
        config.structured_output_config = openvino_genai.StructuredOutputConfig(grammar=request.grammar)
    return config


def _is_running(handle: Any) -> bool:
    import openvino_genai

    return bool(handle.get_status() == openvino_genai.GenerationStatus.RUNNING)


def _is_ignored(handle: Any) -> bool:
    import openvino_genai

    return bool(handle.get_status() == openvino_genai.GenerationStatus.IGNORED)
