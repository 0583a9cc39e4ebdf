"""The installation of optional parts into the environment that Lectern runs in.

pip installs them, or uv where the environment has no pip; where there is neither, Python's own copy of pip is put into
the environment (pipx leaves it out). They keep their own settings: index, proxies,
certificates, cache. The versions are those that were tested together (`constraints.txt`).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib import invalidate_caches
from importlib.util import find_spec
from pathlib import Path

from rag.errors import ModelMissing
from ui.logs import DISTRIBUTION

_ROOT = Path(__file__).resolve().parents[1]
_CONSTRAINTS = "constraints.txt"
_ENSURE_PIP = ("-m", "ensurepip", "--default-pip")


def requirement(extras: Sequence[str]) -> list[str]:
    """Return the installer's arguments for extras, from a clone or from the index."""
    names = f"[{','.join(extras)}]"
    if (_ROOT / "pyproject.toml").is_file():
        return ["--editable", f"{_ROOT}{names}"]
    return [f"{DISTRIBUTION}{names}"]


def install(arguments: Sequence[str]) -> None:
    """Run the installer of this environment.

    Raises:
        ModelMissing: there is no installer, or it failed; the message has its last line.
    """
    command = [*installer(), *_constraints(), *arguments]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, errors="replace", check=False)
    if done.returncode:
        lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
        errors = [line for line in lines if line.upper().startswith("ERROR")] or lines or ["no reason given"]
        raise ModelMissing(f"{' '.join(command)} failed: {errors[-1]}")
    invalidate_caches()


def installer() -> list[str]:
    """Return the command that installs into this environment.

    Raises:
        ModelMissing: there is neither pip nor uv, and this Python has no copy of pip.
    """
    uv = shutil.which("uv")
    if not find_spec("pip") and uv:
        return [uv, "pip", "install", "--quiet", "--python", sys.executable]
    if not find_spec("pip"):
        _bootstrap_pip()
    return [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]


def _bootstrap_pip() -> None:
    """Put Python's own copy of pip into the environment.

    Raises:
        ModelMissing: this Python has none.
    """
    done = subprocess.run([sys.executable, *_ENSURE_PIP], capture_output=True, check=False)
    if done.returncode:
        raise ModelMissing(
            f"There is neither pip in {sys.prefix} nor uv on the path. Install one of them and run the command again."
        )
    invalidate_caches()


def _constraints() -> list[str]:
    """Return the option with the tested versions, of the clone or of the wheel."""
    files = (_ROOT / _CONSTRAINTS, Path(__file__).with_name(_CONSTRAINTS))
    return next((["--constraint", str(file)] for file in files if file.is_file()), [])
