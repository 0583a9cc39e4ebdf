"""An engine in a process of its own, so that no call of it stops this process.

OpenVINO keeps Python's interpreter lock while it reads a prompt. In the web app nothing else would run
meanwhile: no other browser, no Stop. A model's memory also goes back to the machine when it is closed, and
a crash of the engine is an error of the requests under way and not the end of the server.

The two processes exchange lines of JSON over pipes; `engine_worker` is the other side. Requests wait here, and
as many are sent as the engine decodes together, so a request that waits is cancelled at once.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import threading
import weakref
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from typing import Any

from rag import errors
from rag.chat_models.serving.protocol import FinishReason
from rag.chat_models.serving.request_queue import QueuedEngine, Running
from rag.errors import LecternError, ModelFailed
from rag.system.child_process import command, surroundings

_WORKER = "rag.chat_models.engines.engine_worker"


class ProcessEngine(QueuedEngine):
    """An engine that runs in another process, with the queue in this one.

    `opening` describes the engine for `engine_worker.open_engine`; `parallel` requests are decoded together
    and `waiting` more may wait. A process that ended is started again for the next request.

    Raises:
        ModelTooLarge: the model does not fit this machine's memory.
        ModelFailed: the model cannot be loaded, or the process ended.
    """

    def __init__(self, name: str, opening: dict[str, Any], parallel: int, waiting: int) -> None:
        super().__init__(name, parallel, waiting)
        self.opening = opening
        self._free = threading.Semaphore(parallel)
        self._worker = _Worker(opening, self._free)
        self._start()

    def close(self) -> None:
        """Free the model's memory; running and waiting requests end as cancelled."""
        self._queue.close()
        self._worker.close()
        self._free.release()  # the thread that serves may wait for a place
        super().close()

    def _serve(self) -> None:
        while not self._queue.closed:
            self._free.acquire()
            running = self._queue.next(block=True)
            if running is None:
                return
            try:
                if not self._worker.alive:
                    self._worker = _Worker(self.opening, self._free)
                self._worker.send(running)
            except (LecternError, OSError) as exc:
                running.fail(exc)
                self._free.release()


class _Worker:
    """One process with a loaded engine, and the requests that it is answering.

    `free` is released once for each request that ends.
    """

    def __init__(self, opening: dict[str, Any], free: threading.Semaphore) -> None:
        self._process = subprocess.Popen(
            command(_WORKER),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # chatter of libraries; errors come back as messages
            env=surroundings(),
            text=True,
            encoding="utf-8",
        )
        self._end = weakref.finalize(self, _end, self._process)
        self._free = free
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._numbers = itertools.count()
        self._running: dict[int, Running] = {}
        self._closing = False
        try:
            self._write(opening)
            self._check_ready(self._process.stdout.readline() if self._process.stdout else "")
        except BaseException:  # Ctrl-C too
            self._end()
            raise
        threading.Thread(target=self._read, name="lectern-engine-output", daemon=True).start()

    @property
    def alive(self) -> bool:
        """True until the process has ended."""
        return self._process.poll() is None

    def send(self, running: Running) -> None:
        """Hand a request to the engine."""
        number = next(self._numbers)
        with self._lock:
            self._running[number] = running
        try:
            self._write({"number": number, "request": asdict(running.request)})
        except OSError:
            if self._taken(number) is None:  # the reading thread saw the end first and failed it
                return
            raise
        running.when_cancelled(partial(self._cancel, number))

    def close(self) -> None:
        """End the process; its requests end as cancelled."""
        self._closing = True
        self._end()
        self._abandon()

    def _cancel(self, number: int) -> None:
        with suppress(OSError):  # a process that has ended answers nothing any more
            self._write({"number": number, "cancel": True})

    def _write(self, message: dict[str, Any]) -> None:
        pipe = self._process.stdin
        if pipe is None:
            raise BrokenPipeError
        line = json.dumps(message)
        with self._writing:
            try:
                pipe.write(f"{line}\n")
                pipe.flush()
            except ValueError as exc:  # closed meanwhile
                raise BrokenPipeError from exc

    def _check_ready(self, line: str) -> None:
        if not line:
            raise ModelFailed(f"the model's process ended while loading ({self._ending()}); {_ADVICE}")
        message = json.loads(line)
        if "error" in message:
            raise _error(message)

    def _read(self) -> None:
        """Deliver tokens as they come, until the process ends."""
        with suppress(OSError, ValueError):  # the pipe was closed with the engine
            for line in self._process.stdout or ():
                self._deliver(json.loads(line))
        self._abandon()

    def _deliver(self, message: dict[str, Any]) -> None:
        running = self._running.get(message["number"])
        if running is None:
            return
        if "error" in message:
            self._taken(message["number"])
            running.fail(_error(message))
            self._free.release()
            return
        if message["ids"]:
            running.produced.extend(message["ids"])
            running.deliver(tuple(message["ids"]))
        if message["finish"]:
            self._taken(message["number"])
            running.finish(FinishReason(message["finish"]))
            self._free.release()

    def _taken(self, number: int) -> Running | None:
        with self._lock:
            return self._running.pop(number, None)

    def _abandon(self) -> None:
        """End the requests that the process will not answer any more."""
        with self._lock:
            left, self._running = list(self._running.values()), {}
        for running in left:
            if self._closing:
                running.finish(FinishReason.CANCELLED)
            else:
                running.fail(
                    ModelFailed(f"the model's process ended while generating ({self._ending()}); {_ADVICE}")
                )
            self._free.release()

    def _ending(self) -> str:
        code = self._process.wait()
        return f"signal {-code}" if code < 0 else f"exit status {code}"


_ADVICE = "it may have been out of memory: close something, or choose a smaller model"


def _end(process: subprocess.Popen[str]) -> None:
    """Kill the process and close its pipes; there is nothing in it to save."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):  # half a request that nobody will read
                pipe.close()


def _error(message: dict[str, Any]) -> LecternError:
    """Return the error that the other side reports, of the same kind."""
    kind = getattr(errors, message["error"], ModelFailed)
    if not (isinstance(kind, type) and issubclass(kind, LecternError)):
        kind = ModelFailed
    return kind(message["message"])
