"""A classifier of the intent that an answer serves.

It learns from the training answers, so that no model judges another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from finetune.requirements import require_packages

MOST_ANSWERS = 6000
"""Training answers for the classifier.

With 27 intents more of them change the third digit and cost minutes.
"""


@dataclass(frozen=True, slots=True)
class IntentClassifier:
    """Logistic regression from words and word pairs, weighted by TF-IDF, to an intent."""

    pipeline: Any

    def right(self, answers: Sequence[str], intents: Sequence[str]) -> list[float]:
        """For each answer 1 if it is taken for its row's intent, else 0."""
        found = [str(intent) for intent in self.pipeline.predict(list(answers))] if answers else []
        return [float(a == b) for a, b in zip(found, intents, strict=True)]


def learn_intents(answers: Sequence[str], intents: Sequence[str]) -> IntentClassifier | None:
    """Return the classifier of these answers, or None for fewer than two intents."""
    if len(set(intents)) < 2:
        return None
    require_packages("sklearn")
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
