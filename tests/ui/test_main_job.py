"""The main job on the real models, from the outside: a folder of notes in, a cited answer out."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., "subprocess.CompletedProcess[str]"]

pytestmark = [pytest.mark.model, pytest.mark.usefixtures("two_readers")]


def asked(
    lectern: Run, library: Path, questions: list[dict[str, Any]], tmp_path: Path, verb: str
) -> dict[str, Any]:
    source, out = tmp_path / "questions.jsonl", tmp_path / "out.jsonl"
    source.write_text("\n".join(json.dumps(question) for question in questions), encoding="utf-8")
    result = lectern(verb, "--questions", source, "--out", out, "--library", library)
    assert result.returncode == 0, result.stderr
    return {record["id"]: record for record in map(json.loads, out.read_text(encoding="utf-8").splitlines())}


def holds(hit: dict[str, Any], gold: list[dict[str, Any]]) -> bool:
    return any(
        hit["document"] == span["document"] and hit["start"] < span["end"] and span["start"] < hit["end"]
        for span in gold
    )


def test_a_second_ingest_touches_nothing(lectern: Run, course_library: Path) -> None:
    result = lectern("ingest", ROOT / "examples" / "course", "--library", course_library, "--json")
    report = json.loads(result.stdout)
    assert (report["added"], report["updated"], report["removed"]) == (0, 0, 0)
    assert report["unchanged"] == report["documents"] == len(list((ROOT / "examples" / "course").iterdir()))


def test_search_finds_the_gold(
    lectern: Run, course_library: Path, golden: list[dict[str, Any]], tmp_path: Path
) -> None:
    questions = [q for q in golden if not q.get("unanswerable") and "history" not in q]
    found = asked(lectern, course_library, questions, tmp_path, "search")
    hits = [any(holds(hit, q["gold"]) for hit in found[q["id"]]["hits"][:5]) for q in questions]
    assert sum(hits) / len(hits) >= 0.85


def test_answers_are_cited_and_the_foreign_questions_refused(
    lectern: Run, course_library: Path, golden: list[dict[str, Any]], tmp_path: Path
) -> None:
    far = [q for q in golden if "far" in q["tags"]]
    facts = [q for q in golden if "fact" in q["tags"]]
    answers = asked(lectern, course_library, far + facts, tmp_path, "ask")
    assert [answers[q["id"]]["abstained"] for q in far] == [True] * len(far)
    answered = [answers[q["id"]] for q in facts if not answers[q["id"]]["abstained"]]
    assert len(answered) >= len(facts) / 2
    for answer in answered:
        shown = {(hit["document"], hit["text"]) for hit in answer["hits"]}
        for citation in answer["citations"]:
            assert any(
                citation["document"] == document and citation["quote"] in text for document, text in shown
            )
        assert any(sentence["supported"] for sentence in answer["sentences"])
        assert answer["kind"] != "none"
    right = [any(holds(c, q["gold"]) for c in answers[q["id"]]["citations"]) for q in facts]
    assert sum(right) >= len(facts) / 3


def test_an_answer_can_be_asked_again(
    fresh_lectern: Run, course_library: Path, golden: list[dict[str, Any]]
) -> None:
    question = golden[0]["question"]
    first, second = (
        json.loads(fresh_lectern("ask", question, "--library", course_library, "--json").stdout)
        for _ in range(2)
    )
    assert first["answer"] == second["answer"]
    assert first["receipt"] == second["receipt"]


def test_an_answer_within_a_scope(lectern: Run, course_library: Path, golden: list[dict[str, Any]]) -> None:
    asking = ("ask", golden[0]["question"], "--library", course_library, "--json", "--scope")
    answer = json.loads(lectern(*asking, "lecture:4").stdout)
    assert {hit["document"] for hit in answer["hits"]} == {"lesson-04-filters.md"}
    assert answer["receipt"]["scope"] == "lecture 4"
    nowhere = lectern(*asking, "lecture:99")
    assert nowhere.returncode == 1
    assert "No document of the library is inside lecture 99" in nowhere.stderr


def test_a_follow_up_is_completed_and_searched(
    lectern: Run, course_library: Path, golden: list[dict[str, Any]], tmp_path: Path
) -> None:
    questions = [q for q in golden if "follow-up" in q["tags"]]
    answers = asked(lectern, course_library, questions, tmp_path, "ask")
    assert all(answers[q["id"]]["standalone_question"] != q["question"] for q in questions)
    found = [any(holds(hit, q["gold"]) for hit in answers[q["id"]]["hits"]) for q in questions]
    assert sum(found) >= len(questions) / 2


def test_the_terminal_shows_the_passages_it_cites(
    lectern: Run, course_library: Path, golden: list[dict[str, Any]]
) -> None:
    result = lectern("ask", golden[0]["question"], "--library", course_library)
    assert result.returncode == 0, result.stderr
    assert "›" in result.stdout
    assert " s (search " in result.stdout


def test_control_c_stops_at_once(course_library: Path, golden: list[dict[str, Any]], tmp_path: Path) -> None:
    source = tmp_path / "q.jsonl"
    source.write_text("\n".join(json.dumps(q) for q in golden), encoding="utf-8")
    out = tmp_path / "out.jsonl"
    command = [
        sys.executable,
        "-m",
        "ui.cli",
        "ask",
        "--questions",
        source,
        "--out",
        out,
        "--library",
        course_library,
    ]
    # A background shell hands SIGINT down ignored: the child gets it back.
    errors = tmp_path / "errors.txt"
    with errors.open("w") as stderr:
        process = subprocess.Popen(["env", "--default-signal=INT", *command], cwd=ROOT, stderr=stderr)
    while not (out.exists() and out.stat().st_size):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_SECONDS) == 130, errors.read_text(encoding="utf-8")
    assert all(json.loads(line)["answer"] for line in out.read_text(encoding="utf-8").splitlines())


def test_a_removed_file_is_never_cited_again(lectern: Run, tmp_path: Path) -> None:
    notes, library = tmp_path / "notes", tmp_path / "library"
    notes.mkdir()
    (notes / "zebra.md").write_text(
        "# Zebras\n\nThe zebra module is graded by Professor Quagga.\n", encoding="utf-8"
    )
    (notes / "lion.md").write_text(
        "# Lions\n\nThe lion module is graded by Professor Simba.\n", encoding="utf-8"
    )
    lectern("ingest", notes, "--library", library)
    (notes / "zebra.md").unlink()
    report = json.loads(lectern("ingest", notes, "--library", library, "--json").stdout)
    assert (report["removed"], report["documents"]) == (1, 1)
    found = json.loads(lectern("search", "zebra module Quagga", "--library", library, "--json").stdout)
    assert {hit["document"] for hit in found["hits"]} == {"lion.md"}


@pytest.mark.parametrize("question", ["", "   "])
def test_an_empty_question(lectern: Run, course_library: Path, question: str) -> None:
    result = lectern("ask", question, "--library", course_library)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("lectern: The question is empty.")


def test_a_question_of_a_hundred_thousand_characters(lectern: Run, course_library: Path) -> None:
    result = lectern("ask", "why " * 25_000, "--library", course_library)
    assert (result.returncode, result.stdout) == (1, "")
    assert "99,999 characters" in result.stderr


def test_a_missing_path_and_an_empty_folder(lectern: Run, tmp_path: Path) -> None:
    missing = lectern("ingest", tmp_path / "nowhere", "--library", tmp_path / "library")
    assert missing.returncode == 1
    assert "nowhere" in missing.stderr
    assert "Traceback" not in missing.stderr
    (tmp_path / "empty").mkdir()
    empty = lectern("ingest", tmp_path / "empty", "--library", tmp_path / "library")
    assert "Traceback" not in empty.stderr
    assert empty.stderr.strip()


def test_a_library_of_another_embedder_is_told_with_the_remedy(
    lectern: Run, course_library: Path, tmp_path: Path
) -> None:
    import sqlite3

    from rag.library.checksums import register

    copy = tmp_path / "copy"
    shutil.copytree(course_library, copy)
    with sqlite3.connect(copy / "library.sqlite") as connection:
        register(connection)
        connection.execute("UPDATE manifest SET value = 'another-model' WHERE key = 'embedder'")
    result = lectern("search", "sampling", "--library", copy)
    assert result.returncode == 1
    assert "another-model" in result.stderr
    assert "lectern ingest" in result.stderr


def test_nothing_was_looked_up_or_connected_to(lectern: Run, course_library: Path, socket_log: Path) -> None:
    lectern("ask", "What is the Nyquist rate?", "--library", course_library)
    seen = socket_log.read_text(encoding="utf-8").splitlines()
    assert [line for line in seen if "127.0.0.1" not in line and "::1" not in line] == []


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare to take the network away")
def test_everything_works_without_any_network(course_library: Path, tmp_path: Path) -> None:
    python = [sys.executable, "-m", "ui.cli"]
    probe = subprocess.run(["unshare", "-rn", "true"], check=False, capture_output=True)
    if probe.returncode:
        pytest.skip("this machine does not allow network namespaces")
    (tmp_path / "a.md").write_text("# Owls\n\nOwls hunt at night.\n", encoding="utf-8")
    library = tmp_path / "library"
    for arguments in (["ingest", tmp_path / "a.md"], ["ask", "When do owls hunt?"]):
        result = subprocess.run(
            ["unshare", "-rn", *python, *map(str, arguments), "--library", str(library)],
            cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS,
        )  # fmt: skip
        assert result.returncode == 0, result.stderr
