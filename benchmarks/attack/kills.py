"""Ingests and restores killed at random moments.

Nothing is lost, doubled or half there.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.attack.course import make_library, write_notes
from benchmarks.attack.tally import Tally
from ingest.deep_check import deep_findings
from ingest.doctor import Severity
from rag.errors import LecternError
from rag.library.backup import back_up
from rag.library.library import Library

_ROOT = Path(__file__).resolve().parents[2]
_LONGEST_SECONDS = 0.35
"""Latest moment of a kill. An ingest of the small course takes about 0.3 seconds."""
Content = dict[str, tuple[str, tuple[str, ...]]]
"""Document to its text and the texts of its passages."""


class ForkServer:
    """The process that forks the ones to kill."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.attack.fork_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=_ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            text=True,
        )

    def run(self, do: str, library: Path, source: Path, kill_after_seconds: float | None = None) -> bool:
        """Run one process, killed after so many seconds.

        Return True if the kill came before its end.
        """
        ask, answers = self._process.stdin, self._process.stdout
        if ask is None or answers is None:
            raise RuntimeError("the process has no pipes")
        ask.write(json.dumps({"do": do, "library": str(library), "from": str(source)}) + "\n")
        ask.flush()
        pid = int(answers.readline())
        if kill_after_seconds is not None:
            time.sleep(kill_after_seconds)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return os.WIFSIGNALED(int(answers.readline()))

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


def attack(tries: int, seed: int = 0) -> Tally:
    """Kill processes while they write, one in five of them a restore."""
    generator, tally, server = random.Random(seed), Tally("kills"), ForkServer()
    try:
        with TemporaryDirectory(prefix="attack-") as place:
            course = _Course(Path(place), server)
            for number in range(tries):
                what = f"seed {seed}, try {number}"
                try:
                    if number % 5 == 4:
                        course.kill_restore(generator, tally, what)
                    else:
                        course.kill_ingest(generator, tally, what)
                except Exception as exc:  # noqa: BLE001 - any error after a kill is the failure looked for
                    tally.add("error", f"{what}: {type(exc).__name__}: {exc}")
    finally:
        server.close()
    return tally


class _Course:
    """Notes in two states, and libraries of both."""

    def __init__(self, place: Path, server: ForkServer) -> None:
        self._server, self._place = server, place
        self._notes = place / "notes"
        write_notes(self._notes, 6)
        make_library(place / "before", self._notes)
        self._old = _content(place / "before")
        write_notes(self._notes, 8)
        (self._notes / "lesson-2.md").write_text(
            "# Other\n\nAnother text about the heron.\n", encoding="utf-8"
        )
        (self._notes / "lesson-3.md").unlink()
        make_library(place / "whole", self._notes)
        self._new = _content(place / "whole")
        back_up(place / "whole", place / "backup.zip")

    def kill_ingest(self, generator: random.Random, tally: Tally, what: str) -> None:
        """Kill an ingest, look at what is there, and let the next one do the rest."""
        library = self._place / "library"
        shutil.rmtree(library, ignore_errors=True)
        if generator.random() < 0.5:
            shutil.copytree(self._place / "before", library)
        killed = self._server.run("ingest", library, self._notes, generator.uniform(0, _LONGEST_SECONDS))
        problem = _problem(library, self._old | {f"new {k}": v for k, v in self._new.items()})
        self._server.run("ingest", library, self._notes)
        found = _content(library)
        if not problem and {name: found.get(name) for name in self._new} != self._new:
            problem = "the next ingest did not do the rest"
        if not problem and (errors := _errors(library)):
            problem = errors[0]
        tally.add("killed ingests" if killed else "ended before", f"{what}: {problem}" if problem else "")

    def kill_restore(self, generator: random.Random, tally: Tally, what: str) -> None:
        """Kill a restore: the library is the old or the new one."""
        library = self._place / "library"
        shutil.rmtree(library, ignore_errors=True)
        shutil.copytree(self._place / "before", library)
        killed = self._server.run("restore", library, self._place / "backup.zip", generator.uniform(0, 0.15))
        problem = "" if _content(library) in (self._old, self._new) else "neither the old nor the new library"
        if not problem and (errors := _errors(library)):
            problem = errors[0]
        tally.add("killed restores" if killed else "ended before", f"{what}: {problem}" if problem else "")


def _content(folder: Path) -> Content:
    with Library.open(folder) as library:
        return {
            record.path: (
                library.document(record.path).text,
                tuple(chunk.text for chunk in library.chunks_of(record.path)),
            )
            for record in library.documents()
        }


def _problem(folder: Path, allowed: dict[str, Any]) -> str:
    """Return the fault of a library right after a kill.

    Empty for none, or for no library yet.
    """
    try:
        found = _content(folder)
    except LecternError as exc:
        return "" if not folder.exists() or "no library" in str(exc) else str(exc)
    for name, content in found.items():
        if content not in (allowed.get(name), allowed.get(f"new {name}")):
            return f"{name} is neither the old nor the new document"
    return next(iter(_errors(folder)), "")


def _errors(folder: Path) -> list[str]:
    return [finding.what for finding in deep_findings(folder) if finding.severity is Severity.ERROR]
