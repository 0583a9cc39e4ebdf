"""The README says what is there: its targets, its verbs, its folders and its Python example."""

from __future__ import annotations

import ast
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ui.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MOST_LINES = 130
EXAMPLE = "\n".join(re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE))


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= MOST_LINES


def test_every_make_target_of_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"make ([a-z-]*[a-z])\b(?!-[.*])", README)) <= targets


def test_every_verb_is_in_the_readme() -> None:
    assert [verb for verb in (*COMMANDS, "eval") if f"lectern {verb}" not in README] == []


def test_the_table_of_folders_is_complete() -> None:
    table = README.partition("## Folders")[2]
    named = re.findall(r"^\| `([\w/]+)/` \|", table, re.MULTILINE)
    assert [name for name in named if not (ROOT / name).is_dir()] == []
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.splitlines()
    folders = {line.partition("/")[0] for line in tracked if "/" in line and not line.startswith(".")}
    assert [folder for folder in folders if not any(name.split("/")[0] == folder for name in named)] == []
    rag = {path.name for path in (ROOT / "rag").iterdir() if (path / "__init__.py").is_file()}
    assert [folder for folder in sorted(rag) if f"rag/{folder}" not in named and folder != "text"] == []


def test_the_python_example_imports_what_exists() -> None:
    assert EXAMPLE
    for node in ast.walk(ast.parse(EXAMPLE)):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module or "")
            assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []


@pytest.mark.model
def test_the_python_example_runs(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    notes = ROOT / "examples" / "course" / "slides-spectrum.pptx"
    for command in (["-m", "ui", "ingest", str(notes), "--library", "library"], ["-c", EXAMPLE]):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert "slides-spectrum.pptx" in done.stdout
