"""Scores of passages and their sentences as evidence, and what scorers share.

A scorer is a network with two outputs for a window of a passage: logits of its sentences and of the pair of
question and passage. Calibrations turn them into probabilities.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.aliases import Span
from rag.answer.evidence_encoding import Window

_NO_EVIDENCE = -30.0
"""The logit of a sentence without a token (invisible characters only)."""
Outputs = Iterable[tuple[list[int], tuple[NDArray[np.float32], NDArray[np.float32]]]]
"""Rows of windows with sentence logits (n, most sentences) and pair logits (n,)."""


@dataclass(frozen=True, slots=True)
class SentenceScore:
    """The probability that a sentence of a passage answers the question.

    The sentence is `text[start:end]` of the passage.
    """

    start: int
    end: int
    score: float
    logit: float


@dataclass(frozen=True, slots=True)
class PassageScore:
    """The probability that a passage answers a question, and its sentences in order.

    `logit` is that of `answers`; `features` are the network's own passage logit and the log-sum-exp of its
    sentence logits, from which `PairScorer.any_answers` works out the probability over several passages. `spelled` in [0, 1]
    is how far the scorer reads the texts letter by letter (`evidence_encoding.spelled`): at 1 it does not know their words.
    """

    answers: float
    logit: float
    sentences: tuple[SentenceScore, ...]
    features: tuple[float, float]
    spelled: float = 0.0

    @property
    def by_span(self) -> dict[Span, SentenceScore]:
        """The sentences by their spans, made anew at each use."""
        return {(one.start, one.end): one for one in self.sentences}


@dataclass(frozen=True, slots=True)
class Calibration:
    """Logistic regressions fitted on validation questions.

    Of each the weights of the features, then the constant.
    """

    sentence: tuple[float, ...]
    passage: tuple[float, ...]
    question: tuple[float, ...]

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Calibration:
        """Return the calibration in the facts of a scorer's folder."""
        fitted = facts["calibration"]
        return cls(*(tuple(map(float, fitted[name])) for name in ("sentence", "passage", "question")))


@dataclass(frozen=True, slots=True)
class Joint:
    """Weights that join the logits of two scorers.

    They are of sentences, of passages, and of questions: that some passage answers.

    Each row has the first's weight, the second's and the constant.
    """

    sentence: tuple[float, ...]
    passage: tuple[float, ...]
    question: tuple[float, ...]

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Joint:
        """Return the weights in the facts of a scorer's folder."""
        fitted = facts["joint"]
        return cls(*(tuple(map(float, fitted[name])) for name in ("sentence", "passage", "question")))

    def probability(self, first: float, second: float) -> float:
        """Return the probability that some passage answers, by those of both scorers."""
        return sigmoid(_logit(self.question, logit_of(first), logit_of(second)))

    def join(self, first: PassageScore, second: PassageScore) -> PassageScore:
        """Return the joint scores of a passage, with the second's features."""
        pairs = zip(first.sentences, second.sentences, strict=True)
        sentences = tuple(
            SentenceScore(two.start, two.end, sigmoid(logit), logit)
            for one, two in pairs
            for logit in [_logit(self.sentence, one.logit, two.logit)]
        )
        logit = _logit(self.passage, first.logit, second.logit)
        return PassageScore(sigmoid(logit), logit, sentences, second.features, first.spelled)


class PairScorer:
    """Probabilities from the logits of a network."""

    def __init__(self, calibration: Calibration, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self._calibration = calibration

    def any_answers(self, scores: Sequence[PassageScore]) -> float:
        """Return the probability that at least one of the passages answers; 0 of none."""
        if not scores:
            return 0.0
        top = max(score.features[0] for score in scores)
        total = _log_sum_exp(np.array([score.features[1] for score in scores]))
        return sigmoid(_logit(self._calibration.question, top, total))

    def passage_scores(
        self, spans: Sequence[Sequence[Span]], windows: Sequence[tuple[int, Window]], outputs: Outputs
    ) -> tuple[PassageScore, ...]:
        """Return the scores of passages, given their sentences' spans and their windows.

        A window comes with the place of its passage; `outputs` are in rows of `windows`.
        """
        sentence = [np.full(len(one), _NO_EVIDENCE) for one in spans]
        pair = np.full(len(spans), _NO_EVIDENCE)
        for rows, (sentence_logits, pair_logits) in outputs:
            for line, row in enumerate(rows):
                place, window = windows[row]
                seen = np.unique(window.sentence[window.sentence >= 0])
                known = sentence[place]
                # A sentence or passage read in several windows is as good as in its best one.
                known[seen] = np.maximum(known[seen], sentence_logits[line, : len(seen)])
                pair[place] = max(pair[place], float(pair_logits[line]))
        return tuple(
            self._passage_score(one, logits, float(top))
            for one, logits, top in zip(spans, sentence, pair, strict=True)
        )

    def _passage_score(self, spans: Sequence[Span], logits: NDArray[Any], pair: float) -> PassageScore:
        features = (pair, _log_sum_exp(logits))
        logit = _logit(self._calibration.passage, *features)
        found = []
        for (start, end), raw in zip(spans, logits.tolist(), strict=True):
            calibrated = _logit(self._calibration.sentence, raw, pair)
            found.append(SentenceScore(start, end, sigmoid(calibrated), calibrated))
        return PassageScore(sigmoid(logit), logit, tuple(found), features)


def _logit(weights: tuple[float, ...], *features: float) -> float:
    bounded = (min(30.0, max(-30.0, feature)) for feature in features)
    return sum(weight * feature for weight, feature in zip(weights, bounded, strict=False)) + weights[-1]


def logit_of(probability: float) -> float:
    """Return the logit of a probability, within ±14."""
    bounded = min(1 - 1e-6, max(1e-6, probability))
    return float(np.log(bounded / (1 - bounded)))


def sigmoid(logit: float) -> float:
    """Return the probability of a logit."""
    return float(0.5 * (1 + np.tanh(0.5 * logit)))


def _log_sum_exp(values: NDArray[Any]) -> float:
    """Return the log-sum-exp of values; `_NO_EVIDENCE` of none."""
    if not len(values):
        return _NO_EVIDENCE
    top = float(values.max())
    return top + float(np.log(np.exp(values - top).sum()))
