"""The command line with a library on a PostgreSQL server, beside the same library in a folder."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("psycopg", reason="psycopg (extra postgres) is not installed")
pytestmark = pytest.mark.model
ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "examples" / "golden.jsonl"
QUESTION = "What is the Nyquist rate?"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def state(tmp_path: Path) -> dict[str, str]:
    return {"XDG_STATE_HOME": str(tmp_path / "state")}


def test_a_copied_course_gives_the_same_hits_answers_and_figures(
    lectern: Run, course_library: Path, make_database: Callable[[], str], state: dict[str, str]
) -> None:
    address = f"{make_database()}#signals"
    copied = json.loads(lectern("library", "copy", course_library, address, "--json", **state).stdout)
    assert (copied["documents"], copied["already_there"]) == (11, 0)
    assert copied["to_folder"].startswith(state["XDG_STATE_HOME"])
    for verb in (("search", QUESTION), ("ask", QUESTION), ("eval", "retrieval", "--golden", GOLDEN)):
        here, there = (
            json.loads(lectern(*verb, "--json", "--library", place, **state).stdout)
            for place in (course_library, address)
        )
        for result in (here, there):
            for changing in ("seconds", "timings", "receipt", "latency_seconds"):
                result.pop(changing, None)
        assert json.loads(json.dumps(here), parse_float=_rounded) == json.loads(
            json.dumps(there), parse_float=_rounded
        )


def _rounded(text: str) -> float:
    return round(float(text), 3)


def test_notes_are_read_found_and_removed_on_a_server(
    lectern: Run, make_database: Callable[[], str], state: dict[str, str], tmp_path: Path
) -> None:
    library = ("--library", f"{make_database()}#birds")
    refused = lectern("documents", "list", *library, **state)
    assert (refused.returncode, "no library of Lectern yet" in refused.stderr) == (1, True)
    (tmp_path / "owls.md").write_text("# Owls\n\nOwls hunt at night, because their prey is awake then.\n")
    assert (
        json.loads(lectern("ingest", tmp_path / "owls.md", "--json", *library, **state).stdout)["added"] == 1
    )
    assert (
        json.loads(lectern("ingest", tmp_path / "owls.md", "--json", *library, **state).stdout)["unchanged"]
        == 1
    )
    answer = json.loads(lectern("ask", "When do owls hunt?", "--json", *library, **state).stdout)
    assert "at night" in answer["answer"]
    report = json.loads(lectern("doctor", "--deep", "--json", *library, **state).stdout)
    assert [finding for finding in report["findings"] if finding["severity"] == "error"] == []
    assert any("pg_amcheck" in finding["mend"] for finding in report["findings"])
    backup = lectern("backup", tmp_path / "b.zip", *library, **state)
    assert backup.returncode == 1
    assert "pg_dump" in backup.stderr and state["XDG_STATE_HOME"] in backup.stderr
    assert (
        json.loads(lectern("documents", "remove", "owls.md", "--json", *library, **state).stdout)["documents"]
        == 0
    )


def test_a_password_is_in_no_message_and_no_log(
    fresh_lectern: Run, state: dict[str, str], tmp_path: Path
) -> None:
    address = "postgresql://ann:secret@127.0.0.1:1/notes?password=secret#algebra"
    for words in (
        ("ask", QUESTION),
        ("documents", "list"),
        ("doctor",),
        ("settings",),
        ("library", "copy", address, "x"),
    ):
        library = () if words[0] == "library" else ("--library", address)
        done = fresh_lectern("--verbose", *words, *library, **state)
        assert done.returncode == (0 if words[0] in {"doctor", "settings"} else 1), done.stderr
        assert "Traceback" not in done.stderr
        assert "secret" not in done.stdout + done.stderr
    logs = [path.read_text() for path in tmp_path.rglob("*.log")]
    assert logs and "cannot be reached" in "".join(logs)
    assert "secret" not in "".join(logs)
