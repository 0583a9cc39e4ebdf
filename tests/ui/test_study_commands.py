"""`lectern study` as a person uses it, on the example course with the real models."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytestmark = pytest.mark.model
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def library(course_library: Path, lectern: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example course's library, for answers of its own."""
    import shutil

    folder = tmp_path_factory.mktemp("study") / "library"
    shutil.copytree(course_library, folder)
    return folder


def test_a_quiz_has_keys_that_its_documents_prove(lectern: Run, library: Path) -> None:
    made = lectern("study", "quiz", "-n", "8", "--json", "--library", library)
    assert made.returncode == 0, made.stderr
    items = [json.loads(line) for line in made.stdout.splitlines()]
    assert len(items) == 8 and "8 items accepted of" in made.stderr
    for item in items:
        citation = item["citation"]
        shown = lectern("documents", "show", citation["document"], "--json", "--library", library)
        text = json.loads(shown.stdout)["text"]
        assert text[citation["start"] : citation["end"]] == citation["quote"]
        assert not item["choices"] or item["choices"].count(item["answer"]) == 1


def test_the_same_quiz_is_made_again_and_another_seed_makes_another(
    fresh_lectern: Run, library: Path
) -> None:
    one, two, other = (
        fresh_lectern("study", "quiz", "-n", "5", "--seed", seed, "--json", "--library", library).stdout
        for seed in ("0", "0", "7")
    )
    assert one == two != other


def test_cards_are_due_answered_and_counted(lectern: Run, library: Path, tmp_path: Path) -> None:
    file = tmp_path / "cards.csv"
    assert lectern("study", "cards", "-n", "4", "--out", file, "--library", library).returncode == 0
    due = [
        json.loads(line)
        for line in lectern("study", "review", "--json", "--library", library).stdout.splitlines()
    ]
    assert len(due) == 4 and all(card["source"] == "same" for card in due)
    right = lectern("study", "answer", due[0]["id"], due[0]["answer"], "--json", "--library", library)
    assert json.loads(right.stdout)["right"] is True
    wrong = lectern("study", "answer", due[1]["id"][:8], "nonsense", "--json", "--library", library)
    assert json.loads(wrong.stdout)["right"] is False
    assert len(lectern("study", "review", "--json", "--library", library).stdout.splitlines()) == 2
    coverage = lectern("study", "coverage", "--json", "--library", library).stdout.splitlines()
    assert sum(json.loads(line)["asked"] for line in coverage) == 2
    shown = lectern("study", "coverage", "--library", library).stdout.splitlines()
    assert shown[0].split() == ["document", "section", "items", "asked", "right", "cards", "due", "known"]
    assert any(line.endswith("100%") for line in shown) and any(line.endswith(" 0%") for line in shown)
    exam = (datetime.now(UTC) + timedelta(days=10)).date().isoformat()
    days = lectern("study", "plan", "--exam", exam, "--json", "--library", library).stdout.splitlines()
    assert len(days) == 10 and sum(json.loads(line)["new"] for line in days) == 2


def test_review_without_a_card_says_so_beside_its_json(
    fresh_lectern: Run, library: Path, tmp_path: Path
) -> None:
    import shutil

    shutil.copytree(library, tmp_path / "library", ignore=shutil.ignore_patterns("study.sqlite*"))
    plain = fresh_lectern("study", "review", "--library", tmp_path / "library")
    assert (plain.returncode, plain.stdout) == (0, "") and "There are no cards yet." in plain.stderr
    listed = fresh_lectern("study", "review", "--json", "--library", tmp_path / "library")
    assert (listed.returncode, listed.stdout, listed.stderr) == (0, "", "")


def test_a_teacher_edits_approves_and_exports(lectern: Run, library: Path, tmp_path: Path) -> None:
    file = tmp_path / "quiz.csv"
    assert lectern("study", "quiz", "-n", "5", "--out", file, "--library", library).returncode == 0
    rows = list(csv.DictReader(io.StringIO(file.read_text("utf-8-sig"))))
    rows[0]["question"], rows[0]["approved"] = "My own question?", "yes"
    written = io.StringIO()
    table = csv.DictWriter(written, rows[0].keys())
    table.writeheader()
    table.writerows(rows)
    file.write_text(written.getvalue())
    done = lectern("study", "import", file, "--json", "--library", library)
    assert json.loads(done.stdout) == {"rows": 5, "changed": 1, "approved": 1}
    xml = lectern("study", "quiz", "--approved", "--format", "moodle", "--library", library).stdout
    questions = ElementTree.fromstring(xml).findall("question")[1:]
    assert [one.findtext("questiontext/text") for one in questions] == ["My own question?"]
    identity = rows[1]["id"]
    assert lectern("study", "edit", identity, "--answer", "My key", "--library", library).returncode == 0
    listed = lectern("study", "items", "--json", "--library", library).stdout.splitlines()
    shown = lectern("study", "items", "--library", library).stdout.splitlines()
    assert shown[0].split() == ["id", "kind", "state", "question", "key"]
    assert [line[:8] for line in shown[1:-1]] == [json.loads(row)["id"][:8] for row in listed]
    (edited,) = [one for one in map(json.loads, listed) if one["id"] == identity]
    assert (edited["answers"], edited["edited"]) == (["My key"], True)
    assert not edited["choices"] or "My key" in edited["choices"]
    golden = tmp_path / "golden.jsonl"
    assert lectern("eval", "golden", "add", golden, "--from-study", "--library", library).returncode == 0
    (line,) = golden.read_text().splitlines()
    assert json.loads(line)["question"] == "My own question?"
    assert lectern("eval", "golden", "validate", golden, "--library", library).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("quiz", "--scope", "lecture:77"), 1, "No document of the library is inside lecture 77"),
        (("quiz", "--format", "word"), 1, "There is no form 'word'"),
        (("quiz", "--format", "anki"), 1, "name it with --out"),
        (("quiz", "--out", "quiz.doc"), 1, "does not say the form"),
        (("quiz", "--kind", "poem"), 1, "There is no kind 'poem'"),
        (("answer", "ffff", "x"), 1, "There is no item with the id 'ffff'"),
        (("answer", "ffff", "--grade", "fine"), 2, "expected one of again, hard, good, easy"),
        (("plan", "--exam", "soon"), 2, "expected year-month-day"),
        (("plan", "--exam", "2001-01-01"), 2, "which is not after today"),
        (("plan", "--exam", "2999-01-01"), 2, "a plan reaches 730 days at most"),
    ],
)
def test_mistakes_are_one_sentence(
    lectern: Run, library: Path, arguments: tuple[str, ...], status: int, message: str
) -> None:
    result = lectern("study", *arguments, "--library", library)
    assert result.returncode == status, result.stderr
    assert message in " ".join(result.stderr.replace("│", " ").split()) and "Traceback" not in result.stderr
