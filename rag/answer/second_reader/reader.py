"""The second reader: scores the best passages again with a larger network.

The evidence scorer (22 M weights) reads all passages that the search found; the embedded language model (135 M,
`rag.chat_models.embedded`) with trained adapters reads the best of them once more. Its merged graph is made
once on a machine and kept in the model cache.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.answer.evidence_encoding import Window
from rag.answer.evidence_network import CompiledNetwork
from rag.answer.evidence_scorer import weights_digest
from rag.answer.pair_scorer import Calibration, Joint, Outputs, PairScorer, PassageScore
from rag.answer.second_reader.encoding import LmEncoder
from rag.errors import ModelMissing
from rag.text.sentences import sentence_spans
from rag.types import Chunk

if TYPE_CHECKING:
    from rag.chat_models.files.gguf_tensors import GgufTensors

WEIGHTS_FOLDER = Path(__file__).with_name("weights")
WEIGHTS, FACTS = "model.safetensors", "reader.json"
_GRAPH, _FORMAT = "graph.xml", 3
"""The file of the kept graph, and its form: another form is made anew."""
PASSAGES, WITHIN = 4, 3.0
"""The most passages that it reads, and how near the best they are.

Of the eight that the evidence scorer reads those of a logit more than 3 below its best are not read again.
Of 300 validation questions with four passages each this leaves out a third of them and changes no figure
(`finetune.evidence.lm_export`).
"""


class SecondReader(PairScorer):
    """Scores passages against a question; safe to use from several threads."""

    def __init__(
        self,
        network: CompiledNetwork,
        encoder: LmEncoder,
        calibration: Calibration,
        joint: Joint,
        fingerprint: str,
        passages: int,
    ) -> None:
        super().__init__(calibration, fingerprint)
        self._network, self._encoder = network, encoder
        self._joint, self.passages, self.within = joint, passages, WITHIN

    @classmethod
    def open(
        cls,
        preparing: Callable[[float], None] | None = None,
        folder: Path | None = None,
        passages: int = PASSAGES,
    ) -> SecondReader:
        """Return the second reader of a folder, by default of the one that ships.

        It reads the best `passages` of a question.
        `preparing` is called with the share, 0 to 1, of its graph that is made, once on a machine.

        Raises:
            ModelMissing: the folder is damaged, or the embedded language model is not installed.
            ModelFailed: the language model's file is damaged, or the cache cannot be written.
        """
        from rag.answer.second_reader.network import Words, inputs_of
        from rag.chat_models.embedded import embedded_gguf
        from rag.chat_models.engines.openvino_graph import attention_of
        from rag.chat_models.files.gguf_header import read_header
        from rag.chat_models.files.gguf_tensors import GgufTensors

        folder = folder or WEIGHTS_FOLDER
        facts, digest = _facts(folder)
        tensors = GgufTensors(read_header(embedded_gguf()))
        words, attention = Words(tensors), attention_of(tensors)
        network = CompiledNetwork(
            lambda: _graph(folder, digest, tensors, preparing or (lambda share: None)),
            lambda windows: inputs_of(windows, words, attention),
        )
        return cls(
            network,
            LmEncoder.of(tensors.header),
            Calibration.of(facts),
            Joint.of(facts),
            f"second reader {digest[:12]}",
            passages,
        )

    def ready(self) -> None:
        """Make or read the graph now, instead of at the first question."""
        self._network.ready()

    def run(self, windows: list[Window]) -> Outputs:
        """Return rows of windows with their logits, before any calibration."""
        return self._network.run(windows)

    def score_again(
        self, question: str, passages: Sequence[Chunk], first: Sequence[PassageScore]
    ) -> tuple[PassageScore, ...]:
        """Return the joint scores of passages that have scores already, in order."""
        again = self.score(question, passages)
        return tuple(self._joint.join(one, two) for one, two in zip(first, again, strict=True))

    def any_answers_again(self, scores: Sequence[PassageScore], first: float) -> float:
        """Return the probability that at least one passage answers.

        `scores` are those of the passages read again, `first` is the evidence scorer's probability.
        """
        return self._joint.probability(first, self.any_answers(scores))

    def score(self, question: str, passages: Sequence[Chunk]) -> tuple[PassageScore, ...]:
        """Return this network's own scores of passages for a question, in order."""
        if not passages:
            return ()
        windows = [
            (place, window)
            for place, some in enumerate(self._encoder.windows(question, passages))
            for window in some
        ]
        outputs = self.run([window for _, window in windows])
        return self.passage_scores([sentence_spans(passage.text) for passage in passages], windows, outputs)


def _facts(folder: Path) -> tuple[dict[str, Any], str]:
    try:
        facts = json.loads((folder / FACTS).read_text("utf-8"))
        digest = weights_digest(folder / WEIGHTS)
        known = facts["digest"]
        Calibration.of(facts), Joint.of(facts)
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ModelMissing(
            f"{folder} has no second reader ({exc!r}); expected {FACTS} and {WEIGHTS}. Install Lectern again."
        ) from exc
    if digest != known:
        raise ModelMissing(f"{folder / WEIGHTS} is damaged: its digest is {digest}, {FACTS} says {known}.")
    return facts, digest


def _graph(folder: Path, digest: str, tensors: GgufTensors, preparing: Callable[[float], None]) -> Any:
    """Return the graph, made once and kept in the model cache."""
    import openvino
    from safetensors.numpy import load_file

    from rag.answer.second_reader.network import build_graph, whole
    from rag.chat_models.files.model_cache import cached_folder, content_hash
    from rag.embedding.openvino_embedder import openvino_core

    def make(target: Path) -> None:
        trained = whole(load_file(folder / WEIGHTS))
        graph, _kept = build_graph(tensors, trained, preparing)
        openvino.save_model(graph, target / _GRAPH, compress_to_fp16=False)

    kept = cached_folder(f"second-reader-{_FORMAT}-{digest[:16]}-{content_hash(tensors.header.path)}", make)
    return openvino_core().read_model(kept / _GRAPH)
