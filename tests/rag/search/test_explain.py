from collections.abc import Callable
from typing import Any

import pytest

from rag.errors import QuestionError
from rag.library.library import Library
from rag.search.explain import explain
from rag.search.scope import Scope
from rag.search.searcher import Searcher
from rag.settings import RetrievalSettings


@pytest.fixture
def searcher(library: Library, letters: Any, put: Callable[..., Any]) -> Searcher:
    put("fruit.md", "apple banana", "cherry date", "elder fig")
    put("more/fruit.md", "apple apple apple", "banana cherry")
    return Searcher(library, letters, RetrievalSettings(k=3))


def test_why_not_this_one(searcher: Searcher) -> None:
    shown = explain(searcher, "apple banana", "more/fruit.md", k=3)
    assert shown.rank is not None
    assert shown.rank <= 3
    assert shown.missing_score == 0.0
    hidden = explain(searcher, "elder fig nowhere", "more/fruit.md", k=1)
    assert hidden.rank is not None
    assert hidden.rank > 1
    assert hidden.last_shown is not None
    assert hidden.missing_score == pytest.approx(hidden.last_shown.score - hidden.hit.score)
    assert set(hidden.missing_terms) == {"elder", "fig"}
    assert hidden.absent_terms == ("nowhere",)
    assert "does not hold" in hidden.verdict


def test_why_not_of_a_document_that_is_not_there(searcher: Searcher) -> None:
    with pytest.raises(QuestionError, match=r"No document of the library is inside document gone\.md"):
        explain(searcher, "apple", "gone.md")


def test_an_empty_question_is_an_error(searcher: Searcher) -> None:
    with pytest.raises(QuestionError, match="empty"):
        explain(searcher, " ", "fruit.md")


def test_every_document_that_is_shown_has_the_rank_it_is_shown_at(
    library: Library, letter_tokens: Any, put: Callable[..., Any]
) -> None:
    # More passages than are matched token by token: inside its own document each would be, which says more than the search knew.
    for number in range(150):
        put(f"note-{number:03}.md", f"apple banana number{number}", f"apple {number}", embedder=letter_tokens)
    put("grape.md", "apple banana apple", "grape banana banana apple", embedder=letter_tokens)
    searcher = Searcher(library, letter_tokens, RetrievalSettings(k=10))
    shown = searcher.search("apple banana number7")
    for document in {hit.chunk.document for hit in shown}:
        found = explain(searcher, "apple banana number7", document)
        first = next(at for at, hit in enumerate(shown, start=1) if hit.chunk.document == document)
        assert (found.rank, found.missing_score, found.hit) == (first, 0.0, shown[first - 1])
        assert found.verdict == f"It is shown, at rank {first}."
    hidden = {f"note-{number:03}.md" for number in range(150)} - {hit.chunk.document for hit in shown}
    ranks = [explain(searcher, "apple banana number7", document).rank for document in sorted(hidden)[::10]]
    assert all(rank is not None and rank > 10 for rank in ranks)
    assert len(set(ranks)) == len(ranks)


def test_a_copy_is_called_one(library: Library, letters: Any, put: Callable[..., Any]) -> None:
    put("a.md", "apple banana")
    put("b.md", "apple  banana")
    put("c.md", "apple cherry")
    searcher = Searcher(library, letters, RetrievalSettings(k=2))
    shown = {hit.chunk.document for hit in searcher.search("apple banana")}
    (copy,) = {"a.md", "b.md"} - shown
    found = explain(searcher, "apple banana", copy)
    assert found.rank == 3
    assert f"repeats the text of {(shown - {'c.md'}).pop()} › line 1, which is shown" in found.verdict


def test_the_scope_of_the_search_is_that_of_the_explanation(searcher: Searcher) -> None:
    inside = explain(searcher, "apple banana", "more/fruit.md", k=1, scope=Scope(folders=("more",)))
    assert inside.rank == 1
    with pytest.raises(QuestionError, match=r"'fruit\.md' is not inside folder more, so the search"):
        explain(searcher, "apple", "fruit.md", scope=Scope(folders=("more",)))


def test_a_name_that_is_a_document_s_means_that_document_alone(searcher: Searcher) -> None:
    found = explain(searcher, "apple apple", "fruit.md", k=1)
    assert (found.hit.chunk.document, found.rank) == ("fruit.md", 2)
    assert explain(searcher, "apple apple", "*/fruit.md", k=1).rank == 1


def test_a_document_beyond_the_ranking_is_described_all_the_same(
    library: Library, letters: Any, put: Callable[..., Any]
) -> None:
    put("loud.md", *(f"apple number{number}" for number in range(1100)))
    put("far.md", "grape")
    found = explain(Searcher(library, letters, RetrievalSettings(k=3)), "apple", "far.md")
    assert found.rank is None
    assert "beyond rank 1000" in found.verdict
    assert found.hit.chunk.document == "far.md"


def test_a_document_without_text_says_so(searcher: Searcher, put: Callable[..., Any]) -> None:
    put("empty.md")
    with pytest.raises(QuestionError, match=r"empty\.md has no text that can be searched"):
        explain(searcher, "apple", "empty.md")
