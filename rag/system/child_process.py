"""Modules run in a process of their own, so that their memory is freed at the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rag.errors import ModelFailed

_PR_SET_PDEATHSIG = 1
"""Source: `linux/prctl.h`."""
_LOOK_SECONDS = 1.0
_UNFINISHED: set[Callable[[], None]] = set()
"""Functions that undo what is under way in threads; see `undone_on_leaving`."""
_ROOT = Path(__file__).resolve().parents[2]


def command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of Lectern with this Python.

    It works wherever the process is started, with the environment of `surroundings`.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def surroundings() -> dict[str, str]:
    """Return this process's environment, with Lectern's folder first on PYTHONPATH."""
    search = os.pathsep.join(part for part in (str(_ROOT), os.environ.get("PYTHONPATH")) if part)
    return {**os.environ, "PYTHONPATH": search}


def end_with_parent(parent: int) -> None:
    """Make this process end within seconds of the one that started it.

    Without it a parser that is busy with a large note would go on for minutes after its ingest was killed.
    Linux sends a signal, which also ends a process that never returns from a regular expression. Elsewhere a
    thread looks once a second. `parent` is the number of the process that started this one.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before that
        os._exit(1)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os._exit(1)


@contextmanager
def undone_on_leaving(undo: Callable[[], None]) -> Iterator[None]:
    """Have `undo` called if the program leaves at once inside the block."""
    _UNFINISHED.add(undo)
    try:
        yield
    finally:
        _UNFINISHED.discard(undo)


def undo_unfinished() -> None:
    """Undo what other threads have begun, before the program leaves at once."""
    for undo in tuple(_UNFINISHED):
        undo()


def printed_by(module: str, *arguments: str) -> str:
    """Return the output of `python -m module`.

    Raises:
        ModelFailed: it ended with another status than 0; the message has its last line of output.
    """
    done = subprocess.run(
        command(module, *arguments), capture_output=True, text=True, env=surroundings(), check=False
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise ModelFailed(
            f"Preparing the embedding model failed ({last}); run `lectern doctor` for what is wrong."
        )
    return done.stdout
