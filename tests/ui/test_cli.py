"""The command line answers at once, names what is wrong in one sentence, and exits with the agreed status."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.patience import PATIENCE_SECONDS
from ui import cli
from ui.cli import COMMANDS, EVAL_COMMANDS, build_app

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("rag", "ingest", "finetune", "eval", "ui")
HEAVY = (
    "torch transformers sentence_transformers faiss gradio ragas trl peft datasets openvino openvino_genai numpy "
    "langchain_core pydantic docx pptx nbformat pypdfium2 plotly pandas"
).split()


def lectern(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ui.cli", *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "120", **environ},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def test_help_of_every_verb_loads_nothing_heavy() -> None:
    code = f"import sys; from ui.cli import build_app; build_app(); print([m for m in {HEAVY!r} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("verb", COMMANDS)
def test_every_verb_has_help(verb: str) -> None:
    result = CliRunner().invoke(build_app(), [verb, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


def test_every_command_module_is_there() -> None:
    for name in (*COMMANDS, *EVAL_COMMANDS):
        assert (ROOT / "ui" / "commands" / f"{name}.py").is_file()


def test_no_other_package_owns_a_room() -> None:
    owners = packages_distributions()
    for room in ROOMS:
        assert set(owners.get(room, ["lectern-notes"])) == {"lectern-notes"}


def test_an_expected_error_is_one_sentence_and_exit_one(tmp_path: Path) -> None:
    result = lectern("ask", "What is it?", "--library", str(tmp_path / "none"))
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("lectern: There is no library at ")
    assert "lectern ingest" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_interrupt_that_a_library_turned_into_its_own_error_is_an_interrupt() -> None:
    """SQLite raises `OperationalError` where Ctrl-C comes while it calls a function written in Python."""
    code = """
import os, signal, sqlite3
from rag.errors import LibraryError
from ui import cli

def app():
    connection = sqlite3.connect(":memory:")
    connection.create_function("interrupted", 0, lambda: os.kill(os.getpid(), signal.SIGINT))
    try:
        connection.execute("SELECT interrupted()")
    except sqlite3.OperationalError as exc:
        raise LibraryError("The library cannot be read.") from exc

signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell hands it down ignored
cli.build_app = lambda: app
cli.main()
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (130, "Stopped.")


def test_wrong_usage_is_exit_two() -> None:
    assert lectern("ask").returncode == 2
    assert lectern("no-such-verb").returncode == 2


def test_an_unknown_variable_is_told() -> None:
    result = lectern("settings", LECTERN_MODLE__NAME="x")
    assert result.returncode == 1
    assert "LECTERN_MODLE__NAME" in result.stderr


def test_settings_as_json_name_their_source(tmp_path: Path) -> None:
    import json

    result = lectern("settings", "--json", "--library", str(tmp_path), LECTERN_MODEL__NAME="llama3-8b")
    rows = json.loads(result.stdout)
    assert rows["model.name"]["value"] == "llama3-8b"
    assert rows["model.name"]["source"] == "LECTERN_MODEL__NAME"
    assert rows["library"] == {"value": str(tmp_path), "source": "flag", "about": rows["library"]["about"]}
    assert rows["retrieval.k"]["source"] == "default"


def test_a_key_is_never_printed() -> None:
    result = lectern("settings", "--json", LECTERN_MODEL__API_KEY="very-secret")
    assert result.returncode == 0
    assert "very-secret" not in result.stdout


def test_version() -> None:
    result = lectern("--version")
    assert result.returncode == 0
    assert result.stdout.startswith("lectern ")


def test_a_failed_import_of_an_extra_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(cli, "build_app", lambda: fails("torch.nn"))
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    expected = "lectern: This needs torch, not installed here. Add it with: lectern setup models\n"
    assert capsys.readouterr().err == expected
    monkeypatch.setattr(cli, "build_app", lambda: fails("something_of_nobody"))
    with pytest.raises(ModuleNotFoundError):
        cli.main()
