"""The kinds of answers that are tried for a question, likeliest first.

The router reads the question alone. Where it hesitates, the notes decide: a kind that it only suspects answers on
strong evidence alone, such as a list under a heading or the outline of a document that the question names.
"""

from __future__ import annotations

from dataclasses import dataclass

from rag.answer.matching import asked_stems, named_count
from rag.answer.question_parts import RELATING, sides_of
from rag.answer.route import Route, Routed, shipped_model
from rag.text.words import tokens

OPEN_ROUTES = frozenset((Route.FACT, Route.CONTINUE, Route.EXPLAIN, Route.DEFINITION))
"""Routes of a message that names nothing and asks to go on."""
UNNAMED_ROUTES = OPEN_ROUTES | {Route.LIST, Route.TABLE, Route.LOCATE}
"""Routes that a message of two things and nothing else may be given."""
HINTED = {Route.LIST: 0.15, Route.COUNT: 0.1, Route.TABLE: 0.02, Route.CODE: 0.1}
"""Least probability at which the notes are looked through for a structure.

Chosen on questions of two courses (`benchmarks.questions`) and 78 quiz questions on one, whose answers are sentences.
"""
PARTS_COUNTED = 0.004
"""Least probability of a count at which an outline's parts are counted first.

The router was trained to take "how many lectures are there?" for an outline. Twelve such questions in five languages have 0.0047 or
more; of twelve that ask for no number all have 0.0022 or less, but for "table of contents" with 0.0062.
"""
SURE_COUNT = 0.5
"""Probability of a count from which a message asks for a number."""
BESIDE = 0.3
"""Least probability of a structure's kind that is tried before the likeliest."""
SUSPECTED = 0.5
"""Probability of a single fact below which any other kind is tried too."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A kind to try. `sure` is False where only strong evidence counts.

    `counted` is True where only a list with as many items as the question names counts.
    """

    route: Route
    sure: bool
    counted: bool = False


def trials(message: str, routed: Routed, has_history: bool = False) -> list[Trial]:
    """Return the kinds to try before the usual path, likeliest first.

    A message that names nothing ("why?") asks to go on.
    """
    if has_history and routed.route in OPEN_ROUTES and not asked_stems(message):
        return [Trial(Route.CONTINUE, True)]
    if routed.route in UNNAMED_ROUTES and names_two_sides(message):
        return [Trial(Route.COMPARISON, False), *_likely(message, routed)]
    return _likely(message, routed)


def names_two_sides(message: str) -> bool:
    """Return whether a message is nothing but two things and a word that joins them.

    "Introduction to Python" is one thing.
    """
    words = tokens(message)
    rests = (
        [word for word in words if word not in {*tokens(left), *tokens(right)}]
        for left, right in sides_of(message)
    )
    return any(len(rest) <= 1 and RELATING.isdisjoint(rest) for rest in rests)


def _likely(message: str, routed: Routed) -> list[Trial]:
    """The kinds by the router's probabilities."""
    model = shipped_model()
    pairs = sorted(zip(model.probabilities(message).tolist(), model.routes, strict=True), reverse=True)
    if routed.route is Route.OUTLINE:
        counts = any(one is Route.COUNT and value >= PARTS_COUNTED for value, one in pairs)
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
    if named_count(message) and Route.LIST not in {one.route for one in found}:
        found.append(Trial(Route.LIST, False, counted=True))
    return found


def asks_for_number(message: str) -> bool:
    """Return whether a message most likely asks how many there are."""
    model = shipped_model()
    return bool(model.probabilities(message)[model.routes.index(Route.COUNT)] >= SURE_COUNT)


def asks_for_parts(message: str) -> bool:
    """Return whether a message rather asks for parts than for a single fact.

    Parts are asked for as a list, an outline or a number."""
    model = shipped_model()
    chance = dict(zip(model.routes, model.probabilities(message).tolist(), strict=True))
    return bool(chance[Route.LIST] + chance[Route.OUTLINE] + chance[Route.COUNT] > chance[Route.FACT])
