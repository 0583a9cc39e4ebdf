"""One measured ingest in a process of its own, called by `benchmarks.ingest`.

So its peak memory is its own. It prints one JSON object: seconds, CPU seconds, passages, tokens embedded,
bytes read, peak memory of the process and its worker.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class HashedVectors:
    """Vectors and sketches of the real sizes, made without a model.

    They serve where only the rest of the pipeline is measured.
    """

    fingerprint = "hashed vectors"
    dim = 384
    max_tokens = 254

    def __init__(self) -> None:
        from rag.embedding.embedder import model_folder
        from rag.embedding.model_folder import read_sentence_model

        self._model = read_sentence_model(model_folder("embedded"), "hashed")
        self._random = np.random.default_rng(0)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._model.count_tokens(texts)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        return self.embed_passages([text])[0]

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = self._random.standard_normal((len(texts), self.dim), np.float32)
        unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit

    def sketch_passages(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], list[bytes]]:
        sizes = [50 * count for count in self.count_tokens(texts)]
        return self.embed_passages(texts), [self._random.bytes(size) for size in sizes]

    def embed_query_tokens(self, text: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self.embed_query(text), self.embed_passages(text.split() or ["x"])


def ours(notes: Path, library: Path, precision: str) -> dict[str, Any]:
    """`lectern ingest`: from files to the saved library and FAISS file. `precision` may be `hashed`."""
    from ingest.pipeline import ingest_paths
    from rag.embedding.engine import open_embedder
    from rag.library.library import Library
    from rag.passage_text import passage_text
    from rag.settings import EmbeddingSettings, Settings

    embedder: Any = (
        HashedVectors() if precision == "hashed" else open_embedder(EmbeddingSettings(precision=precision))
    )
    embedder.embed_passages(["warm"])
    with Library.open(library, create=True) as held:
        started = _Clock()
        report = ingest_paths(held, [notes], embedder, Settings())
        figures = started.figures()
        if report.added < report.documents:  # an ingest of changes is measured by its seconds alone
            return figures | {"chunks": report.chunks}
        rowids = held.chunk_rowids()
        tokens = 0
        for start in range(0, len(rowids), 5000):
            chunks = held.chunks(rowids[start : start + 5000])
            tokens += sum(embedder.count_tokens([passage_text(chunk) for chunk in chunks]))
        return figures | {"chunks": report.chunks, "tokens": tokens}


def usual(notes: Path, index: Path) -> dict[str, Any]:
    """Run the usual recipe and return its figures.

    It is LangChain's splitter at 1000/200 characters, MiniLM in float32 through HuggingFaceEmbeddings, and
    FAISS, in its best case: files read as text, the bare FAISS index written, the passages beside it as JSON.
    """
    import faiss
    from langchain_huggingface import HuggingFaceEmbeddings
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    from rag.embedding.embedder import model_folder
    from rag.embedding.model_folder import read_sentence_model

    embeddings = HuggingFaceEmbeddings(
        model_name=str(model_folder("embedded")), encode_kwargs={"normalize_embeddings": True}
    )
    embeddings.embed_documents(["warm"])
    started = _Clock()
    splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200)
    passages = [
        part
        for file in sorted(notes.rglob("*.md"))
        for part in splitter.split_text(file.read_text(encoding="utf-8"))
    ]
    vectors = np.array(embeddings.embed_documents(passages), np.float32)
    store = faiss.IndexFlatIP(vectors.shape[1])
    store.add(vectors)
    index.mkdir(parents=True, exist_ok=True)
    faiss.write_index(store, str(index / "index.faiss"))
    (index / "passages.json").write_text(json.dumps(passages), encoding="utf-8")
    figures = started.figures()
    model = read_sentence_model(model_folder("embedded"), "usual")
    tokens = sum(min(count, model.max_tokens) for count in model.count_tokens(passages))
    return figures | {"chunks": len(passages), "tokens": tokens}


class _Clock:
    """Wall and CPU seconds since it was made, children included."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), _cpu_seconds()

    def figures(self) -> dict[str, Any]:
        wall, cpu = time.perf_counter() - self._wall, _cpu_seconds() - self._cpu
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        worker = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        return {"seconds": wall, "cpu_seconds": cpu, "peak_megabytes": (own + worker) / 1000}


def _cpu_seconds() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    kind, given, target, *more = sys.argv[1:]
    found = usual(Path(given), Path(target)) if kind == "usual" else ours(Path(given), Path(target), *more)
    sys.stdout.write(json.dumps(found) + "\n")
