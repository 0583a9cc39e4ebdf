"""A library of the example course, made once by the real command line with the real models."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
AUDIT = Path(__file__).parent / "audit"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def socket_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the children of `lectern` write every address they look up or connect to."""
    path = tmp_path_factory.mktemp("audit") / "sockets.txt"
    path.touch()
    return path


@pytest.fixture(scope="session")
def lectern(socket_log: Path) -> Run:
    """Runs the command line in a process of its own, its sockets written down."""

    def run(*arguments: str | Path, seconds: float = 300, **environ: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([str(AUDIT), str(ROOT)])
        return subprocess.run(
            [sys.executable, "-m", "ui.cli", *map(str, arguments)],
            env=os.environ
            | {"PYTHONPATH": path, "SOCKET_LOG_OF_TESTS": str(socket_log), "COLUMNS": "120"}
            | environ,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def course_library(lectern: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The example course, ingested."""
    library = tmp_path_factory.mktemp("library")
    result = lectern("ingest", ROOT / "examples" / "course", "--library", library, "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["failed"] == []
    yield library


@pytest.fixture(scope="session")
def golden() -> list[dict[str, Any]]:
    """The example course's golden questions."""
    text = (ROOT / "examples" / "golden.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]
