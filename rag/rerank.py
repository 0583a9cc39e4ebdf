"""An optional second look: a cross-encoder that reads question and passage together. Off unless `retrieval.reranker` names one.

It owns the import of sentence-transformers' CrossEncoder. It is off by default because it costs a forward pass a passage and
lowers some sets: measure it on your own golden questions (`lectern eval sweep`) before keeping it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rag.errors import ModelMissing
from rag.passage import passage_text
from rag.types import Hit

RERANK_DEPTH = 30
"""Hits that are read again; more when more are asked for."""


class CrossEncoderReranker:
    """Reorders hits by a cross-encoder's scores.

    Raises:
        ModelMissing: the model is neither a folder nor in the cache of Hugging Face, or is no cross-encoder.
    """

    def __init__(self, model: str) -> None:
        try:
            from sentence_transformers import CrossEncoder
        except ImportError as exc:
            raise ModelMissing(
                "A reranker needs sentence-transformers: pip install sentence-transformers"
            ) from exc
        folder = Path(model).expanduser()
        try:
            self._network: Any = CrossEncoder(
                str(folder) if folder.exists() else model, local_files_only=True
            )
        except (OSError, ValueError, KeyError) as exc:
            raise ModelMissing(
                f"The reranker {model!r} is neither a folder with a cross-encoder nor in the cache of Hugging Face. Fetch it "
                f"with `hf download {model}`, give its folder, or set retrieval.reranker = '' to search without one."
            ) from exc

    def rerank(self, question: str, hits: Sequence[Hit]) -> list[Hit]:
        """The hits by the cross-encoder's score (which becomes theirs), best first, ties by chunk id."""
        if not hits:
            return []
        scores = self._network.predict(
            [(question, passage_text(hit.chunk)) for hit in hits], show_progress_bar=False
        )
        scored = [
            replace(hit, score=float(score), why=replace(hit.why, rerank_score=float(score)))
            for hit, score in zip(hits, scores, strict=True)
        ]
        return sorted(scored, key=lambda hit: (-hit.score, hit.chunk.id))
