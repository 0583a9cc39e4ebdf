"""GGUF models through llama.cpp (the `xllamacpp` wheel).

It runs where OpenVINO GenAI has no wheel or would enlarge the file. llama.cpp's server, run in this process,
takes token ids and calls back for each token from a call that blocks: each request has a thread of its own,
and a callback that returns True stops it. Token ids are returned only with their probabilities, so those are
requested. Of a character of several tokens only the last id comes, with the whole character.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rag.chat_models.files.tokenization import Tokenization
from rag.chat_models.serving.protocol import FinishReason, GenerationRequest
from rag.chat_models.serving.request_queue import QueuedEngine, Running
from rag.errors import ModelFailed
from rag.settings import ModelSettings

PARALLEL_REQUESTS = 4
"""Requests decoded together, each with a thread; all share one KV cache. Not measured."""
_QUIET = -1
_PART = "\ufffd"
"""The text to which a part of a character decodes."""


class LlamaCppEngine(QueuedEngine):
    """A GGUF file in llama.cpp."""

    def __init__(
        self, path: Path, context_tokens: int, settings: ModelSettings, tokenization: Tokenization
    ) -> None:
        import psutil
        import xllamacpp

        parallel = parallel_requests(settings)
        super().__init__("llama.cpp", parallel, settings.queue_length, threads=parallel)
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(path)
        parameters.n_ctx = context_tokens
        parameters.n_parallel = parallel
        parameters.kv_unified = True
        parameters.warmup = False
        parameters.verbosity = _QUIET
        parameters.cpuparams.n_threads = psutil.cpu_count(logical=False) or 1
        try:
            self._server = xllamacpp.Server(parameters)
        except RuntimeError as exc:
            raise ModelFailed(
                f"llama.cpp cannot load {path.name}: {exc}; use another file of this model"
            ) from exc
        self._tokenization = tokenization
        self._keeps_prefixes = not settings.reproducible
        self._start()

    def close(self) -> None:
        """Free the model's memory; requests under way end as cancelled."""
        super().close()
        del self._server

    def _serve(self) -> None:
        while not self._queue.closed:
            running = self._queue.next(block=True)
            if running is None:
                return
            try:
                self._answer(running)
            except Exception as exc:  # noqa: BLE001 - whatever llama.cpp raises, no reader may be left waiting
                running.fail(exc)

    def _answer(self, running: Running) -> None:
        finish, refused = "", ""

        def take(event: str) -> bool:
            nonlocal finish, refused
            told = json.loads(event)
            if "choices" not in told:
                refused = str(told.get("message") or told.get("error") or told)
                return True
            for choice in told["choices"]:
                finish = choice.get("finish_reason") or finish
                shown = (choice.get("logprobs") or {}).get("content") or ()
                ids = tuple(number for token in shown for number in self._ids(token))
                if ids:
                    running.deliver(ids)
            return self._leaves(running)

        self._server.handle_completions(json.dumps(_body(running.request, self._keeps_prefixes)), take)
        if refused:
            running.fail(ModelFailed(f"llama.cpp refuses the prompt: {refused}"))
        elif self._leaves(running) and not finish:
            running.finish(FinishReason.CANCELLED)
        else:
            running.finish(FinishReason.LENGTH if finish == "length" else FinishReason.STOP)

    def _leaves(self, running: Running) -> bool:
        return running.cancelled.is_set() or self._queue.closed

    def _ids(self, token: dict[str, Any]) -> list[int]:
        """Return the ids of a token, or of the character that its last part completes."""
        number, text = int(token["id"]), str(token["token"])
        if _PART in self._tokenization.decode([number]) and _PART not in text:
            return self._tokenization.encode(text)
        return [number]


def parallel_requests(settings: ModelSettings) -> int:
    """Return the number of requests that the engine decodes together."""
    return settings.parallel_requests or PARALLEL_REQUESTS


def _body(request: GenerationRequest, keeps_prefixes: bool) -> dict[str, Any]:
    body: dict[str, Any] = {
        "prompt": list(request.prompt_ids),
        "n_predict": request.max_new_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "seed": request.seed,
        "stream": True,
        "n_probs": 1,
        "cache_prompt": keeps_prefixes,
    }
    if request.grammar:
        body["grammar"] = request.grammar
    return body
