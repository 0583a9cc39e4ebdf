"""Questions about the notes as a whole, and the outline that answers them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rag.answer.outline import (
    MOST_DOCUMENTS,
    MOST_HEADINGS,
    asks_for_outline,
    library_outline,
    outline_citations,
    outline_sentences,
    outline_text,
)
from rag.errors import QuestionError
from rag.search.scope import Scope


@pytest.mark.parametrize(
    "question",
    [
        "What are the notes about?",
        "what is this course about",
        "Summarise the course",
        "Could you summarize my notes please?",
        "What do these notes cover?",
        "Which topics are covered in the course?",
        "What topics does the course cover?",
        "Give me a short overview of all my notes.",
        "What's in my files?",
    ],
)
def test_a_question_about_the_whole_is_told(question: str) -> None:
    assert asks_for_outline(question)


@pytest.mark.parametrize(
    "question",
    [
        "What are the notes about owls?",
        "Summarise lesson 3",
        "What does the course cost?",
        "What topics are in the final exam?",
        "What is the course about owls worth?",
        "Notes",
        "",
    ],
)
def test_a_question_about_something_in_them_is_searched(question: str) -> None:
    assert not asks_for_outline(question)


class KeptLibrary:
    """Documents by path, each a list of chunks."""

    def __init__(self, documents: dict[str, list[Any]]) -> None:
        self._documents = documents

    def snapshot(self) -> Any:
        from contextlib import nullcontext

        return nullcontext()

    def documents(self) -> list[Any]:
        from types import SimpleNamespace

        return [SimpleNamespace(path=p, chunks=len(c), tags=()) for p, c in self._documents.items()]

    def chunks_of(self, path: str) -> list[Any]:
        return self._documents[path]


@pytest.fixture
def owls(make_chunk: Callable[..., Any]) -> list[Any]:
    def passage(*headings: str) -> Any:
        return make_chunk("Owls hunt mice.", "owls.md", title="Owls", headings=headings)

    return [
        passage("Owls"),
        passage("Owls", "Hunting:", "By ear"),
        passage("Owls", "Moulting"),
        passage("Owls", "Hunting:"),
    ]


def test_the_outline_names_titles_and_outermost_headings_and_cites_first_passages(
    owls: list[Any], make_chunk: Callable[..., Any]
) -> None:
    plain = make_chunk("Bats sleep.", "bats.txt", title="bats")
    outline = library_outline(KeptLibrary({"bats.txt": [plain], "empty.md": [], "owls.md": owls}), None)
    sentences = outline_sentences(outline)
    assert (
        outline_text(outline, sentences)
        == "The notes are 2 documents:\n\n- bats [1]\n- Owls: Hunting; Moulting [2]"
    )
    citations = outline_citations(outline, sentences)
    assert [(c.n, c.document, c.quote) for c in citations] == [
        (1, "bats.txt", "Bats sleep."),
        (2, "owls.md", "Owls hunt mice."),
    ]
    assert [sentence.citations for sentence in sentences] == [(1,), (2,)]


def test_a_heading_over_everything_is_a_title(make_chunk: Callable[..., Any]) -> None:
    parts = [
        make_chunk("x", title="Page – Site", headings=h)
        for h in (("Page",), ("Page", "Food"), ("Page", "Nests"))
    ]
    (document,) = library_outline(KeptLibrary({"page.html": parts}), None).documents
    assert document.headings == ("Food", "Nests")


def test_a_scope_limits_the_outline(owls: list[Any], make_chunk: Callable[..., Any]) -> None:
    library = KeptLibrary({"bats.txt": [make_chunk("Bats sleep.", "bats.txt")], "owls.md": owls})
    outline = library_outline(library, Scope(documents=("owls.md",)))
    assert [document.title for document in outline.documents] == ["Owls"]
    assert outline.total == 1
    with pytest.raises(QuestionError, match="No document of the library is inside"):
        library_outline(library, Scope(documents=("gone.md",)))


def test_what_would_read_as_a_citation_is_taken_out(make_chunk: Callable[..., Any]) -> None:
    chunks = [make_chunk("x", title="Owls [2]", headings=h) for h in (("Owls [2]", " "), ("Food [3]:",))]
    outline = library_outline(KeptLibrary({"owls.md": chunks}), None)
    (said,) = outline_sentences(outline)
    assert said.text == "Owls: Food"
    assert outline_text(outline, (said,)).count("[") == 1


def test_what_is_too_much_is_counted(make_chunk: Callable[..., Any]) -> None:
    headings = [make_chunk("x", headings=("All", f"Part {n}")) for n in range(MOST_HEADINGS + 2)]
    library = KeptLibrary({f"{n}.md": headings for n in range(MOST_DOCUMENTS + 3)})
    text = outline_text(outline := library_outline(library, None), outline_sentences(outline))
    assert text.startswith(f"The notes are {MOST_DOCUMENTS + 3} documents:")
    assert text.endswith("\n- and 3 more")
    assert text.count("and 2 more") == MOST_DOCUMENTS
