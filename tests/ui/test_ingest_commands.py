"""`lectern ingest`, `documents` and `doctor` as a person runs them, with the embedded model."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

import pytest
from typer.testing import CliRunner

from rag.errors import InputError, LibraryMissing, ModelError
from rag.library.library import Library
from tests.patience import PATIENCE_SECONDS
from ui.cli import build_app

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "one.md").write_text("# Aliasing\n\nSampling too slowly folds high frequencies down.\n")
    (folder / "two.txt").write_text("A low-pass filter before the converter prevents that.\n")
    (folder / "bad.ipynb").write_text("not a notebook")
    return folder


def lectern(tmp_path: Path, *arguments: str) -> str:
    """What a command prints on stdout."""
    done = CliRunner().invoke(build_app(), [*arguments, "--library", str(tmp_path / "library")])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0
    return done.stdout


@pytest.mark.model
def test_the_verbs_together(tmp_path: Path, notes: Path) -> None:
    first = json.loads(lectern(tmp_path, "ingest", str(notes), "--json"))
    assert (first["added"], first["documents"]) == (2, 2)
    assert first["failed"] == [{"path": "bad.ipynb", "reason": first["failed"][0]["reason"]}]
    assert "2 unchanged, 1 not read: 2 documents" in lectern(tmp_path, "ingest", str(notes))
    listed = [json.loads(line) for line in lectern(tmp_path, "documents", "list", "--json").splitlines()]
    assert [entry["path"] for entry in listed] == ["one.md", "two.txt"]
    shown = json.loads(lectern(tmp_path, "documents", "show", "one.md", "--json"))
    assert [block["locator"] for block in shown["blocks"]] == [
        'one.md › "Aliasing" › line 1',
        'one.md › "Aliasing" › line 3',
    ]
    found = json.loads(lectern(tmp_path, "doctor", "--json"))
    assert "failed" in [finding["subject"] for finding in found["findings"]]
    removed = json.loads(lectern(tmp_path, "documents", "remove", "two.txt", "--json"))
    assert removed == {"removed": ["two.txt"], "documents": 1}


def test_wrong_input_is_one_sentence_and_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no file or folder"):
        lectern(tmp_path, "ingest", str(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="There is no note in"):
        lectern(tmp_path, "ingest", str(tmp_path / "empty"))
    assert not (tmp_path / "library").exists()
    with pytest.raises(LibraryMissing, match="lectern ingest"):
        lectern(tmp_path / "other", "documents", "list")


def test_a_missing_model_makes_no_library(
    tmp_path: Path, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LECTERN_EMBEDDING__MODEL", str(tmp_path / "no-model"))
    with pytest.raises(ModelError):
        lectern(tmp_path, "ingest", str(notes))
    assert not (tmp_path / "library").exists()


@pytest.mark.model
def test_a_burst_that_meets_another_writer_is_read_once_that_is_done(tmp_path: Path, notes: Path) -> None:
    folder = tmp_path / "library"
    process = subprocess.Popen(
        [sys.executable, "-m", "ui.cli", "ingest", str(notes), "--watch", "--library", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "1000"},
        text=True,
    )
    try:
        assert process.stderr is not None
        _read_until(process.stderr, "Watching")
        with Library.open(folder) as library:
            with library.writing():
                (notes / "three.md").write_text("# Nyquist\n\nTwice the highest frequency.\n")
                _read_until(process.stderr, "Trying again")
                assert not library.has("three.md")
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not library.has("three.md"):
                assert time.monotonic() < deadline
                time.sleep(0.1)
    finally:
        process.kill()
        process.communicate()


def _read_until(stream: IO[str], word: str) -> None:
    """Reads lines until one has the word."""
    for line in stream:
        if word in line:
            return
    raise AssertionError(f"no {word}")


SHOWN = """
import sys
import rich.console
now = 0.0
rich.console.monotonic = lambda: now  # a busy machine would draw other seconds
from ingest.report import IngestEvent, Stage
from ui.ingest_progress import ingest_progress

with ingest_progress() as show:
    show(IngestEvent(Stage.FOUND, 0, 40, 0, 0, 0.0))
    for files in range(1, 11):
        now += 0.1
        show(IngestEvent(Stage.SAVED, files, 40, 250 * files, 4000, 2.5 * files, "a.md"))
    sys.stdin.readline()
    show(IngestEvent(Stage.INDEXING, 40, 40, 10000, 10000, 50.0))
    sys.stdin.readline()
"""
DRAWN = (b"10/40", b"40/40")
"""What the bar shows at each of the two stops, after which the process may go on."""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_the_bar_shows_files_passages_rate_and_time_left() -> None:
    """On a real terminal: a quarter of the files took a second, so that three more are left."""
    import pty

    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", SHOWN],
        stdin=subprocess.PIPE,
        stderr=theirs,
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "150",
            "TERM": "xterm-256color",
            "NO_COLOR": "1",
        },
    ) as process:
        os.close(theirs)
        assert process.stdin is not None
        shown, stops = b"", 0
        with suppress(OSError):  # how a terminal ends
            while part := os.read(ours, 65536):
                shown += part
                if stops < len(DRAWN) and DRAWN[stops] in shown:
                    stops += 1
                    process.stdin.write(b"\n")
                    process.stdin.flush()
    os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode())
    assert "10/40" in text
    left = re.findall(r"10/40 files · 2,500 passages · 100/s 0:00:0\d · left 0:00:0(\d)", text)
    assert left
    assert 2 <= int(left[0]) <= 5
    assert re.search(r"Writing the index .* 40/40 files · 10,000 passages · 200/s", text)


def test_the_bar_is_silent_where_nobody_looks() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHOWN],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    assert (done.stdout, done.stderr.strip()) == (b"", b"")
