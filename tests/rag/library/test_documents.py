from collections.abc import Callable
from typing import Any

import pytest

from rag.errors import LibraryMissing
from rag.library.library import Library
from rag.library.renames import Move
from rag.search.scope import Scope, allowed_passages


def test_tags_of_a_person_stay_when_the_note_is_read_again(library: Library, put: Callable[..., Any]) -> None:
    put("a.md", "alpha", tags=("week 1", "Exam"))
    put("b.md", "beta", tags=("exam",))
    library.tag_document("a.md", ["exam", "hard"])
    assert library.document("a.md").tags == ("week 1", "Exam", "hard")
    put("a.md", "alpha changed", tags=("week 2",))
    assert library.document("a.md").tags == ("week 2", "exam", "hard")
    assert library.given_tags("a.md") == ("exam", "hard")
    found = allowed_passages(library, Scope(tags=("hard",)))
    assert found is not None
    assert found.documents == ("a.md",)
    library.tag_document("a.md", [])
    assert library.document("a.md").tags == ("week 2",)
    assert library.document("b.md").tags == ("exam",)


def test_tags_follow_a_renamed_note_and_leave_with_a_removed_one(
    library: Library, put: Callable[..., Any]
) -> None:
    put("a.md", "alpha")
    assert library.given_tags("a.md") == ()
    library.tag_document("a.md", ["exam"])
    library.move_documents([Move("a.md", "b.md")])
    assert library.document("b.md").tags == ("exam",)
    library.remove_document("b.md")
    put("b.md", "alpha")
    assert library.document("b.md").tags == library.given_tags("b.md") == ()


def test_a_document_that_is_not_there_gets_no_tags(library: Library) -> None:
    with pytest.raises(LibraryMissing, match=r"no document 'gone\.md'"):
        library.tag_document("gone.md", ["exam"])
