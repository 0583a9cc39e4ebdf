"""Why not this one: where a document's best passage stands in a search that did not show it, and what it lacks."""

from __future__ import annotations

from dataclasses import dataclass

from rag.errors import QuestionError
from rag.scope import Scope
from rag.search import Searcher
from rag.types import Hit

DEPTH = 1000
"""Ranks are looked up this far down; beyond it they are unknown."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A document's best passage beside the last one that was shown.

    `rank` is the passage's place among all passages (None beyond `DEPTH`), `missing_score` how much it lacks to be shown (0
    if it is), `missing_terms` the words of the question that it does not hold, `absent_terms` those that no note holds.
    """

    hit: Hit
    rank: int | None
    shown: int
    last_shown: Hit | None
    missing_score: float
    missing_terms: tuple[str, ...]
    absent_terms: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """The reason in one sentence."""
        if self.rank is not None and self.rank <= self.shown:
            return f"It is shown, at rank {self.rank}."
        place = f"at rank {self.rank}" if self.rank else f"beyond rank {DEPTH}"
        words = f" and does not hold {', '.join(self.missing_terms)}" if self.missing_terms else ""
        cosine = self.hit.why.dense_score or 0.0
        return (
            f"Its best passage stands {place}: it lacks {self.missing_score:.3f} to be shown, has a cosine of {cosine:.2f} with "
            f"the question{words}."
        )


def explain(searcher: Searcher, query: str, document: str, k: int | None = None) -> Explanation:
    """Where the best passage of `document` stands for `query`, beside the `k` passages that are shown.

    Raises:
        QuestionError: the library has no such document, or the question is empty.
    """
    wanted = searcher.settings.k if k is None else k
    inside = searcher.look(query, 1, Scope(documents=(document,)))
    if not inside.hits:
        raise QuestionError(f"{document!r} has no text that can be searched.")
    best = inside.hits[0]
    ranking = searcher.search(query, max(DEPTH, wanted))
    rank = next((at for at, hit in enumerate(ranking, start=1) if hit.chunk.id == best.chunk.id), None)
    shown = ranking[:wanted]
    hit = best if rank is None else ranking[rank - 1]
    terms = searcher.lexical.terms(query)
    return Explanation(
        hit=hit,
        rank=rank,
        shown=wanted,
        last_shown=shown[-1] if shown else None,
        missing_score=max(0.0, shown[-1].score - hit.score) if shown else 0.0,
        missing_terms=tuple(t.word for t in terms if t.passages and t.word not in hit.why.matched_terms),
        absent_terms=tuple(t.word for t in terms if not t.passages),
    )
