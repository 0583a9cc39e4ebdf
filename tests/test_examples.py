"""The example course and its golden questions: complete, within bounds, and every gold span where it says."""

import importlib.util
import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
COURSE = EXAMPLES / "course"
KINDS = {"fact": 24, "comparison": 5, "code": 5, "follow-up": 8, "unanswerable": 8}
FORMATS = {"markdown", "notebook", "slides", "pdf", "word", "html"}
# The library that reads each format; a file whose library is missing is skipped, never passed.
READER_LIBRARIES = {
    ".md": "markdown_it",
    ".ipynb": "nbformat",
    ".pptx": "pptx",
    ".pdf": "pypdfium2",
    ".docx": "docx",
    ".html": "bs4",
}


def load_build_golden() -> Any:
    spec = importlib.util.spec_from_file_location("build_golden", EXAMPLES / "build_golden.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def questions() -> list[dict[str, Any]]:
    lines = (EXAMPLES / "golden.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@cache
def text_of(name: str) -> str:
    from ingest.parsers import read_document

    return read_document(COURSE / name, name).text


def gold_documents() -> list[str]:
    return sorted(path.name for path in COURSE.iterdir())


def test_ids_are_unique():
    assert max(Counter(question["id"] for question in questions()).values()) == 1


def test_every_question_has_exactly_one_kind_and_there_are_enough_of_each():
    kinds = [[tag for tag in question["tags"] if tag in KINDS] for question in questions()]
    assert [found for found in kinds if len(found) != 1] == []
    counted = Counter(found[0] for found in kinds)
    assert {kind: counted[kind] for kind in KINDS if counted[kind] < KINDS[kind]} == {}
    assert counted.total() >= 48


def test_half_of_the_unanswerable_questions_are_near_the_topic():
    unanswerable = [question for question in questions() if question.get("unanswerable")]
    assert all(question["gold"] == [] and "answer" not in question for question in unanswerable)
    assert Counter(question["tags"][1] for question in unanswerable) == {"near": 4, "far": 4}
    assert all("unanswerable" in question["tags"] for question in unanswerable)


def test_answerable_questions_have_an_answer_and_gold():
    answerable = [question for question in questions() if not question.get("unanswerable")]
    assert [question["id"] for question in answerable if not (question["answer"] and question["gold"])] == []
    assert {tag for question in answerable for tag in question["tags"]} >= FORMATS


def test_follow_ups_and_only_they_carry_a_history_that_ends_with_the_assistant():
    for question in questions():
        roles = [turn["role"] for turn in question.get("history", [])]
        assert roles == (["user", "assistant"] if "follow-up" in question["tags"] else []), question["id"]


def test_every_course_file_is_gold_for_at_least_two_questions():
    counted = Counter(
        name for question in questions() for name in {gold["document"] for gold in question["gold"]}
    )
    assert set(counted) == {path.name for path in COURSE.iterdir()}
    assert min(counted.values()) >= 2


@pytest.mark.parametrize("name", gold_documents())
def test_every_gold_text_is_the_span_of_its_document(name: str):
    pytest.importorskip(READER_LIBRARIES[Path(name).suffix])
    spans = [
        (question["id"], gold)
        for question in questions()
        for gold in question["gold"]
        if gold["document"] == name
    ]
    moved = [key for key, gold in spans if text_of(name)[gold["start"] : gold["end"]] != gold["text"]]
    assert moved == [], (
        "run `PYTHONPATH=. python examples/build_golden.py`: the reader or the file has changed"
    )


def test_golden_file_is_what_the_generator_writes_from_its_source():
    for library in READER_LIBRARIES.values():
        pytest.importorskip(library)
    import tomllib

    build_golden = load_build_golden()
    entries = tomllib.loads(build_golden.QUESTIONS.read_text(encoding="utf-8"))["question"]
    assert [build_golden.golden_line(entry, text_of) for entry in entries] == questions()


def test_a_quote_is_found_across_line_ends_and_marks_and_refused_when_ambiguous():
    locate = load_build_golden().locate
    text = "Hann | 4 | -31 dB\nwide *main\nlobe*, wide rest"
    assert locate(text, "Hann 4 -31 dB") == (0, 17)
    assert text[slice(*locate(text, "main lobe"))] == "main\nlobe"
    for quote in ("wide", "narrow", ""):
        with pytest.raises(ValueError, match=r"nowhere|more than once"):
            locate(text, quote)


def test_notebooks_are_valid_and_hold_what_a_reader_has_to_strip():
    nbformat = pytest.importorskip("nbformat")
    kinds = set()
    for path in sorted(COURSE.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
        nbformat.validate(notebook)
        assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
        assert all(cell.id for cell in notebook.cells)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
        kinds |= {kind for cell in code for output in cell.outputs for kind in output.get("data", {})}
    assert kinds == {"text/plain", "text/html", "image/png"}


def test_the_whole_folder_stays_small():
    total_bytes = sum(path.stat().st_size for path in EXAMPLES.rglob("*") if path.is_file())
    assert total_bytes < 600_000
