from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rag.errors import LibraryMismatch, QuestionError
from rag.library.library import Library
from rag.search.fusion import LEXICAL_WEIGHT, MATCH_WEIGHT
from rag.search.scope import Scope
from rag.search.searcher import Searcher
from rag.settings import RetrievalSettings


@pytest.fixture
def searcher(library: Library, letters: Any, put: Callable[..., Any]) -> Searcher:
    put("fruit.md", "apple banana", "cherry date", "elder fig")
    put("more/fruit.md", "apple apple apple", "banana cherry")
    return Searcher(library, letters, RetrievalSettings(k=3))


def test_the_score_is_cosine_plus_weighted_bm25(searcher: Searcher) -> None:
    best = searcher.search("apple banana")[0]
    assert best.chunk.text == "apple banana"
    assert best.why.dense_score == pytest.approx(1.0)
    assert best.why.lexical_score is not None
    assert best.score == pytest.approx(1.0 + LEXICAL_WEIGHT * best.why.lexical_score)
    assert (best.why.dense_rank, best.why.lexical_rank, best.why.fused_rank) == (1, 1, 1)
    assert set(best.why.matched_terms) == {"apple", "banana"}
    assert best.why.match_score is None


def test_a_passage_that_only_words_find_has_its_exact_cosine(searcher: Searcher) -> None:
    hit = next(h for h in searcher.search("apple cherry", k=5) if h.chunk.text == "cherry date")
    assert hit.why.dense_score == pytest.approx(1 / 2)


def test_hits_are_best_first_and_as_many_as_there_are(searcher: Searcher) -> None:
    hits = searcher.search("apple banana", k=100)
    assert len(hits) == 5
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert len(searcher.search("apple")) == 3


def test_many_questions_are_answered_in_order_and_an_empty_one_with_nothing(searcher: Searcher) -> None:
    asked = ["apple banana", " ", "cherry date", "apple"] * 5
    found = list(searcher.search_many(asked, k=3))
    assert [
        hits == (searcher.search(text, k=3) if text.strip() else [])
        for hits, text in zip(found, asked, strict=True)
    ] == [True] * 20


def test_ties_are_ordered_by_chunk_id(library: Library, letters: Any, put: Callable[..., Any]) -> None:
    for name in "abcdef":
        put(f"{name}.md", "same words here")
    searcher = Searcher(library, letters, RetrievalSettings())
    ids = [hit.chunk.id for hit in searcher.search("same words", k=6)]
    assert ids == sorted(ids)
    assert [hit.chunk.id for hit in searcher.search("same words", k=3)] == ids[:3]


def test_a_copy_gives_way_to_another_passage(library: Library, letters: Any, put: Callable[..., Any]) -> None:
    put("a.md", "apple banana")
    put("copy.md", "apple  banana")
    put("b.md", "apple cherry")
    searcher = Searcher(library, letters, RetrievalSettings())
    two = searcher.search("apple banana", k=2)
    assert len({hit.chunk.document for hit in two} & {"a.md", "copy.md"}) == 1
    assert two[1].chunk.document == "b.md"
    three = searcher.search("apple banana", k=3)
    assert [hit.chunk.document for hit in three][2] == "b.md"
    assert [hit.score for hit in three] == sorted((hit.score for hit in three), reverse=True)


def test_of_copies_the_one_that_the_notes_have_first_is_shown(
    library: Library, letters: Any, put: Callable[..., Any]
) -> None:
    for name in "cabd":
        put(f"{name}.md", "grape", "apple banana", "apple  cherry", "apple banana")
    hits = Searcher(library, letters, RetrievalSettings()).search("apple banana", k=2)
    assert [(hit.chunk.document, hit.chunk.ordinal) for hit in hits] == [("a.md", 1), ("a.md", 2)]


def test_tokens_reorder_what_the_mean_cannot_tell(
    library: Library, letter_tokens: Any, put: Callable[..., Any]
) -> None:
    put("a.md", "apple berry", "apple apple berry berry", "cherry cherry cherry", embedder=letter_tokens)
    hits = Searcher(library, letter_tokens, RetrievalSettings()).search("avocado")
    first = hits[0]
    assert first.why.match_score is not None
    assert first.score == pytest.approx(
        first.why.dense_score + MATCH_WEIGHT * first.why.match_score  # no word in common, so no BM25
    )
    assert [hit.chunk.text for hit in hits][-1] == "cherry cherry cherry"


def test_a_library_without_sketches_is_searched_without_matches(
    library: Library, letter_tokens: Any, put: Callable[..., Any]
) -> None:
    put("a.md", "apple banana")
    hit = Searcher(library, letter_tokens, RetrievalSettings()).search("apple")[0]
    assert hit.why.match_score is None


@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_scope_gets_k_hits_when_k_exist(
    library: Library, letters: Any, put: Callable[..., Any], k: int
) -> None:
    put("loud.md", *(f"apple apple {number}" for number in range(300)))
    put("week-2/quiet.md", "zebra", "yak", "xenops")
    searcher = Searcher(library, letters, RetrievalSettings(depth=10))
    hits = searcher.search("apple", k=k, scope=Scope(folders=("week-2",)))
    assert len(hits) == k
    assert {hit.chunk.document for hit in hits} == {"week-2/quiet.md"}


@pytest.mark.parametrize("question", ["", "  \n"])
def test_an_empty_question_is_an_error(searcher: Searcher, question: str) -> None:
    with pytest.raises(QuestionError, match="empty"):
        searcher.search(question)


@pytest.mark.parametrize("question", ["the of and", '"(', "数学", "x" * 20_000, "?", "a " * 5000])
def test_odd_questions_get_an_answer(searcher: Searcher, question: str) -> None:
    assert len(searcher.search(question)) <= 3


def test_one_chunk_and_none(library: Library, letters: Any, put: Callable[..., Any]) -> None:
    searcher = Searcher(library, letters, RetrievalSettings())
    assert searcher.search("apple") == []
    put("only.md", "apple")
    assert [hit.chunk.text for hit in searcher.search("apple", k=50)] == ["apple"]


def test_changes_are_seen_by_an_open_searcher(
    searcher: Searcher, library: Library, put: Callable[..., Any]
) -> None:
    searcher.search("apple")
    put("new.md", "apple grape")
    assert searcher.search("apple grape")[0].chunk.document == "new.md"
    library.remove_document("new.md")
    assert all(hit.chunk.document != "new.md" for hit in searcher.search("apple grape", k=9))


def test_another_embedder_is_refused(library: Library, letters: Any, put: Callable[..., Any]) -> None:
    put("a.md", "apple")
    letters.fingerprint = "another"
    with pytest.raises(LibraryMismatch, match="first letters"):
        Searcher(library, letters, RetrievalSettings())


def test_threads_get_the_same_hits(searcher: Searcher) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: [hit.chunk.id for hit in searcher.search("apple banana")], range(20)))
    assert all(ids == found[0] for ids in found)


def test_scores_are_plain_numbers(searcher: Searcher) -> None:
    hit = searcher.search("apple")[0]
    assert type(hit.score) is float
    assert not isinstance(hit.why.dense_score, np.floating)


def test_many_copies_do_not_crowd_out_the_others(
    library: Library, letters: Any, put: Callable[..., Any]
) -> None:
    for number in range(40):
        put(f"copy-{number:02}.md", "apple banana")
    for number in range(20):
        put(f"other-{number:02}.md", f"apple cherry {number}")
    hits = Searcher(library, letters, RetrievalSettings()).search("apple banana", k=10)
    assert [hit.chunk.text for hit in hits].count("apple banana") == 1
    assert len({hit.chunk.text for hit in hits}) == 10
    every = Searcher(library, letters, RetrievalSettings()).search("apple banana", k=30)
    assert [hit.chunk.text for hit in every].count("apple banana") == 30 - 20


def test_copies_that_fill_both_searches_give_way_too(
    library: Library, letters: Any, put: Callable[..., Any]
) -> None:
    put("copies.md", *["apple banana"] * 150)
    put("others.md", *(f"apple banana cherry {number}" for number in range(5)))
    hits = Searcher(library, letters, RetrievalSettings(depth=10)).search("apple banana", k=5)
    assert len({hit.chunk.text for hit in hits}) == 5


def test_a_removal_while_it_searches_takes_no_hit_away(
    library: Library, letters: Any, put: Callable[..., Any]
) -> None:
    class Interrupted(Searcher):
        """Between proposing passages and reading them, somebody removes the best."""

        def _matches(self, *arguments: Any) -> Any:
            self.library.remove_document("best.md")
            return super()._matches(*arguments)

    put("best.md", "apple")
    put("rest.md", *(f"apple banana {number}" for number in range(9)))
    searcher = Interrupted(library, letters, RetrievalSettings())
    assert [hit.chunk.document for hit in searcher.search("apple", k=10)] == ["best.md"] + ["rest.md"] * 9
    assert [hit.chunk.document for hit in searcher.search("apple", k=10)] == ["rest.md"] * 9


def test_the_fused_score_is_kept(searcher: Searcher) -> None:
    assert all(hit.why.fused_score == hit.score for hit in searcher.search("apple banana"))
