"""GGUF models on a CPU through OpenVINO GenAI: continuous batching, prefix caching, one thread that steps for all.

Knows the pipeline's habits: it reads GGUF slowly (seconds), so the converted model is kept in the cache; it is not safe
to step from two threads; the kernels of a first long prompt are compiled while it waits, so one is run at load.
"""

from __future__ import annotations

import itertools
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.chat_models.generation import FinishReason, GenerationRequest
from rag.chat_models.gguf_file import GgufHeader
from rag.chat_models.gguf_writing import rewrite
from rag.chat_models.model_cache import cached_folder, content_hash
from rag.chat_models.request_queue import RequestQueue, Running
from rag.errors import ModelFailed, ModelTooLarge

PARALLEL_REQUESTS = 8
"""Requests decoded together; more wait. On two cores eight have five times the tokens per second of one."""
STEP_TOKENS = 512
"""Prompt tokens per step: the longest that a cancelled request holds the others up."""
EXACT_TYPES = frozenset({"F32", "F16", "Q8_0", "Q4_0"})
_MOST_REWRITTEN_BYTES = 2_000_000_000
CACHE_GIGABYTES = 1
"""Most memory for keys and values, prefixes of earlier prompts included; taken as it is needed."""


class OpenVinoEngine:
    """A model in OpenVINO GenAI that serves several requests at once.

    `properties` go to OpenVINO as they are, for example `{"INFERENCE_PRECISION_HINT": "f32"}`.
    """

    name = "openvino"

    def __init__(self, folder: Path, queue_length: int, properties: dict[str, Any] | None = None) -> None:
        self._pipeline = _open_pipeline(folder, properties or {})
        self._queue = RequestQueue(PARALLEL_REQUESTS, queue_length)
        self._numbers = itertools.count()
        self._handles: dict[Running, Any] = {}
        self._thread = threading.Thread(target=self._serve, name="lectern-openvino", daemon=True)
        self._thread.start()

    def submit(self, request: GenerationRequest) -> Running:
        """A generation for the request, decoded together with the others under way.

        Raises:
            ModelBusy: as many requests as allowed are running or waiting.
        """
        return self._queue.submit(request)

    def close(self) -> None:
        """Free the model's memory; requests under way end as cancelled."""
        self._queue.close()
        self._thread.join()

    def _serve(self) -> None:
        while self._admit():
            try:
                self._pipeline.step()
                for running, handle in list(self._handles.items()):
                    self._deliver(running, handle)
            except Exception as exc:  # noqa: BLE001 - whatever the pipeline raises, no reader may be left waiting
                self._abandon(exc)
        for running, handle in self._handles.items():
            handle.cancel()
            running.finish(FinishReason.CANCELLED)
        self._handles.clear()
        del self._pipeline

    def _admit(self) -> bool:
        """Take in what has arrived, waiting only when nothing runs; False when the engine is to close."""
        while not self._queue.closed:
            running = self._queue.next(block=not self._handles)
            if running is None:
                break
            try:
                self._handles[running] = self._add(running.request)
            except Exception as exc:  # noqa: BLE001 - refused by the pipeline: told to the one who asked
                running.fail(exc)
        return not self._queue.closed

    def _add(self, request: GenerationRequest) -> Any:
        from openvino import Tensor

        ids = Tensor(np.array([request.prompt_ids], dtype=np.int64))
        return self._pipeline.add_request(next(self._numbers), ids, _generation_config(request))

    def _deliver(self, running: Running, handle: Any) -> None:
        from openvino_genai import GenerationStatus

        if running.cancelled.is_set():
            handle.cancel()
            self._end(running, FinishReason.CANCELLED)
            return
        ids: list[int] = []
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
                    f"the conversations under way need more than the {CACHE_GIGABYTES} GB that the model's context may "
                    "take; ask fewer questions at once or show fewer passages"
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


def suits(header: GgufHeader) -> bool:
    """Whether the model can be held exactly without growing past what an ordinary machine has."""
    return header.weight_bytes <= _MOST_REWRITTEN_BYTES or not _rounded(header)


def converted_folder(header: GgufHeader) -> Path:
    """The cached folder of the model in OpenVINO's format, converted from the GGUF file on first use.

    Raises:
        ModelFailed: OpenVINO cannot read this kind of GGUF.
    """
    import openvino_genai

    def convert(folder: Path) -> None:
        source = folder / "model.gguf"
        _write_exact(header, source)
        try:
            openvino_genai.LLMPipeline(str(source), "CPU", enable_save_ov_model=True)
        except RuntimeError as exc:
            raise ModelFailed(f"OpenVINO GenAI cannot read {header.path.name}: {exc}") from exc
        source.unlink()
        if not (folder / "openvino_model.xml").is_file():
            raise ModelFailed(
                f"OpenVINO GenAI did not convert {header.path.name}; free some space and try again"
            )

    version = openvino_genai.__version__.split("-")[0]
    return cached_folder(f"openvino-{version}-exact-{content_hash(header.path)}", convert)


def _write_exact(header: GgufHeader, target: Path) -> None:
    """The model with every weight in a type that OpenVINO holds exactly, those of other types at eight bits.

    OpenVINO 2026.4 keeps the minimum of a block of Q4_1 (and of the K types) as a four-bit integer: read that way, SmolLM2's logits are
    off by half their norm, and its answers with them. At Q8_0 they are off by 0.6 %.
    """
    rounded = _rounded(header)
    if rounded:
        rewrite(header, target, dict.fromkeys(rounded, _unchanged), "Q8_0")
    else:
        target.symlink_to(header.path.resolve())


def _rounded(header: GgufHeader) -> set[str]:
    """The matrices of types that OpenVINO would round."""
    return {
        name
        for name, tensor in header.tensors.items()
        if len(tensor.shape) == 2 and tensor.type_name not in EXACT_TYPES
    }


def _unchanged(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    return weight


def _open_pipeline(folder: Path, properties: dict[str, Any]) -> Any:
    import openvino_genai

    scheduler = openvino_genai.SchedulerConfig()
    scheduler.enable_prefix_caching = True
    scheduler.max_num_batched_tokens = STEP_TOKENS
    scheduler.max_num_seqs = PARALLEL_REQUESTS
    scheduler.cache_size = CACHE_GIGABYTES
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
