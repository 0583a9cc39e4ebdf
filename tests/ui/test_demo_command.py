"""`lectern demo`: the example course in a clone and in a wheel, in a library of its own."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.errors import LibraryMissing
from ui import installing
from ui.commands import demo

ROOT = Path(__file__).parents[2]


def wheel_files() -> dict[str, str]:
    """The files that a wheel has inside a package, by their place in the clone."""
    module = ast.parse((ROOT / "wheel_files.py").read_text(encoding="utf-8"))
    values = [node.value for node in module.body if isinstance(node, ast.Assign)]
    return {str(key): str(value) for key, value in ast.literal_eval(values[0]).items()}


def test_a_wheel_has_the_files_where_the_code_reads_them() -> None:
    assert all((ROOT / source).exists() for source in wheel_files())
    assert wheel_files()["examples/course"] == demo._PLACES[0]
    constraints = Path(installing.__file__).with_name(installing._CONSTRAINTS)
    assert wheel_files()["constraints.txt"] == str(constraints.relative_to(ROOT))


def test_the_course_is_found_in_a_clone_and_in_a_wheel(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert demo.example_course() == ROOT / "examples" / "course"
    monkeypatch.setattr(demo, "__file__", str(tmp_path / "ui" / "commands" / "demo.py"))
    with pytest.raises(LibraryMissing, match="no example course"):
        demo.example_course()
    (tmp_path / "ui" / "example_course").mkdir(parents=True)
    assert demo.example_course() == tmp_path / "ui" / "example_course"


@pytest.mark.model
def test_the_demo_answers_and_leaves_other_notes_alone(
    lectern: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    own = tmp_path / "own"
    done = lectern("demo", XDG_DATA_HOME=str(tmp_path / "data"), LECTERN_LIBRARY=str(own))
    assert done.returncode == 0, done.stderr
    assert "11 added" in done.stdout
    assert "15 December 2026" in done.stdout
    assert "syllabus.docx" in done.stdout
    assert f'lectern chat --library "{tmp_path / "data" / "lectern" / "demo"}"' in done.stderr
    assert not own.exists()
    again = lectern("demo", "What is the Nyquist rate?", XDG_DATA_HOME=str(tmp_path / "data"))
    assert "11 unchanged" in again.stdout
