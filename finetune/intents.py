"""Which intent an answer serves, told by a classifier that learnt it from the training answers: no model judges another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MOST_ANSWERS = 6000
"""Training answers the classifier sees: with 27 intents more of them change the third digit and cost minutes."""


@dataclass(frozen=True, slots=True)
class IntentClassifier:
    """Words and word pairs of an answer, weighted by TF-IDF, to its intent by logistic regression."""

    pipeline: Any

    def right(self, answers: Sequence[str], intents: Sequence[str]) -> list[float]:
        """For each answer 1 if it is taken for its row's intent, else 0."""
        found = [str(intent) for intent in self.pipeline.predict(list(answers))] if answers else []
        return [float(a == b) for a, b in zip(found, intents, strict=True)]


def learn_intents(answers: Sequence[str], intents: Sequence[str]) -> IntentClassifier | None:
    """The classifier of these answers; None where there are fewer than two intents to tell apart."""
    if len(set(intents)) < 2:
        return None
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    step = max(1, math.ceil(len(answers) / MOST_ANSWERS))
    pipeline = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2 if len(answers) > 200 else 1, sublinear_tf=True),
        LogisticRegression(C=10.0, max_iter=200),
    )
    pipeline.fit(list(answers)[::step], list(intents)[::step])
    return IntentClassifier(pipeline)
