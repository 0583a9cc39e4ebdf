"""`lectern serve` as a process of its own, over the example course."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
COURSE = ROOT / "examples" / "course"
_ENVIRON = os.environ | {"HF_HUB_OFFLINE": "1", "LECTERN_API__REQUESTS_PER_MINUTE": "0"}


@dataclass(frozen=True, slots=True)
class Served:
    """A running server."""

    url: str
    process: psutil.Process

    def memory_bytes(self) -> int:
        """Return its resident memory."""
        return int(self.process.memory_info().rss)


def ingest(library: Path) -> None:
    """Read the example course into a library."""
    command = [sys.executable, "-m", "ui.cli", "ingest", str(COURSE), "--library", str(library)]
    subprocess.run(command, env=_ENVIRON, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def served(library: Path, queue_length: int) -> Iterator[Served]:
    """Yield a server over a library, with so many places for questions that wait."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ui.cli", "serve", "--port", "0", "--library", str(library)],
        env=_ENVIRON | {"LECTERN_API__QUEUE_LENGTH": str(queue_length)},
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None  # noqa: S101 - a pipe was asked for
        found = next(filter(None, (re.search(r"http://[\d.:]+", line) for line in process.stderr)), None)
        if found is None:
            raise SystemExit("the server printed no address")
        yield Served(found.group(), psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait(30)
