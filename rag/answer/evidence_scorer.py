"""The evidence scorer: a cross-encoder that scores every sentence of a passage.

A MiniLM (6 layers, 22 M weights) reads a question with a passage (`rag.answer.evidence_encoding`). A
sentence's logit comes from the mean of its token states and the state of [CLS]; the passage's from [CLS].
Weights are 8-bit integers per output channel (`finetune.evidence.export`). The network runs on OpenVINO
(`rag.answer.evidence_network`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

from rag.answer.evidence_encoding import PairEncoder
from rag.answer.evidence_network import CompiledNetwork, Weights, build_graph, inputs_of
from rag.answer.pair_scorer import Calibration, PairScorer, PassageScore
from rag.errors import ModelMissing
from rag.types import Chunk

WEIGHTS_FOLDER = Path(__file__).with_name("evidence_scorer_weights")
WEIGHTS, FACTS = "model.safetensors", "scorer.json"


class EvidenceScorer(PairScorer):
    """Scores passages against a question; safe to use from several threads."""

    def __init__(
        self,
        weights: Weights,
        calibration: Calibration,
        encoder: PairEncoder,
        fingerprint: str,
    ) -> None:
        super().__init__(calibration, fingerprint)
        self._network = CompiledNetwork(lambda: build_graph(weights), inputs_of)
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
            calibration = Calibration.of(facts)
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
        outputs = self._network.run([window for _, window in windows])
        scores = self.passage_scores([passage.spans for passage in encoded], windows, outputs)
        spelled = self._encoder.spelled(question, [passage.text for passage in passages])
        return tuple(replace(score, spelled=spelled) for score in scores)


def weights_digest(file: Path) -> str:
    """Return the BLAKE2b digest of a file of weights, 32 hexadecimal digits."""
    return blake2b(file.read_bytes(), digest_size=16).hexdigest()
