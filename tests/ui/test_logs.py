"""`lectern --verbose`, `python -m ui` and the log file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[2]


def lectern(*arguments: str, state: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ui", *arguments],
        cwd=ROOT,
        env={**os.environ, "XDG_STATE_HOME": str(state), "HOME": str(state)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def test_python_m_ui_is_the_command() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "ui", "--version"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0
    assert result.stdout.startswith("lectern ")


def test_verbose_names_its_file_and_keeps_the_traceback_there(tmp_path: Path) -> None:
    result = lectern("--verbose", "documents", "list", "--library", str(tmp_path / "none"), state=tmp_path)
    assert result.returncode == 1
    named = [line for line in result.stderr.splitlines() if "the log is also written to " in line]
    log = Path(named[0].partition("written to ")[2])
    assert log.is_relative_to(tmp_path)
    text = log.read_text(encoding="utf-8")
    assert "LibraryMissing" in text
    assert "Traceback" in text
    assert "Traceback" not in result.stderr
    assert result.stderr.splitlines()[-1].startswith("lectern: There is no library at ")


@pytest.mark.skipif(os.name == "nt", reason="file modes are POSIX's")
def test_only_the_user_reads_the_log(tmp_path: Path) -> None:
    result = lectern("--verbose", "settings", "--json", state=tmp_path)
    assert result.returncode == 0
    logs = list(tmp_path.rglob("lectern.log"))
    assert [path.stat().st_mode & 0o777 for path in logs] == [0o600]


def test_without_verbose_nothing_is_logged(tmp_path: Path) -> None:
    result = lectern("documents", "list", "--library", str(tmp_path / "none"), state=tmp_path)
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert list(tmp_path.rglob("lectern.log")) == []


def test_a_folder_that_cannot_be_written_costs_only_the_file(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    result = lectern("--verbose", "settings", "--json", state=blocker)
    assert result.returncode == 0
    assert "no log file" in result.stderr
