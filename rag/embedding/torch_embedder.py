"""An embedder on sentence-transformers, on the CPU or a GPU.

It runs any model that sentence-transformers can load; in float32 it is the reference. This is the only module
that imports sentence-transformers and torch for embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.embedding.machine_profile import Precision
from rag.embedding.model_folder import ModelFacts, SentenceModel
from rag.errors import ModelMissing
from rag.extras import missing_extra


def quieten() -> None:
    """Keep transformers' progress bars and remarks off the terminal.

    Errors still come as exceptions.
    """
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]


class TorchEmbedder(ModelFacts):
    """Implements `rag.embedding.embedder.Embedder`.

    A model's own query and document prompts are used where it has them.
    """

    def __init__(
        self, model: SentenceModel, precision: Precision, batch_size: int, device: str = "cpu"
    ) -> None:
        subject = f"The embedding model in {model.folder} (or embedding.engine = 'torch')"
        if missing := missing_extra(subject, "models"):
            raise ModelMissing(missing)
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
        """Return the vector (dim,) of a question."""
        vector: NDArray[np.float32] = self._vectors(self._network.encode_query, [text])[0]
        return vector

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors (n, dim) of texts, in order.

        sentence-transformers sorts them by length.
        """
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
