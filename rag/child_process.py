"""Modules run in a process of their own, so that the memory they take goes back to the machine when they are done."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from rag.errors import ModelFailed

_ROOT = Path(__file__).resolve().parent.parent


def command(module: str, *arguments: str) -> list[str]:
    """What runs a module of Lectern with this Python, wherever the process is started; needs `surroundings`."""
    return [sys.executable, "-P", "-m", module, *arguments]


def surroundings() -> dict[str, str]:
    """This process's environment, with Lectern's own folder first where modules are looked for."""
    search = os.pathsep.join(part for part in (str(_ROOT), os.environ.get("PYTHONPATH")) if part)
    return {**os.environ, "PYTHONPATH": search}


def printed_by(module: str, *arguments: str) -> str:
    """What `python -m module` prints.

    Raises:
        ModelFailed: it ended with another status than 0; the message holds the last thing it said.
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
