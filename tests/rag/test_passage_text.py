from collections.abc import Callable

from rag.passage_text import MAX_CONTEXT_CHARS, context_line, passage_text
from rag.types import Chunk


def test_title_and_headings_stand_before_the_text(make_chunk: Callable[..., Chunk]) -> None:
    chunk = make_chunk("A tone folds.", title="Sampling", headings=("Week 1", "Aliasing"))
    assert passage_text(chunk) == "Sampling › Week 1 › Aliasing\nA tone folds."


def test_what_the_first_line_or_the_title_says_is_not_said_twice(make_chunk: Callable[..., Chunk]) -> None:
    chunk = make_chunk("## Aliasing\n\nA tone folds.", title="Sampling", headings=("Sampling", "Aliasing"))
    assert context_line(chunk) == "Sampling"
    assert passage_text(make_chunk("Bare.")) == "Bare."


def test_a_long_path_keeps_its_innermost_headings(make_chunk: Callable[..., Chunk]) -> None:
    chunk = make_chunk("Text.", title="t" * 100, headings=("h" * 100, "inner"))
    assert context_line(chunk) == "h" * 100 + " › inner"
    assert len(context_line(make_chunk("Text.", title="t" * 500))) == MAX_CONTEXT_CHARS


def test_a_title_without_a_letter_is_no_context(make_chunk: Callable[..., Chunk]) -> None:
    assert passage_text(make_chunk("A tone folds.", title="8659")) == "A tone folds."
    assert passage_text(make_chunk("A tone folds.", title="8659", headings=("2",))) == "2\nA tone folds."
    assert passage_text(make_chunk("A tone folds.", title="Übung 3")) == "Übung 3\nA tone folds."
