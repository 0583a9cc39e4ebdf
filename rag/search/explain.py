"""Reasons why a search did not show a document: its best passage's rank and gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.errors import QuestionError
from rag.library.store import LibraryStore
from rag.search.duplicates import plain_text
from rag.search.scope import Scope, allowed_passages, describe
from rag.search.searcher import Searcher
from rag.types import Hit

DEPTH = 1000
"""Ranks are looked up this far down; beyond it they are unknown."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A document's best passage beside the last one that was shown.

    `rank` is the passage's rank among all passages (None beyond `DEPTH`), `missing_score` how much it lacks
    to be shown (0 if it is), `missing_terms` the words of the question that are not in it, `absent_terms`
    those that are in no note. `copy_of` names the shown passage that has the same text, if that is why this
    one is not shown.
    """

    hit: Hit
    rank: int | None
    shown: int
    last_shown: Hit | None
    missing_score: float
    missing_terms: tuple[str, ...]
    absent_terms: tuple[str, ...]
    copy_of: str = ""

    @property
    def verdict(self) -> str:
        """The reason in one sentence."""
        if self.rank is not None and self.rank <= self.shown:
            return f"It is shown, at rank {self.rank}."
        place = f"at rank {self.rank}" if self.rank else f"beyond rank {DEPTH}"
        if self.copy_of:
            return (
                f"Its best passage is {place} because it repeats the text of {self.copy_of}, which is shown."
            )
        lacks = (
            f"lacks {self.missing_score:.3f} to be shown"
            if self.missing_score
            else "comes after the first passages of either search"
        )
        words = f" and does not hold {', '.join(self.missing_terms)}" if self.missing_terms else ""
        cosine = self.hit.why.dense_score or 0.0
        return (
            f"Its best passage is {place}: it {lacks}, has a cosine of {cosine:.2f} with the question{words}."
        )


def explain(
    searcher: Searcher, query: str, document: str, k: int | None = None, scope: Scope | None = None
) -> Explanation:
    """Return how the best passage of `document` compares with the `k` that are shown.

    Its rank is its place among what is shown or else its place after that, so it cannot contradict the
    search.

    Raises:
        QuestionError: the library has no such document, it is outside `scope`, or the question is empty.
    """
    wanted = searcher.settings.k if k is None else k
    names = _documents(searcher.library, document, scope)
    read = searcher.search(query, searcher.passages_read(wanted), scope)
    shown = read[:wanted]
    rank = _first_of(names, read)
    ranking = read if rank else _deeper(searcher, query, read, scope)
    rank = rank or _first_of(names, ranking)
    hit = ranking[rank - 1] if rank else _best_inside(searcher, query, names)
    terms = searcher.lexical.terms(query)
    return Explanation(
        hit=hit,
        rank=rank,
        shown=wanted,
        last_shown=shown[-1] if shown else None,
        missing_score=_missing_score(hit, read, shown),
        missing_terms=tuple(t.word for t in terms if t.passages and t.word not in hit.why.matched_terms),
        absent_terms=tuple(t.word for t in terms if not t.passages),
        copy_of="" if hit in shown else _copied(hit, shown),
    )


def _documents(library: LibraryStore, document: str, scope: Scope | None) -> frozenset[str]:
    """Return the names of the documents inside the scope that `document` selects.

    A document of that very name is selected alone.
    """
    named = None if library.has(document) else allowed_passages(library, Scope(documents=(document,)))
    limits = allowed_passages(library, scope)
    found = frozenset(named.documents if named else (document,))
    inside = found if limits is None else found & set(limits.documents)
    if scope and not inside:
        raise QuestionError(
            f"{document!r} is not inside {describe(scope)}, so the search does not look at it; ask without --scope to see "
            "its rank."
        )
    return inside


def _first_of(names: frozenset[str], hits: Sequence[Hit]) -> int | None:
    """Return the rank, from 1, of the first hit in one of the documents."""
    return next((at for at, hit in enumerate(hits, start=1) if hit.chunk.document in names), None)


def _deeper(searcher: Searcher, query: str, read: list[Hit], scope: Scope | None) -> list[Hit]:
    """Return the passages read for the question, then what the scores rank next.

    A deep search proposes more than the one that was shown, and a reranker reads only its first passages:
    both keep what was read in its order, and never read a thousand passages again.
    """
    known = {hit.chunk.id for hit in read}
    deep = searcher.look(query, DEPTH, scope, rerank=False)
    return [*read, *(hit for hit in deep if hit.chunk.id not in known)]


def _best_inside(searcher: Searcher, query: str, names: frozenset[str]) -> Hit:
    """Return the best passage of documents that the ranking does not reach.

    Only for those, because inside a scope every passage gets a token match, which would show more than the
    search knew.
    """
    inside = searcher.look(query, DEPTH, Scope(documents=tuple(sorted(names))), rerank=False)
    rank = _first_of(names, inside)
    if rank is None:
        raise QuestionError(f"{', '.join(sorted(names))} has no text that can be searched.")
    return inside[rank - 1]


def _missing_score(hit: Hit, read: Sequence[Hit], shown: Sequence[Hit]) -> float:
    """Return the score that the hit lacks to the last one shown.

    Where a reranker never read the hit, it is the gap in fused scores to the last one read.
    """
    if not shown:
        return 0.0
    if hit in read:
        return max(0.0, shown[-1].score - hit.score)
    return max(0.0, min(other.why.fused_score or 0.0 for other in read) - (hit.why.fused_score or 0.0))


def _copied(hit: Hit, shown: Sequence[Hit]) -> str:
    """Return the label of the shown passage with the hit's text; empty if none has it."""
    return next((o.chunk.label for o in shown if plain_text(o.chunk) == plain_text(hit.chunk)), "")
