"""Copies of libraries between both back ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rag.errors import InputError
from rag.library.copying import copy_library
from rag.library.rows import FailureRecord
from rag.library.store import LibraryStore
from rag.search.searcher import Searcher
from rag.settings import RetrievalSettings
from tests.rag.library.stores import QUESTIONS, assert_same, fill, values_of

MakeStore = Callable[..., LibraryStore]
Put = Callable[..., Any]


@pytest.mark.parametrize("ways", [("folder", "server", "folder"), ("server", "folder", "server")])
def test_a_copy_there_and_back_is_the_same_library(
    make_folder: MakeStore, make_course: MakeStore, put_in: Put, letter_tokens: Any, ways: tuple[str, ...]
) -> None:
    make = {"folder": make_folder, "server": make_course}
    first, second, third = (make[way]() for way in ways)
    fill(first, letter_tokens)
    put_in(first, letter_tokens, "b/copy.md", "new first", "apple banana cherry", "apple  banana cherry")
    first.tag_document("zh.md", ["Exam", "OTHER"])
    first.record_failures([FailureRecord("/notes/x.md", "x.md", "broken", 1, 2, "p", "then")])
    first.add_feedback("q", "{}", "good", "why")
    done: list[tuple[int, int]] = []
    report = copy_library(first, second, lambda *each: done.append(each))
    copy_library(second, third)
    count = len(first.documents())
    assert (report.documents, report.passages, report.already_there) == (count, first.chunk_count(), 0)
    assert done == [(number, count) for number in range(1, count + 1)]
    for copy in (second, third):
        assert copy.documents() == first.documents()
        assert [copy.document(r.path) for r in copy.documents()] == [
            first.document(r.path) for r in first.documents()
        ]
        assert (copy.failures(), copy.feedback()) == (first.failures(), first.feedback())
        for record in first.documents():
            assert copy.given_tags(record.path) == first.given_tags(record.path)
            assert copy.own_tags(record.path) == first.own_tags(record.path)
            assert copy.chunks_of(record.path) == first.chunks_of(record.path)
        assert values_of(copy) == values_of(first)
    again = copy_library(first, second)
    assert (again.documents, again.already_there) == (0, count)
    searchers = [Searcher(store, letter_tokens, RetrievalSettings(k=10)) for store in (first, third)]
    for question in QUESTIONS:
        assert_same(*(searcher.search(question) for searcher in searchers))


def test_a_copy_goes_on_where_it_ended_and_refuses_another_library(
    make_folder: MakeStore, make_course: MakeStore, put_in: Put, letter_tokens: Any
) -> None:
    source, target = make_folder(), make_course()
    for number in range(4):
        put_in(source, letter_tokens, f"{number}.md", f"apple {number}")
    source.tag_document("0.md", ["exam"])

    def killed(done: int, _: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_library(source, target, killed)
    target.tag_document("0.md", [])
    assert len(target.documents()) == 2
    assert copy_library(source, target).already_there == 2
    assert target.documents() == source.documents()
    put_in(target, letter_tokens, "other.md", "banana")
    before = target.generation
    with pytest.raises(InputError, match=r"its document other\.md is not the same. Nothing was copied"):
        copy_library(source, target)
    assert target.generation == before
