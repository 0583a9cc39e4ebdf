"""The other side of `ProcessEngine`: a process with one engine.

It answers over its pipes.
The first line of its input describes the engine, each later one is a request or a cancellation. Each line of its
output has tokens, an end or an error. It ends when its input does, so it outlives no parent.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from rag.chat_models.serving.protocol import GenerationRequest
from rag.chat_models.serving.request_queue import QueuedEngine, Running
from rag.errors import LecternError
from rag.settings import ModelSettings
from rag.system.telemetry import switch_off_telemetry

_NICE = 5
"""Lower priority of this process.

A search that runs beside a long prompt goes first. Chosen, not measured.
"""


def open_engine(opening: dict[str, Any]) -> QueuedEngine:
    """Return the engine that `opening` describes, loaded.

    It has `engine` (a name of `GgufEngine`), `settings`, and the arguments of that engine.
    """
    settings = ModelSettings(**opening["settings"])
    if opening["engine"] == "openvino":
        from rag.chat_models.engines.openvino import OpenVinoEngine

        return OpenVinoEngine(Path(opening["folder"]), settings, cache_bytes=opening["cache_bytes"])
    from rag.chat_models.engines.llama_cpp import LlamaCppEngine
    from rag.chat_models.files.gguf_header import read_header
    from rag.chat_models.files.tokenization import from_gguf

    path = Path(opening["path"])
    return LlamaCppEngine(path, opening["context_tokens"], settings, from_gguf(read_header(path)))


class _Output:
    """The lines that go back, written by several threads."""

    def __init__(self, pipe: IO[str]) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def write(self, message: dict[str, Any]) -> None:
        """Write a line; it goes nowhere if the other side has gone."""
        with self._lock, suppress(OSError, ValueError):
            self._pipe.write(json.dumps(message) + "\n")
            self._pipe.flush()


def serve(requests: IO[str], output: _Output) -> None:
    """Answer requests until the other side goes away."""
    try:
        engine = open_engine(json.loads(requests.readline()))
    except Exception as exc:  # noqa: BLE001 - whatever a model's library raises is reported by the other side
        output.write(_failure(exc))
        return
    output.write({"ready": engine.name})
    running: dict[int, Running] = {}
    for line in requests:
        message = json.loads(line)
        number = message["number"]
        if "cancel" in message:
            if (cancelled := running.get(number)) is not None:
                cancelled.cancel()
            continue
        try:
            running[number] = engine.submit(_request(message["request"]))
        except LecternError as exc:
            output.write({"number": number, **_failure(exc)})
            continue
        arguments = (number, running, output)
        threading.Thread(target=_pass_on, args=arguments, daemon=True).start()
    os._exit(0)  # the parent has gone: nothing to save, and the engine may be in a long step


def _pass_on(number: int, running: dict[int, Running], output: _Output) -> None:
    try:
        for batch in running[number]:
            output.write(
                {"number": number, "ids": list(batch.ids), "finish": batch.finish and batch.finish.value}
            )
    except Exception as exc:  # noqa: BLE001 - raised again where the request is read
        output.write({"number": number, **_failure(exc)})
    running.pop(number, None)


def _request(values: dict[str, Any]) -> GenerationRequest:
    ids = {name: tuple(values[name]) for name in ("prompt_ids", "stop_ids")}
    return GenerationRequest(**{**values, **ids})


def _failure(exc: Exception) -> dict[str, Any]:
    if isinstance(exc, LecternError):
        return {"error": type(exc).__name__, "message": str(exc)}
    return {"error": "ModelFailed", "message": f"the model cannot be used: {type(exc).__name__}: {exc}"}


def _main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the other side's to handle
    switch_off_telemetry()  # before OpenVINO is imported
    if hasattr(os, "nice"):
        os.nice(_NICE)
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints must not get between the messages
    serve(requests, _Output(output))


if __name__ == "__main__":
    _main()
