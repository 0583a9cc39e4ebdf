"""Conditions of a command, checked before anything slow.

They are packages that are installed and a hub that answers.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit
from urllib.request import getproxies

from rag.errors import TrainingError
from rag.extras import adding

_PATIENCE_SECONDS = 3.0
"""The longest wait for a connection to the hub.

A slow line answers in one second, a missing name server never does.
"""


def require_packages(*names: str) -> None:
    """Import packages that only fine-tuning needs.

    Raises:
        TrainingError: some of them are not installed.
    """
    missing = [name for name in names if not _imports(name)]
    if missing:
        listed = ", ".join(missing)
        raise TrainingError(
            f"Fine-tuning needs {listed}, not installed here. Add it with: {adding('finetune')}"
        )


def _imports(name: str) -> bool:
    try:
        import_module(name)
    except ModuleNotFoundError:
        return False
    return True


def is_hub_id(where: str) -> bool:
    """Return whether a base or data set is an id of a hub.

    It is one if it is no file or folder and not written like a path.
    """
    path = Path(where)
    return not (path.exists() or path.is_absolute() or path.suffix == ".gguf" or where.startswith((".", "~")))


def ask_hub(what: str) -> bool:
    """Return whether the hub answers; announce the question on standard error.

    `what` is the name of the question's object. If the hub does not answer, its client is set to offline for
    this process, so that it reads its cache and does not spend half a minute on retries.
    """
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    if _reachable(constants.ENDPOINT):
        if os.environ.get("RANK", "0") == "0":
            sys.stderr.write(f"Asking {hub_name()} for {what}.\n")
        return True
    os.environ["HF_HUB_OFFLINE"] = "1"
    constants.HF_HUB_OFFLINE = True
    if datasets := sys.modules.get("datasets"):
        datasets.config.HF_HUB_OFFLINE = True
    return False


def hub_name() -> str:
    """Return the host name of the hub, for messages."""
    from huggingface_hub import constants

    return urlsplit(constants.ENDPOINT).hostname or constants.ENDPOINT


def unreachable(what: str) -> str:
    """Return the reason for a missing thing while the hub cannot be asked."""
    return f"{what} is not on this machine and {hub_name()} cannot be reached"


@cache
def _reachable(endpoint: str) -> bool:
    """Return whether the hub, or the proxy on the way to it, accepts a connection."""
    parts = urlsplit(getproxies().get(urlsplit(endpoint).scheme, endpoint))
    port = parts.port or (80 if parts.scheme == "http" else 443)
    return _within(_PATIENCE_SECONDS, lambda: _connects(parts.hostname or "", port))


def _connects(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=_PATIENCE_SECONDS):
            return True
    except OSError:
        return False


def _within(seconds: float, question: Callable[[], bool]) -> bool:
    """Return the answer to a question, or False if it takes longer.

    A name server cannot be given a time limit of its own.
    """
    answers: list[bool] = []
    thread = Thread(target=lambda: answers.append(question()), daemon=True)
    thread.start()
    thread.join(seconds)
    return answers == [True]
