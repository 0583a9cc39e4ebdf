"""/v1/embeddings: the vectors of texts in OpenAI's form."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ui.api.errors import ApiError
from ui.api.openai_types import (
    MOST_TEXTS,
    Embedding,
    EmbeddingList,
    EmbeddingRequest,
    EmbeddingUsage,
)

if TYPE_CHECKING:
    from rag.aliases import Vectors
    from rag.embedding.embedder import Embedder

MODEL = "lectern-embedding"
"""The name of the embedder on this server."""


def embedded(request: EmbeddingRequest, embedder: Embedder) -> EmbeddingList:
    """Return the vectors of a request's texts, of length 1.

    `lectern.cut` lists the texts that are longer than the embedder reads: their ends have no effect.

    Raises:
        ApiError: the model is unknown (404), or the texts or dimensions cannot be used (400).
    """
    if request.model != MODEL:
        raise ApiError(
            404,
            f"There is no embedding model {request.model!r}; this server has {MODEL!r}.",
            "model_not_found",
            param="model",
        )
    if request.dimensions not in (None, embedder.dim):
        raise ApiError(
            400,
            f"{MODEL} makes vectors of {embedder.dim} dimensions, and `dimensions` is {request.dimensions}.",
            "unsupported",
            param="dimensions",
        )
    texts = _texts(request)
    counts = embedder.count_tokens(texts)
    if request.input_type == "query":
        vectors = np.stack([embedder.embed_query(text) for text in texts])
    else:
        vectors = embedder.embed_passages(texts)
    total = sum(counts)
    return EmbeddingList(
        data=_data(vectors, request.encoding_format == "base64"),
        model=MODEL,
        usage=EmbeddingUsage(prompt_tokens=total, total_tokens=total),
        lectern={
            "embedder": embedder.fingerprint,
            "cut": [number for number, count in enumerate(counts) if count > embedder.max_tokens],
            "max_tokens": embedder.max_tokens,
        },
    )


def _texts(request: EmbeddingRequest) -> list[str]:
    """Return the texts of a request.

    Raises:
        ApiError: there is none, one is empty, there are too many, or they are token ids.
    """
    given: Sequence[object] = [request.input] if isinstance(request.input, str) else request.input
    texts = [text for text in given if isinstance(text, str)]
    if len(texts) < len(given):
        raise ApiError(
            400,
            "`input` has token ids of another model's tokenizer; send text (in langchain-openai: "
            "check_embedding_ctx_length=False).",
            "unsupported",
            param="input",
        )
    if not 1 <= len(texts) <= MOST_TEXTS or not all(text.strip() for text in texts):
        raise ApiError(
            400,
            f"`input` must have 1 to {MOST_TEXTS:,} texts, none of them empty.",
            "invalid_request",
            param="input",
        )
    return texts


def _data(vectors: Vectors, as_base64: bool) -> list[Embedding]:
    if as_base64:
        rows = np.ascontiguousarray(vectors, "<f4")
        return [
            Embedding(index=number, embedding=base64.b64encode(row.tobytes()).decode("ascii"))
            for number, row in enumerate(rows)
        ]
    return [Embedding(index=number, embedding=row) for number, row in enumerate(vectors.tolist())]
