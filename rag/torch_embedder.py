"""An embedder on sentence-transformers: any model it can load, on the CPU or a GPU; the reference in float32.

It owns the import of sentence-transformers and torch for embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import ModelMissing
from rag.machine_profile import Precision
from rag.sentence_model import ModelFacts, SentenceModel


def quieten() -> None:
    """Keeps transformers' bars and remarks about loading off the terminal; errors still come as exceptions."""
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]


class TorchEmbedder(ModelFacts):
    """Implements `rag.embedder.Embedder`; a model's own query and document prompts are used where it has them."""

    def __init__(
        self, model: SentenceModel, precision: Precision, batch_size: int, device: str = "cpu"
    ) -> None:
        import torch
        from sentence_transformers import SentenceTransformer

        super().__init__(model)
        self._batch_size = batch_size
        self.precision = precision
        quieten()
        try:
            self._network: Any = SentenceTransformer(
                str(model.folder),
                device=None if device == "auto" else device,
                local_files_only=True,
                model_kwargs={"dtype": getattr(torch, precision)},
            )
        except (OSError, ValueError, KeyError) as exc:
            raise ModelMissing(f"The embedding model in {model.folder} cannot be loaded ({exc}).") from exc

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """The vector (dim,) of a question."""
        vector: NDArray[np.float32] = self._vectors(self._network.encode_query, [text])[0]
        return vector

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors (n, dim) of texts, in order; sentence-transformers sorts them by length."""
        if not texts:
            return np.empty((0, self.dim), np.float32)
        return self._vectors(self._network.encode_document, list(texts))

    def _vectors(self, encode: Any, texts: Sequence[str]) -> NDArray[np.float32]:
        found = encode(
            texts,
            batch_size=self._batch_size,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        vectors = np.asarray(found, np.float32)
        unit: NDArray[np.float32] = vectors / np.maximum(
            np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12
        )
        return unit
