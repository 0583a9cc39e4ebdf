from collections.abc import Callable
from typing import Any

import pytest

from rag.errors import LibraryDamaged, QuestionError
from rag.library.library import Library
from rag.search.scope import Scope, allowed_passages, describe, lecture_numbers, parse_scope


@pytest.mark.parametrize(
    ("path", "numbers"),
    [
        ("week-3/notes.md", {3}),
        ("Lecture 07.pdf", {7}),
        ("lec12_intro.pptx", {12}),
        ("week-2/03-loss.md", {2, 3}),
        ("04.ipynb", {4}),
        ("hw1.md", {1}),
        ("lectures/03/notes.md", {3}),
        ("03/notes.md", {3}),
        ("07", {7}),
        ("Lectures 3.pdf", {3}),
        ("classes-4/notes.md", {4}),
        ("Lecture 1.2.pdf", {1}),
        ("1.2-limits.md", set()),
        ("4.ipynb", {4}),
        ("resnet50.md", set()),
        ("2024-notes/plain.md", set()),
        ("notes.md", set()),
    ],
)
def test_lecture_numbers_come_from_names(path: str, numbers: set[int]) -> None:
    assert lecture_numbers(path) == numbers


def test_texts_become_a_scope() -> None:
    scope = parse_scope(["folder:week-1", "lecture:3", "tag:exam", "intro.md", "document:a:b.md"])
    assert scope == Scope(("intro.md", "a:b.md"), ("week-1",), (3,), ("exam",))
    assert describe(scope) == "document intro.md or a:b.md, folder week-1, lecture 3, tag exam"
    assert not parse_scope([])


@pytest.mark.parametrize("text", ["lecture:three", "lecture:²", "lecture:-1", "tag:", "folder: ", ""])
def test_a_bad_scope_says_what_is_expected(text: str) -> None:
    with pytest.raises(QuestionError, match="expected document:NAME"):
        parse_scope([text])


@pytest.mark.parametrize(
    ("scope", "texts"),
    [
        (Scope(documents=("b.md",)), {"beta"}),
        (Scope(documents=("*.txt",)), {"gamma"}),
        (Scope(documents=("d.md",)), {"delta", "delta of week 2"}),
        (Scope(documents=("/d.md",)), {"delta"}),
        (Scope(documents=("/week-2/d.md",)), {"delta of week 2"}),
        (Scope(folders=("week-1",)), {"alpha", "beta"}),
        (Scope(folders=("week-1/",), documents=("a.md",)), {"alpha"}),
        (Scope(lectures=(2,)), {"gamma", "delta of week 2"}),
        (Scope(tags=("Exam",)), {"beta", "gamma"}),
    ],
)
def test_passages_inside(library: Library, put: Callable[..., Any], scope: Scope, texts: set[str]) -> None:
    put("week-1/a.md", "alpha")
    put("week-1/b.md", "beta", tags=("exam",))
    put("week-2/c.txt", "gamma", tags=("exam",))
    put("d.md", "delta")
    put("week-2/d.md", "delta of week 2")
    allowed = allowed_passages(library, scope)
    assert allowed is not None
    assert {chunk.text for chunk in library.chunks(allowed.rowids)} == texts


def test_no_scope_means_no_limit_and_an_empty_one_is_an_error(
    library: Library, put: Callable[..., Any]
) -> None:
    put("a.md", "alpha")
    assert allowed_passages(library, None) is None
    assert allowed_passages(library, Scope()) is None
    with pytest.raises(QuestionError, match="No document of the library is inside lecture 9"):
        allowed_passages(library, Scope(lectures=(9,)))


def test_a_damaged_library_is_named(
    library: Library, put: Callable[..., Any], checkpoint: Callable[[Library], None]
) -> None:
    put("a.md", "alpha")
    checkpoint(library)
    roots = dict(library.connection.execute("SELECT name, rootpage FROM sqlite_master").fetchall())
    size = library.connection.execute("PRAGMA page_size").fetchone()[0]
    library.close()
    file = library.folder / "library.sqlite"
    with file.open("r+b") as stream:
        stream.seek((roots["chunks_of_document"] - 1) * size)
        stream.write(b"\xff" * size)
    with Library.open(library.folder) as damaged, pytest.raises(LibraryDamaged, match="lectern doctor"):
        allowed_passages(damaged, Scope(documents=("a.md",)))
