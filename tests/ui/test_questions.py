"""Files of questions: every line is checked and a bad one is named by its number."""

import io
import json
from pathlib import Path

import pytest

from rag.errors import DatasetError, InputError, QuestionError
from rag.types import Role, Turn
from ui.bulk import run_in_bulk
from ui.questions import AskedQuestion, read_questions


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "q.jsonl"
    path.write_bytes(text.encode())
    return path


def test_ids_histories_and_blank_lines(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        '\ufeff{"id": 7, "question": "What?"}\n\n'
        '{"question": "And?", "history": [{"role": "user", "content": "a"}], "gold": []}\n',
    )
    first, second = read_questions(path)
    assert first == AskedQuestion("7", "What?", ())
    assert second == AskedQuestion("3", "And?", (Turn(Role.USER, "a"),))


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"id": "a"}', '{"question": "a", "history": [{"role": "bot", "content": ""}]}']
)
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    path = write(tmp_path, '{"question": "ok"}\n' + line)
    with pytest.raises(DatasetError, match=r"q\.jsonl, line 2: "):
        read_questions(path)


def test_missing_and_binary_files(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be read"):
        read_questions(tmp_path / "none.jsonl")
    (tmp_path / "b.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match="not UTF-8"):
        read_questions(tmp_path / "b.jsonl")


def test_bulk_writes_a_line_each_and_goes_on_after_a_bad_question(tmp_path: Path) -> None:
    def answer(asked: AskedQuestion) -> dict[str, str]:
        if not asked.question:
            raise QuestionError("The question is empty.")
        return {"id": asked.id, "answer": asked.question.upper()}

    out = tmp_path / "out.jsonl"
    questions = [AskedQuestion("1", "a", ()), AskedQuestion("2", "", ()), AskedQuestion("3", "c", ())]
    run_in_bulk(questions, answer, out, "Asking")
    lines = [json.loads(line) for line in io.StringIO(out.read_text(encoding="utf-8"))]
    assert [line.get("answer") for line in lines] == ["A", None, "C"]
    assert lines[1]["error"] == "The question is empty."


def test_an_out_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        run_in_bulk([], lambda asked: {}, tmp_path / "no" / "out.jsonl", "Asking")
