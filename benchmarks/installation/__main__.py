"""`make bench-install`: size of the base, and time from a clone to a cited answer.

Each revision is cloned, installed and asked in a folder of its own, with an empty cache of pip and of Lectern, all
in one run. Downloads are part of the time, so the figures are those of this machine's package index.

    python -m benchmarks.installation [REVISION ...]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
QUESTION = "When do we sit the final?"
ANSWER, CITED = "15 December", "[1]"
"""The fact and the citation of the answer, in the form of every revision."""
_UNITS = 1e6


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one revision, in seconds and bytes.

    `first_answer` runs from `git clone` to the printed answer; `environment_bytes` is the size of `.venv` then, and
    `served_bytes` after the web app answered for its page too, because Python compiles what is imported.
    `first_ingest` and `later_ingest` read the example course into a new library, without and with what an ingest
    leaves in the cache folder.
    """

    first_answer: float
    environment_bytes: int
    served_bytes: int
    first_ingest: float
    later_ingest: float


def measured(revision: str, folder: Path) -> Figures:
    """Clone, install and ask a revision in an empty folder.

    Raises:
        SystemExit: the answer has no citation.
        subprocess.CalledProcessError: a command failed.
    """
    clone, caches = folder / "clone", folder / "cache"
    environ = os.environ | {
        "XDG_CACHE_HOME": str(caches),
        "XDG_DATA_HOME": str(folder / "data"),
        "PIP_CACHE_DIR": str(folder / "pip"),
    }
    for name in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE"):  # a student's machine keeps compiled modules
        environ.pop(name, None)
    begin = time.perf_counter()
    subprocess.run(["git", "clone", "-q", "--shared", "--no-checkout", str(ROOT), str(clone)], check=True)
    subprocess.run(["git", "checkout", "-q", revision], cwd=clone, check=True)
    asked = subprocess.run(
        ["make", "ask", f"Q={QUESTION}"],
        cwd=clone,
        env=environ,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    seconds = time.perf_counter() - begin
    if not (ANSWER in asked.stdout and CITED in asked.stdout):
        sys.exit(f"{revision} gave no cited answer:\n{asked.stdout}")
    environment_bytes = _bytes(clone / ".venv")
    _serve(clone, environ)
    ingests = [
        _ingest(clone, folder / name, environ | _cache(folder / "other")) for name in ("first", "later")
    ]
    return Figures(seconds, environment_bytes, _bytes(clone / ".venv"), *ingests)


def _cache(folder: Path) -> dict[str, str]:
    return {"XDG_CACHE_HOME": str(folder)}


def _serve(clone: Path, environ: dict[str, str]) -> None:
    """Start the web app, fetch its page and stop it."""
    command = [str(clone / ".venv/bin/lectern"), "chat", "--port", "0", "--no-browser"]
    with subprocess.Popen(command, cwd=clone, env=environ, stderr=subprocess.PIPE, text=True) as server:
        try:
            line = next(line for line in server.stderr or () if "Lectern is at" in line)
            address = next(word for word in line.split() if word.startswith("http://"))
            with urllib.request.urlopen(address) as page:
                page.read()
        finally:
            server.terminate()


def _ingest(clone: Path, library: Path, environ: dict[str, str]) -> float:
    """Return the seconds of reading the example course into a new library."""
    command = [clone / ".venv/bin/lectern", "ingest", clone / "examples/course", "--library", library]
    begin = time.perf_counter()
    subprocess.run(command, cwd=clone, env=environ, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def _bytes(folder: Path) -> int:
    """Return the bytes of the files under a folder."""
    return sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir())


def main() -> None:
    """Measure the revisions and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("revisions", nargs="*", default=["HEAD"], metavar="REVISION")
    print(
        f"{'revision':<12}{'clone to answer':>17}{'.venv':>12}{'with chat':>12}{'first ingest':>14}{'later ingest':>14}"
    )
    for revision in parser.parse_args().revisions:
        with tempfile.TemporaryDirectory(prefix="lectern-installation-") as folder:
            found = measured(revision, Path(folder))
        print(
            f"{revision[:10]:<12}{found.first_answer:>15.1f} s{found.environment_bytes / _UNITS:>9,.0f} MB"
            f"{found.served_bytes / _UNITS:>9,.0f} MB{found.first_ingest:>12.1f} s{found.later_ingest:>12.1f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
