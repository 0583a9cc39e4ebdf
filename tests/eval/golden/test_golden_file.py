"""The golden file: read strictly, with file and line in every complaint, written so that nothing is lost."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.golden.golden_file import (
    GoldenQuestion,
    append_golden,
    golden_hash,
    golden_line,
    question_id,
    read_golden,
    unknown_keys,
)
from rag.errors import DatasetError
from rag.types import Role, Turn

GOOD = '{"id": "a", "question": "Why?", "gold": [{"document": "n.md", "start": 3, "end": 9, "text": "so"}]}'


def _written(folder: Path, *lines: str) -> Path:
    path = folder / "golden.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_reads_every_field(tmp_path: Path) -> None:
    line = json.dumps(
        {
            "id": 7,
            "question": "And that?",
            "history": [{"role": "user", "content": "hi"}],
            "answer": "yes",
            "answers": ["yes", "aye"],
            "gold": [{"document": "n.md", "start": 0, "end": 2, "text": "ab"}],
            "tags": ["t"],
        }
    )
    (question,) = read_golden(_written(tmp_path, "", line, ""))
    assert question.id == "7"
    assert question.turns == (Turn(Role.USER, "hi"),)
    assert question.references == ("yes", "aye")
    assert (question.gold[0].start, question.gold[0].end) == (0, 2)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"id": "b"', ":2: not JSON"),
        ("[1]", ":2: found a JSON list"),
        ('{"id": "b", "question": " ", "answer": "x"}', ":2: `question` the question is empty"),
        ('{"question": "Why?", "answer": "x"}', ":2: `id` Field required"),
        ('{"id": "b", "question": "Why?"}', ":2: the question has neither gold spans nor an answer"),
        ('{"id": "b", "question": "Why?", "gold": [{"document": "n", "start": 5, "end": 5}]}', "ends at 5"),
        (
            '{"id": "b", "question": "Why?", "unanswerable": true, "gold": [{"document": "n", "start": 0, "end": 5}]}',
            "marked",
        ),
        (GOOD, ":2: the id 'a' was used before on line 1"),
    ],
)
def test_a_bad_line_is_named_with_file_and_line(tmp_path: Path, line: str, expected: str) -> None:
    path = _written(tmp_path, GOOD, line)
    with pytest.raises(DatasetError) as caught:
        read_golden(path)
    assert str(path) in str(caught.value)
    assert expected in str(caught.value)


def test_missing_empty_and_wrongly_encoded_files_are_said(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="No golden file"):
        read_golden(tmp_path / "none.jsonl")
    with pytest.raises(DatasetError, match="has no questions"):
        read_golden(_written(tmp_path, ""))
    (tmp_path / "latin.jsonl").write_bytes(b'{"id": "\xe9"}')
    with pytest.raises(DatasetError, match="not UTF-8"):
        read_golden(tmp_path / "latin.jsonl")


def test_a_line_separator_inside_a_question_is_not_the_end_of_the_line(tmp_path: Path) -> None:
    path = _written(tmp_path, '{"id": "a", "question": "one\u2028two?", "answer": "x"}')
    assert read_golden(path)[0].question == "one\u2028two?"


def test_unknown_keys_are_named_with_their_first_line(tmp_path: Path) -> None:
    path = _written(tmp_path, GOOD, '{"id": "b", "question": "?", "answer": "x", "unanswerabel": 1}')
    assert unknown_keys(path) == {"unanswerabel": 2}


def test_appending_keeps_what_is_there_even_without_a_last_newline(
    tmp_path: Path, make_question: Callable[..., GoldenQuestion]
) -> None:
    path = _written(tmp_path, GOOD)
    append_golden(path, make_question("b"))
    assert [question.id for question in read_golden(path)] == ["a", "b"]
    with pytest.raises(DatasetError, match="already has a question with the id 'b'"):
        append_golden(path, make_question("b"))


def test_a_torn_append_is_taken_back(tmp_path: Path, make_question: Callable[..., GoldenQuestion]) -> None:
    resource = pytest.importorskip("resource")
    path = _written(tmp_path, GOOD)
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (len(before) + 20, hard)
    )  # the system writes 20 bytes and stops
    try:
        with pytest.raises(DatasetError, match=r"only 20 of .* nothing was added"):
            append_golden(path, make_question("b"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == before


def test_the_hash_follows_content_not_form(make_question: Callable[..., GoldenQuestion]) -> None:
    a, b = make_question("a"), make_question("b")
    assert golden_hash([a, b]) == golden_hash([GoldenQuestion.model_validate_json(golden_line(a)), b])
    assert golden_hash([a, b]) != golden_hash([b, a])


def test_the_id_of_a_follow_up_depends_on_what_was_said_before() -> None:
    assert question_id("Why?") != question_id("Why?", ["It is so."])


@settings(deadline=None)
@given(question=st.text(min_size=1).filter(str.strip), answer=st.text(min_size=1).filter(str.strip))
def test_writing_and_reading_gives_the_same_question(question: str, answer: str) -> None:
    made = GoldenQuestion(id="x", question=question, answer=answer)
    line = golden_line(made)
    assert "\n" not in line
    assert GoldenQuestion.model_validate_json(line) == made
