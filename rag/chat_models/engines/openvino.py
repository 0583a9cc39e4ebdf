"""Converted GGUF models on a CPU through OpenVINO GenAI.

It has continuous batching and prefix caching, and one thread steps for all requests. The pipeline must not be
stepped from two threads, reports full memory by a status, and gives the thread that creates it a signal
stack, which is freed with it. So the engine's own thread creates, steps and frees it: in the main thread, the
next Ctrl-C after a model was closed ended the process with signal 11.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rag.chat_models.engines.mapped_files import drop_mapped_pages
from rag.chat_models.serving.protocol import FinishReason, GenerationRequest
from rag.chat_models.serving.request_queue import QueuedEngine, Running
from rag.errors import ModelFailed, ModelTooLarge
from rag.settings import ModelSettings
from rag.system.openvino_caches import bound_onednn

PARALLEL_REQUESTS = 8
"""Requests decoded together; more wait. On two cores eight have five times the tokens per second of one."""
STEP_TOKENS = 512
"""Prompt tokens per step: the longest that a cancelled request delays the others."""
GUESSED_TOKENS, MATCHED_TOKENS = 5, 3
"""Most tokens guessed and checked in a step, and the longest ending to look up.

The answers of the example course come 2.4 times as fast, those of eight at once 1.8 times (`make
bench-models`). Seven guesses make one conversation faster and eight slower.
"""
_LEAST_CACHE_BYTES = 1_000_000_000
"""The smallest KV cache: OpenVINO takes whole gigabytes."""


class OpenVinoEngine(QueuedEngine):
    """A model in OpenVINO GenAI that serves several requests at once.

    `cache_bytes` is the most memory for keys and values, prefixes of earlier prompts included; whole gigabytes of it are given, at least one,
    and taken as they are needed. `properties` go to OpenVINO as they are, for example `{"INFERENCE_PRECISION_HINT": "f32"}`.
    """

    def __init__(
        self,
        folder: Path,
        settings: ModelSettings,
        properties: dict[str, Any] | None = None,
        cache_bytes: int = _LEAST_CACHE_BYTES,
    ) -> None:
        parallel = parallel_requests(settings)
        super().__init__("openvino", parallel, settings.queue_length)
        self._guesses = min(settings.lookup_tokens, GUESSED_TOKENS)
        if self._guesses:
            properties = {**(properties or {}), "prompt_lookup": True}
        self._cache_gigabytes = math.ceil(max(cache_bytes, _LEAST_CACHE_BYTES) / 1e9)
        scheduler = _scheduler(parallel, not settings.reproducible, self._cache_gigabytes)
        self._open: Callable[[], Any] = partial(_open_pipeline, folder, scheduler, properties or {})
        self._opened: Future[None] = Future()
        self._mapped: Path | None = folder
        self._numbers = itertools.count()
        self._handles: dict[Running, Any] = {}
        self._start()
        try:
            self._opened.result()
        except BaseException:  # Ctrl-C too: what still loads is freed once it has
            self._queue.close()
            raise

    def _serve(self) -> None:
        try:
            self._pipeline = self._open()
        except BaseException as exc:  # noqa: BLE001 - raised where the engine is made
            self._opened.set_exception(exc)
            return
        self._opened.set_result(None)
        while self._admit():
            try:
                self._pipeline.step()
                self._free_mapped()
                for running, handle in list(self._handles.items()):
                    self._deliver(running, handle)
            except Exception as exc:  # noqa: BLE001 - whatever the pipeline raises, no reader may be left waiting
                self._abandon(exc)
        for running, handle in self._handles.items():
            handle.cancel()
            running.finish(FinishReason.CANCELLED)
        self._handles.clear()
        del self._pipeline

    def _free_mapped(self) -> None:
        """Give the mapped weights back once the first step has packed them."""
        if self._mapped is not None:
            drop_mapped_pages(self._mapped)
            self._mapped = None

    def _admit(self) -> bool:
        """Admit the requests that arrived; return False when the engine is to close.

        It waits only when no request runs.
        """
        while not self._queue.closed:
            running = self._queue.next(block=not self._handles)
            if running is None:
                break
            try:
                self._handles[running] = self._add(running.request)
            except Exception as exc:  # noqa: BLE001 - refused by the pipeline: raised where the request is read
                running.fail(exc)
        return not self._queue.closed

    def _add(self, request: GenerationRequest) -> Any:
        from openvino import Tensor

        ids = Tensor(np.array([request.prompt_ids], dtype=np.int64))
        return self._pipeline.add_request(next(self._numbers), ids, self._generation_config(request))

    def _generation_config(self, request: GenerationRequest) -> Any:
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
        if self._guesses:  # the pipeline wants at least one where it may guess at all
            repeats = not (request.grammar or config.do_sample)
            config.num_assistant_tokens = self._guesses if repeats else 1
            config.max_ngram_size = MATCHED_TOKENS
        return config

    def _deliver(self, running: Running, handle: Any) -> None:
        from openvino_genai import GenerationStatus

        if running.cancelled.is_set():
            handle.cancel()
            self._end(running, FinishReason.CANCELLED)
            return
        ids: list[int] = []
        # Reading must not wait: a request that produced nothing in this step is read in a later one.
        while handle.can_read():
            for output in handle.read().values():
                ids.extend(output.generated_ids)
        status = handle.get_status()
        if ids:
            running.produced.extend(ids)
            running.deliver(tuple(ids))
        if status == GenerationStatus.IGNORED:
            del self._handles[running]
            running.fail(
                ModelTooLarge(
                    f"the conversations under way need more than the {self._cache_gigabytes} GB that there are for their contexts; "
                    "ask fewer questions at once, show fewer passages or lower model.context_tokens"
                )
            )
        elif status != GenerationStatus.RUNNING:
            full = len(running.produced) >= running.request.max_new_tokens
            ended = bool(running.produced) and running.produced[-1] in running.request.stop_ids
            self._end(running, FinishReason.LENGTH if full and not ended else FinishReason.STOP)

    def _end(self, running: Running, reason: FinishReason) -> None:
        del self._handles[running]
        running.finish(reason)

    def _abandon(self, exc: Exception) -> None:
        for running, handle in self._handles.items():
            handle.cancel()
            running.fail(exc)
        self._handles.clear()


def parallel_requests(settings: ModelSettings) -> int:
    """Return the number of requests that the engine decodes together."""
    return settings.parallel_requests or PARALLEL_REQUESTS


def _scheduler(parallel: int, keeps_prefixes: bool, cache_gigabytes: int) -> Any:
    import openvino_genai

    scheduler = openvino_genai.SchedulerConfig()
    # Cached prefixes change the order of sums by a little, so reproducible answers do without.
    scheduler.enable_prefix_caching = keeps_prefixes
    scheduler.max_num_batched_tokens = STEP_TOKENS
    scheduler.max_num_seqs = parallel
    scheduler.cache_size = cache_gigabytes
    return scheduler


def _open_pipeline(folder: Path, scheduler: Any, properties: dict[str, Any]) -> Any:
    bound_onednn()
    import openvino_genai

    try:
        return openvino_genai.ContinuousBatchingPipeline(str(folder), scheduler, "CPU", properties)
    except RuntimeError as exc:
        if "bad_alloc" in str(exc):
            raise ModelTooLarge(
                f"the model in {folder} does not fit this machine's memory; close something or choose a smaller model"
            ) from exc
        raise ModelFailed(
            f"cannot load the converted model in {folder}: {exc}; delete that folder and try again"
        ) from exc
