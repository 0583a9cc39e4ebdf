"""Numbers about a list as the answer to a question.

`rag.answer.structure_choice` reads them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rag.answer.asked import Asked
from rag.answer.best_sentence import best_sentence
from rag.answer.choose_structure import Ranked
from rag.answer.matching import asked_stems, named_count, stems
from rag.answer.route import Route, shipped_model

ROUTES = (Route.LIST, Route.COUNT, Route.TABLE, Route.OUTLINE, Route.FACT, Route.DEFINITION, Route.LOCATE)
"""Routes whose probabilities are looked at."""
NAMES = (
    "introduction", "all", "place", "counted", "outline", "sentence", "read", "cosine", "answers",
    "table", "items", "announced", "name", "asked in name", "lead", "best inside", "best before",
    "best sentence", "best passage", "counts otherwise", "words",
    *(f"route {route}" for route in ROUTES),
)  # fmt: skip
"""The features in their order."""
LEAST_ODDS = 1e-4


def features_of(asked: Asked, ranked: Sequence[Ranked]) -> NDArray[np.float32]:
    """Return the features of each candidate, (n, len(NAMES)), in the order of `NAMES`."""
    common = _of_question(asked)
    rows = [[*_of_structure(asked, one, ranked), *common] for one in ranked]
    return np.array(rows, np.float32).reshape(len(rows), len(NAMES))


def _of_structure(asked: Asked, one: Ranked, ranked: Sequence[Ranked]) -> list[float]:
    head, every, place, counted, kind, read, cosine, answers = one.features
    structure = one.structure
    words, name = set(asked_stems(asked.question)), set(stems(structure.name))
    shared = len(words & name)
    others = [other.score for other in ranked if other is not one]
    best = best_sentence(asked)
    return [
        head, every, place, counted, float(kind == 1.0), float(kind >= 2.0), read, cosine, answers,
        float(bool(structure.head)), math.log(len(structure.items)), float(structure.intro.rstrip().endswith((":", "："))),
        shared / max(1, len(name)), shared / max(1, len(words)), one.score - max(others, default=0.0),
        float(best is not None and best.is_in(structure)), float(best is not None and best.leads_to(structure)),
    ]  # fmt: skip


def _of_question(asked: Asked) -> list[float]:
    best, model = best_sentence(asked), shipped_model()
    chances = model.probabilities(asked.question)
    odds = [math.log(max(LEAST_ODDS, float(chances[model.routes.index(route)]))) for route in ROUTES]
    return [
        best.score if best is not None else 0.0, max((score.answers for score in asked.scores), default=0.0),
        float(named_count(asked.question) is not None), float(len(asked_stems(asked.question))), *odds,
    ]  # fmt: skip
