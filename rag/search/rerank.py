"""An optional reranker: a cross-encoder reads question and passage together.

This is the only module that imports sentence-transformers' CrossEncoder. It is off unless
`retrieval.reranker` names a model, because it costs a forward pass a passage and lowers some sets: measure it
on your own golden questions (`lectern eval sweep`) before keeping it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rag.errors import ModelMissing
from rag.extras import missing_extra
from rag.json_text import parse_json
from rag.passage_text import passage_text
from rag.types import Hit

RERANK_DEPTH = 30
"""Hits that are reranked; more when more are asked for. Chosen, not measured."""
_CLASSIFIER = "ForSequenceClassification"
_INSTEAD = (
    "Name a cross-encoder (for example cross-encoder/ms-marco-MiniLM-L6-v2), or set retrieval.reranker = '' to search without "
    "one."
)


class CrossEncoderReranker:
    """Reorders hits by a cross-encoder's scores.

    Safe to use from several threads; one of them scores at a time.

    Raises:
        ModelMissing: the model is neither a folder nor in the cache of Hugging Face, or is no cross-encoder
            that returns one
            score a passage.
    """

    def __init__(self, model: str) -> None:
        self._turn = threading.Lock()
        if missing := missing_extra("A reranker", "models"):
            raise ModelMissing(missing)
        from sentence_transformers import CrossEncoder

        try:
            folder = _folder(model)
            _check_architecture(model, folder)
            self._network: Any = CrossEncoder(str(folder), local_files_only=True)
        except (OSError, ValueError, KeyError) as exc:
            raise ModelMissing(
                f"The reranker {model!r} is neither a folder with a cross-encoder nor in the cache of Hugging Face. Fetch it "
                f"with `hf download {model}`, give its folder, or set retrieval.reranker = '' to search without one."
            ) from exc
        if self._network.num_labels != 1:
            raise ModelMissing(
                f"The reranker {model!r} gives {self._network.num_labels} numbers a passage, expected 1: a score. {_INSTEAD}"
            )

    def rerank(self, question: str, hits: Sequence[Hit]) -> list[Hit]:
        """Return the hits by the cross-encoder's score, best first, ties by chunk id.

        The score becomes that of the hit.
        """
        if not hits:
            return []
        pairs = [(question, passage_text(hit.chunk)) for hit in hits]
        with self._turn:  # its tokenizer may not be used by two threads at once
            scores = self._network.predict(pairs, show_progress_bar=False)
        scored = [
            replace(hit, score=float(score), why=replace(hit.why, rerank_score=float(score)))
            for hit, score in zip(hits, scores, strict=True)
        ]
        return sorted(scored, key=lambda hit: (-hit.score, hit.chunk.id))


def _folder(model: str) -> Path:
    """Return the model's folder, given or in the cache of Hugging Face.

    Raises:
        OSError, ValueError: there is none.
    """
    folder = Path(model).expanduser()
    if folder.exists():
        return folder
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(model, local_files_only=True))


def _check_architecture(model: str, folder: Path) -> None:
    """Refuse a model that was not trained to score pairs.

    sentence-transformers would put a head of random weights on it and rank by that. It really loads
    classifiers, and models of other kinds that it saved as cross-encoders itself.
    """
    names = _object(folder / "config.json").get("architectures") or [""]
    saved = folder / "config_sentence_transformers.json"
    kind = _object(saved).get("model_type") if saved.is_file() else ""
    if not names[0].endswith(_CLASSIFIER) and kind != "CrossEncoder":
        raise ModelMissing(
            f"The reranker {model!r} is no cross-encoder: its config.json names {names[0] or 'no architecture'}, expected one that "
            f"ends in {_CLASSIFIER}. {_INSTEAD}"
        )


def _object(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises:
        OSError, ValueError: there is none.
    """
    return dict(parse_json(path.read_text(encoding="utf-8")))
