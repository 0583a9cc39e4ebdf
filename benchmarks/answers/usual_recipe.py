"""The usual recipe for question answering over notes, to compare with.

It is LangChain's splitter and prompt, the four nearest chunks, and the same embedder and model as the
product.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from langchain_core.messages import HumanMessage
from langchain_text_splitters import RecursiveCharacterTextSplitter

from rag.embedding.embedder import Embedder
from rag.library.library import Library

PROMPT = (
    "You are an assistant for question-answering tasks. Use the following pieces of retrieved context to answer the "
    "question. If you don't know the answer, just say that you don't know. Use three sentences maximum and keep the "
    "answer concise.\nQuestion: {question}\nContext: {context}\nAnswer:"
)
"""Source: LangChain's tutorial (`rlm/rag-prompt`)."""
CHUNKS = 4
"""Chunks in a prompt. Source: the default `k` of LangChain's `VectorStore.similarity_search`."""


class UsualRecipe:
    """A course in chunks of 1,000 characters that overlap by 200, searched by cosine.

    Source of the sizes: LangChain's tutorial on question answering.
    """

    def __init__(self, library: Library, embedder: Embedder, model: Any) -> None:
        splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200)
        texts = [library.document(record.path).text for record in library.documents()]
        self._chunks = [chunk for text in texts for chunk in splitter.split_text(text)]
        self._vectors = embedder.embed_passages(self._chunks)
        self._embedder, self._model = embedder, model

    def answer(self, question: str) -> str:
        """Return the model's text for a question."""
        near = np.argsort(-(self._vectors @ self._embedder.embed_query(question)))[:CHUNKS]
        context = "\n\n".join(self._chunks[place] for place in near)
        return str(self._model.invoke([HumanMessage(PROMPT.format(question=question, context=context))]).text)
