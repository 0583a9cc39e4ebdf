"""The shared cases of questions, uploads, terminal marks and golden files, where they are present."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag.types import Role, Turn
from ui.application import Application, load
from ui.web.kept_uploads import KeptUploads

CASES = next(
    (one for up in Path(__file__).resolve().parents if (one := up / "shared" / "data" / "cases").is_dir()),
    Path("no shared cases"),
)
pytestmark = [
    pytest.mark.model,
    pytest.mark.usefixtures("two_readers"),
    pytest.mark.skipif(not CASES.is_dir(), reason="the shared material is not on this machine"),
]

ANSWERS = {
    "How many homeworks are there?": ("count", ("3 ",)),
    "List all the graded parts and their due dates": ("list", ("Homework 1", "Homework 2", "Homework 3", "Midterm", "Project", "Final")),
    "Summarise lecture 3": ("summary", ("The network layer",)),
    "What is lecture 4 about?": ("summary", ("The link layer",)),
    "What was covered in lecture 1?": ("summary", ("Layers and delay",)),
    "How many lectures are there?": ("count", ("5",)),
    "Compare UDP and TCP": ("comparison", ("UDP is connectionless", "TCP is connection-oriented")),
    "Compare ALOHA vs CSMA/CD": ("comparison", ("ALOHA", "CSMA/CD")),
    "What does a nonce do, and what does a certificate bind?": ("answer", ("replay", "public key")),
    "What is not allowed in the midterm and when is it?": ("answer", ("Laptops", "27 March")),
    "What is due after the midterm?": ("table", ("Project", "24 April")),
    "In which lecture is ARP explained?": ("answer", ("Lecture 4",)),
    "Which lectures mention TCP?": ("answer", ("Lecture 2",)),
    "Show me the code for next_window": ("code", ("def next_window", "return")),
    "List the routing protocols": ("list", ("OSPF", "RIP")),
    "How much is the midterm worth?": ("answer", ("Weight: 30 %",)),
    "What happens on 27 March?": ("answer", ("Midterm",)),
    "What percentage is the quiz?": ("extract", ("not a direct answer",)),
}  # fmt: skip
"""Question about `08-course-questions` to the kind of its answer and what it has to have."""

FOLLOW_UPS = {
    "f1": ("answer", "8 bytes"), "f2": ("answer", "24 April"), "f3": ("answer", "may not be handed in late"),
    "f4": ("answer", "48 hours late"), "f5": ("answer", "Bellman-Ford"), "f9": ("talk", "welcome"), "f10": ("talk", "Hello"),
    "f11": ("answer", "by policy"), "f12": ("extract", "IPv6 addresses 128 bits"), "f13": ("answer", "8 bytes"),
    "f16": ("answer", "Tuesday 14:00-15:30"), "f17": ("answer", "by policy"), "f19": ("answer", "does not guarantee delivery"),
    "f20": ("answer", "encrypted with AES"), "f21": ("table", "Homework 1, Homework 2, Homework 3"),
    "f22": ("table", "Homework 3"), "f24": ("answer", "15 May"), "f26": ("answer", "10 % per day"),
    "f27": ("answer", "return 1, max(cwnd // 2, 2)"), "f32": ("summary", "three-way handshake"),
}  # fmt: skip
"""Id of a question of `08b-follow-ups` to the kind of its answer and what it has to have."""


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Application:
    return ingested(CASES / "08-course-questions", tmp_path_factory.mktemp("course"))


def ingested(notes: Path, folder: Path) -> Application:
    """Return an application with the notes in a new library."""
    from ingest.pipeline import ingest_paths
    from rag.library.library import Library

    application = Application(load(folder))
    with Library.open(folder, create=True) as library:
        ingest_paths(library, [notes], application.embedder, application.settings)
    return application


@pytest.mark.parametrize("question", ANSWERS)
def test_a_question_about_the_course_has_its_right_answer(course: Application, question: str) -> None:
    kind, wanted = ANSWERS[question]
    answer = course.chain().invoke({"question": question})
    assert answer.kind.value == kind
    assert [one for one in wanted if one not in answer.text] == []


@pytest.mark.parametrize("identifier", FOLLOW_UPS)
def test_a_follow_up_has_its_right_answer(course: Application, identifier: str) -> None:
    lines = (CASES / "08b-follow-ups" / "follow-ups.jsonl").read_text(encoding="utf-8").splitlines()
    row = next(row for row in map(json.loads, lines) if row["id"] == identifier)
    history = [Turn(Role(turn["role"]), turn["content"]) for turn in row["history"]]
    answer = course.chain().invoke({"question": row["question"], "history": history})
    kind, wanted = FOLLOW_UPS[identifier]
    assert answer.kind.value == kind
    assert wanted in answer.text


def test_two_notes_of_one_name_are_two_documents(tmp_path: Path) -> None:
    case = CASES / "10-upload-same-name"
    weeks = [case / week / "slides.md" for week in ("week1", "week2")]
    uploads = KeptUploads(tmp_path / "uploads", tmp_path)
    kept, waiting = uploads.keep(weeks)
    assert (len(kept), len(waiting)) == (2, 0)
    assert {file.read_bytes() for file in kept} == {week.read_bytes() for week in weeks}
    one_by_one = KeptUploads(tmp_path / "again", tmp_path)
    assert one_by_one.keep(weeks[:1])[1] == []
    assert len(one_by_one.keep(weeks[1:])[1]) == 1, "a replacement asks first"
    library = ingested(case, tmp_path / "library")
    answer = library.chain().invoke({"question": "What produces ATP according to the slides?"})
    assert "mitochondrion produces ATP" in answer.text


def test_marks_of_a_note_are_printed_as_they_are(lectern: Callable[..., Any], tmp_path: Path) -> None:
    ingested(CASES / "17-terminal-marks", tmp_path / "library")
    shown = lectern("ask", "What does the package label mean?", "--library", tmp_path / "library")
    assert "written :package: in the wiki" in shown.stdout
    assert "[bold]key[/bold]" in " ".join(shown.stdout.split())


def test_golden_files_that_failed_end_in_a_sentence(course: Application, lectern: Callable[..., Any]) -> None:
    def run(verb: tuple[str, ...], name: str) -> Any:
        file = CASES / "12-golden" / name
        return lectern("eval", *verb, file, "--library", course.folder)

    outside = run(("golden", "validate"), "past-end.jsonl")
    assert outside.returncode == 1
    assert "200000" in outside.stdout + outside.stderr
    nobody = run(("retrieval", "--golden"), "all-unanswerable.jsonl")
    assert (nobody.returncode, nobody.stdout) == (1, "")
    assert "measured on answerable ones" in " ".join(nobody.stderr.split())
    assert "Traceback" not in nobody.stderr
