"""The kinds of answers that are tried for a question, likeliest first.

The router reads the question alone. Where it hesitates, the notes decide: a kind that it only suspects answers on
strong evidence alone, such as a list under a heading or the outline of a document that the question names.
"""

from __future__ import annotations

from dataclasses import dataclass

from rag.answer.matching import asked_stems
from rag.answer.route import Route, Routed, shipped_model

OPEN_ROUTES = frozenset((Route.FACT, Route.CONTINUE, Route.EXPLAIN, Route.DEFINITION))
"""Routes of a message that names nothing and asks to go on."""
HINTED = {Route.LIST: 0.15, Route.COUNT: 0.1, Route.TABLE: 0.02, Route.CODE: 0.1}
"""Least probability at which the notes are looked through for a structure.

Chosen on questions of two courses (`benchmarks.questions`) and 78 quiz questions on one, whose answers are sentences.
"""
BESIDE = 0.3
"""Least probability of a structure's kind that is tried before the likeliest."""
SUSPECTED = 0.5
"""Probability of a single fact below which any other kind is tried too."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A kind to try. `sure` is False where only strong evidence counts."""

    route: Route
    sure: bool


def trials(message: str, routed: Routed, has_history: bool = False) -> list[Trial]:
    """Return the kinds to try before the usual path, likeliest first.

    A message that names nothing ("why?") asks to go on.
    """
    if has_history and routed.route in OPEN_ROUTES and not asked_stems(message):
        return [Trial(Route.CONTINUE, True)]
    model = shipped_model()
    pairs = sorted(zip(model.probabilities(message).tolist(), model.routes, strict=True), reverse=True)
    if routed.route is Route.OUTLINE:
        counts = any(one is Route.COUNT and value >= HINTED[one] for value, one in pairs)
        return [*[Trial(Route.COUNT, False)] * counts, Trial(Route.OUTLINE, True)]
    if routed.route is not Route.FACT:
        others = [
            one for value, one in pairs if one in HINTED and value >= BESIDE and one is not routed.route
        ]
        return [*(Trial(one, False) for one in others), Trial(routed.route, True)]
    found = [Trial(one, False) for value, one in pairs if value >= HINTED.get(one, 2.0)]
    likeliest = pairs[0][1]
    if routed.probability < SUSPECTED and likeliest not in {Route.FACT, Route.OUTLINE, *HINTED}:
        found.insert(0, Trial(likeliest, False))
    if routed.probability < SUSPECTED and likeliest is Route.OUTLINE:
        found.append(Trial(Route.OUTLINE, False))
    return found
