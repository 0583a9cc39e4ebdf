"""The default path without the packages of the extras: ingest, search, ask, doctor and the start of the web app.

Each runs in a process in which these packages cannot be imported, and none of them may even be tried: a try costs
seconds where torch is installed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[2]
ABSENT = "accelerate babel bitsandbytes datasets openai peft psycopg scipy sentence_transformers sklearn torch transformers trl"
WEB = "gradio pandas"
ADAPTER = str(ROOT / "rag" / "adapters" / "embedded-grounded")

Verb = Callable[..., str]

pytestmark = pytest.mark.model


@pytest.fixture
def surroundings(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine on which Lectern never ran and the extras are absent."""
    path = os.pathsep.join([str(ROOT / "tests" / "ui" / "absent"), str(ROOT)])
    return os.environ | {
        "PYTHONPATH": path,
        "ABSENT_PACKAGES": ",".join(f"{ABSENT} {WEB}".split()),
        "IMPORT_LOG_OF_TESTS": str(tmp_path / "imports.txt"),
        "LECTERN_LIBRARY": str(tmp_path / "library"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }


@pytest.fixture
def verb(surroundings: dict[str, str], tmp_path: Path) -> Verb:
    """Runs a verb of the command line and returns its output; fails if it ends with an error or tries an import."""

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "ui.cli", *words],
            env=surroundings, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert tried(tmp_path) == []
        return done.stdout

    return run


def tried(tmp_path: Path) -> list[str]:
    """The absent modules that were tried so far."""
    log = tmp_path / "imports.txt"
    return log.read_text(encoding="utf-8").splitlines() if log.is_file() else []


def test_from_notes_to_an_answer(verb: Verb, tmp_path: Path) -> None:
    (tmp_path / "owls.md").write_text(
        "# Owls\n\nOwls hunt at night, because their prey is awake then.\n", encoding="utf-8"
    )
    assert json.loads(verb("ingest", "owls.md", "--json"))["added"] == 1
    assert json.loads(verb("search", "when do owls hunt", "--json"))["hits"][0]["document"] == "owls.md"
    answer = json.loads(verb("ask", "When do owls hunt?", "--json"))
    assert "at night" in answer["answer"]
    assert answer["citations"][0]["document"] == "owls.md"
    report = json.loads(verb("doctor", "--json"))
    assert [finding for finding in report["findings"] if finding["severity"] == "error"] == []
    assert verb("documents", "list", "--json")
    assert verb("models", "list", "--json")


def test_the_web_app_starts(surroundings: dict[str, str], tmp_path: Path) -> None:
    server = subprocess.Popen(
        [sys.executable, "-m", "ui.cli", "chat", "--port", "0", "--no-browser"],
        env=surroundings | {"ABSENT_PACKAGES": ",".join(ABSENT.split())},
        cwd=tmp_path, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert server.stderr
        line = next(line for line in server.stderr if "Lectern is at" in line)
        address = next(word for word in line.split() if word.startswith("http://"))
        with urllib.request.urlopen(address, timeout=PATIENCE_SECONDS) as page:
            assert b"<html" in page.read()
        assert tried(tmp_path) == []
    finally:
        server.terminate()
        server.wait(PATIENCE_SECONDS)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("chat", "--no-browser"), "web"),
        (("documents", "list", "--library", "postgresql://ann@host/notes#algebra"), "postgres"),
        (("ask", "q", "--model", "somebody/something"), "models"),
        (("ask", "q", "--model", "openai:m@http://127.0.0.1:9/v1"), "endpoint"),
        (("finetune", "preview", "smollm2-135m-customer-service"), "finetune"),
        (("finetune", "average", ADAPTER, ADAPTER, "--out", "mean"), "finetune"),
    ],
)
def test_what_is_missing_is_one_sentence_with_the_command(
    surroundings: dict[str, str], course_library: Path, tmp_path: Path, words: tuple[str, ...], part: str
) -> None:
    surroundings["LECTERN_LIBRARY"] = str(course_library)
    done = subprocess.run(
        [sys.executable, "-m", "ui.cli", *words],
        env=surroundings, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(f"Add it with: lectern setup {part}")
    assert "Traceback" not in done.stderr
