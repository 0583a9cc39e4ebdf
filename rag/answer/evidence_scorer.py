"""The evidence scorer: a cross-encoder that scores every sentence of a passage.

A MiniLM (6 layers, 22 M weights) reads a question with a passage (`rag.answer.evidence_encoding`). A
sentence's logit comes from the mean of its token states and the state of [CLS]; the passage's from [CLS].
Weights are 8-bit integers per output channel (`finetune.evidence.export`). The network runs on OpenVINO
(`rag.answer.evidence_network`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.aliases import Span
from rag.answer.evidence_encoding import EncodedPassage, PairEncoder
from rag.answer.evidence_network import CompiledNetwork, Weights
from rag.errors import ModelMissing
from rag.types import Chunk

WEIGHTS_FOLDER = Path(__file__).with_name("evidence_scorer_weights")
WEIGHTS, FACTS = "model.safetensors", "scorer.json"
_NO_EVIDENCE = -30.0
"""The logit of a sentence without a token (invisible characters only)."""


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
    sentence logits, from which `EvidenceScorer.any_answers` works out the probability over several passages.
    """

    answers: float
    logit: float
    sentences: tuple[SentenceScore, ...]
    features: tuple[float, float]

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


class EvidenceScorer:
    """Scores passages against a question; safe to use from several threads."""

    def __init__(
        self,
        weights: Weights,
        calibration: Calibration,
        encoder: PairEncoder,
        fingerprint: str,
    ) -> None:
        self.fingerprint = fingerprint
        self._network = CompiledNetwork(weights)
        self._calibration = calibration
        self._encoder = encoder

    @classmethod
    def open(cls, folder: Path | None = None) -> EvidenceScorer:
        """Return the scorer of a folder; the one that ships where there is none given.

        Raises:
            ModelMissing: the folder or the word pieces are missing, damaged or of another kind.
        """
        from safetensors.numpy import load_file

        folder = folder or WEIGHTS_FOLDER
        try:
            facts = json.loads((folder / FACTS).read_text("utf-8"))
            weights = load_file(folder / WEIGHTS)
            digest = weights_digest(folder / WEIGHTS)
            calibration = Calibration(
                *(
                    tuple(map(float, facts["calibration"][name]))
                    for name in ("sentence", "passage", "question")
                )
            )
        except Exception as exc:  # safetensors raises its own bare error class
            raise ModelMissing(
                f"{folder} has no evidence scorer ({exc!r}); expected {FACTS} and {WEIGHTS}. "
                "Install Lectern again."
            ) from exc
        if digest != facts.get("digest"):
            raise ModelMissing(
                f"{folder / WEIGHTS} is damaged: its digest is {digest}, {FACTS} says {facts.get('digest')}."
            )
        return cls(weights, calibration, PairEncoder.installed(), f"evidence scorer {digest[:12]}")

    def score(self, question: str, passages: Sequence[Chunk]) -> tuple[PassageScore, ...]:
        """Return the scores of passages for a question, in order."""
        if not passages:
            return ()
        head = self._encoder.question(question)
        encoded = self._encoder.passages(passages)
        windows = [
            (place, window)
            for place, passage in enumerate(encoded)
            for window in self._encoder.windows(head, passage)
        ]
        sentence = [np.full(len(passage.spans), _NO_EVIDENCE) for passage in encoded]
        pair = np.full(len(encoded), _NO_EVIDENCE)
        for rows, (sentence_logits, pair_logits) in self._network.run([window for _, window in windows]):
            for line, row in enumerate(rows):
                place, window = windows[row]
                seen = np.unique(window.sentence[window.sentence >= 0])
                known = sentence[place]
                # A sentence or passage read in several windows is as good as in its best one.
                known[seen] = np.maximum(known[seen], sentence_logits[line, : len(seen)])
                pair[place] = max(pair[place], float(pair_logits[line]))
        return tuple(
            self._passage_score(passage, logits, float(top))
            for passage, logits, top in zip(encoded, sentence, pair, strict=True)
        )

    def any_answers(self, scores: Sequence[PassageScore]) -> float:
        """Return the probability that at least one of the passages answers; 0 of none."""
        if not scores:
            return 0.0
        top = max(score.features[0] for score in scores)
        total = _log_sum_exp(np.array([score.features[1] for score in scores]))
        return _sigmoid(_logit(self._calibration.question, top, total))

    def _passage_score(self, passage: EncodedPassage, logits: NDArray[Any], pair: float) -> PassageScore:
        features = (pair, _log_sum_exp(logits))
        logit = _logit(self._calibration.passage, *features)
        found = []
        for (start, end), raw in zip(passage.spans, logits.tolist(), strict=True):
            calibrated = _logit(self._calibration.sentence, raw, pair)
            found.append(SentenceScore(start, end, _sigmoid(calibrated), calibrated))
        return PassageScore(_sigmoid(logit), logit, tuple(found), features)


def _logit(weights: tuple[float, ...], *features: float) -> float:
    bounded = (min(30.0, max(-30.0, feature)) for feature in features)
    return sum(weight * feature for weight, feature in zip(weights, bounded, strict=False)) + weights[-1]


def _sigmoid(logit: float) -> float:
    return float(0.5 * (1 + np.tanh(0.5 * logit)))


def _log_sum_exp(values: NDArray[Any]) -> float:
    """Return the log-sum-exp of values; `_NO_EVIDENCE` of none."""
    if not len(values):
        return _NO_EVIDENCE
    top = float(values.max())
    return top + float(np.log(np.exp(values - top).sum()))


def weights_digest(file: Path) -> str:
    """Return the BLAKE2b digest of a file of weights, 32 hexadecimal digits."""
    return blake2b(file.read_bytes(), digest_size=16).hexdigest()
