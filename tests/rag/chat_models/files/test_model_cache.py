"""What is made from a model once: whole or not at all, and what a killed process left behind is cleared away."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rag.chat_models.files.model_cache import cache_folder, cached_folder

ROOT = Path(__file__).parents[4]
KILLED = """
import os, signal
from rag.chat_models.files.model_cache import cached_folder

def build(folder):
    (folder / "half").write_bytes(b"x")
    os.kill(os.getpid(), signal.SIGKILL)

cached_folder("made", build)
"""


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def write_one(folder: Path) -> None:
    (folder / "one").write_text("1")


def test_what_a_killed_process_left_is_removed_by_the_next_that_writes() -> None:
    done = subprocess.run([sys.executable, "-c", KILLED], cwd=ROOT, env=os.environ, check=False)
    assert done.returncode < 0
    (left,) = cache_folder().iterdir()
    assert left.name.startswith(".made.")
    assert (left / "half").is_file()
    foreign = (
        cache_folder() / ".made.another-host.999999.abc"
    )  # of that machine's processes nothing is known here
    foreign.mkdir()

    def build(folder: Path) -> None:
        write_one(folder)
        cached_folder("other", write_one)  # and what this process writes just now stays

    made = cached_folder("made", build)
    assert [path.name for path in made.iterdir()] == ["one"]
    assert {path.name for path in cache_folder().iterdir()} == {"made", "other", foreign.name}


def test_what_is_there_is_not_made_again_and_a_failure_leaves_nothing() -> None:
    cached_folder("made", write_one)
    assert (cached_folder("made", lambda folder: pytest.fail("again")) / "one").read_text() == "1"

    def fails(folder: Path) -> None:
        write_one(folder)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        cached_folder("bad", fails)
    assert [path.name for path in cache_folder().iterdir()] == ["made"]
