import json
from pathlib import Path

import pytest

from eval.chunking import (
    ChunkingQuestion,
    TokenRuler,
    chunking_metrics,
    read_chunking,
    shown_spans,
    span_scores,
)
from eval.splitters import recursive_cutter, window_cutter
from rag.errors import DatasetError
from rag.types import Document, DocumentKind

TEXT = "one two three four five six seven eight nine ten"
STARTS = [0, 4, 8, 14, 19, 24, 28, 34, 40, 45]


def test_a_ruler_counts_and_cuts() -> None:
    ruler = TokenRuler(STARTS)
    assert ruler.tokens(0, len(TEXT)) == 10
    assert ruler.tokens(4, 13) == 2
    assert ruler.end_after(4, 2, len(TEXT)) == 14
    assert ruler.end_after(40, 5, len(TEXT)) == len(TEXT)


def test_the_budget_cuts_the_last_passage() -> None:
    shown = shown_spans([("a", 0, 13), ("a", 14, 40), ("a", 40, 48)], {"a": TokenRuler(STARTS)}, 5)
    assert shown == [("a", 0, 13), ("a", 14, 24)]


def test_characters_are_counted_once() -> None:
    question = ChunkingQuestion("?", "a", ((10, 20), (30, 40)))
    scores = span_scores([("a", 5, 15), ("a", 12, 20), ("b", 0, 15)], question)
    assert scores.recall == pytest.approx(10 / 20)
    assert scores.precision == pytest.approx(10 / 30)
    assert scores.iou == pytest.approx(10 / 40)
    again = span_scores([("a", 5, 20), ("b", 0, 15), ("b", 5, 15), ("c", 0, 10)], question)
    assert again.precision == pytest.approx(10 / 40)
    assert again.iou == pytest.approx(10 / 50)
    empty = span_scores([], question)
    assert (empty.recall, empty.precision, empty.iou) == (0.0, 0.0, 0.0)
    assert chunking_metrics([scores, empty], samples=100)["recall"]["mean"] == pytest.approx(0.25)


def write(folder: Path, references: str) -> Path:
    (folder / "data" / "corpora").mkdir(parents=True)
    (folder / "data" / "corpora" / "a.md").write_text(TEXT)
    (folder / "data" / "questions_df.csv").write_text(
        f'question,references,corpus_id\nWhat?,"{references}",a\n'
    )
    return folder


def test_the_set_is_found_and_read(tmp_path: Path) -> None:
    references = json.dumps([{"content": "two", "start_index": 4, "end_index": 7}]).replace('"', '""')
    found = read_chunking(write(tmp_path, references))
    assert found.questions == (ChunkingQuestion("What?", "a", ((4, 7),)),)
    assert found.corpora == {"a": TEXT}


def test_a_malformed_set_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"expected questions_df\.csv"):
        read_chunking(tmp_path)
    with pytest.raises(DatasetError, match="line 2"):
        read_chunking(write(tmp_path, "[{}]"))
    (tmp_path / "data" / "corpora" / "a.md").unlink()
    (tmp_path / "data" / "questions_df.csv").write_text('question,references,corpus_id\nWhat?,"[]",a\n')
    with pytest.raises(DatasetError, match=r"a\.md cannot be read"):
        read_chunking(tmp_path)


def references(start: int, end: int) -> str:
    return json.dumps([{"start_index": start, "end_index": end}]).replace('"', '""')


@pytest.mark.parametrize(
    ("csv", "message"),
    [
        (b"question,references,corpus_id\n", r"questions_df\.csv has no question"),
        (b"", "has no question"),
        (b"question,references\nWhat?,[]\n", "line 2: expected question, references"),
        (b"question,references,corpus_id\nWhat\xff?,[],a\n", r"not UTF-8 text \(line 2\)"),
        (b"question,references,corpus_id\n" + b"x" * 10_000_001 + b",[],a\n", "line 2: field larger"),
        (b"question,references,corpus_id\nWhat?," + b"[" * 100_000 + b",a\n", "line 2: expected question"),
        (b"question,references,corpus_id\nWhat?,[],a\n", "line 2: the references are none"),
        (
            b'question,references,corpus_id\nWhat?,"' + references(4, 49).encode() + b'",a\n',
            "line 2: .*4 to 49",
        ),
        (b'question,references,corpus_id\nWhat?,"' + references(9, 9).encode() + b'",a\n', "inside the 48"),
        (b"question,references,corpus_id\nWhat?,[],a\0b\n", r"a\x00b\.md cannot be read|line 2"),
    ],
)
def test_a_malformed_table_of_questions_is_one_sentence(tmp_path: Path, csv: bytes, message: str) -> None:
    (write(tmp_path, references(4, 7)) / "data" / "questions_df.csv").write_bytes(csv)
    with pytest.raises(DatasetError, match=message):
        read_chunking(tmp_path)


def test_a_corpus_that_is_not_utf_8_is_named_with_its_line(tmp_path: Path) -> None:
    (write(tmp_path, references(4, 7)) / "data" / "corpora" / "a.md").write_bytes(b"one\ntwo \xff\n")
    with pytest.raises(DatasetError, match=r"a\.md is not UTF-8 text \(line 2\)"):
        read_chunking(tmp_path)


def test_the_usual_splitters_cut_exact_spans() -> None:
    document = Document("a.md", "", DocumentKind.MARKDOWN, "", TEXT, ())
    windows = window_cutter(4, lambda text: STARTS)(document)
    assert [chunk.text for chunk in windows] == ["one two three four ", "five six seven eight ", "nine ten"]
    pytest.importorskip("langchain_text_splitters")
    pieces = recursive_cutter(3, lambda texts: [len(t.split()) for t in texts])(document)
    assert all(TEXT[chunk.start : chunk.end] == chunk.text for chunk in pieces)
    assert max(len(chunk.text.split()) for chunk in pieces) <= 3
