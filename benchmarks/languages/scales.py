"""The means and spreads of an embedder's scores over the example course."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ingest.discover import discover
from ingest.pipeline import ingest_notes
from rag.embedding.embedder import TokenEmbedder
from rag.embedding.engine import open_embedder
from rag.embedding.late_interaction import best_matches
from rag.library.library import Library
from rag.search.dense import VectorIndex
from rag.settings import EmbeddingSettings, Settings

COURSE = Path(__file__).resolve().parents[2] / "examples" / "course"
GOLDEN = COURSE.parent / "golden.jsonl"


def print_scales(models: Sequence[str]) -> None:
    """Print mean and spread of the scores of every question with every passage."""
    lines = GOLDEN.read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line)["question"] for line in lines if line.strip()]
    for name in models:
        embedder = open_embedder(EmbeddingSettings(model=name))
        with tempfile.TemporaryDirectory() as folder, Library.create(Path(folder)) as library:
            ingest_notes(library, discover([COURSE]), embedder, Settings())
            rowids = np.array(
                [row for (row,) in library.connection.execute("SELECT id FROM chunks ORDER BY id")]
            )
            vectors, sketches = VectorIndex(library), library.sketches(rowids)
            kept = [sketches.get(rowid, b"") for rowid in rowids.tolist()]
            cosines, matches = [], []
            for question in questions:
                vector, tokens = (
                    embedder.embed_query_tokens(question)
                    if isinstance(embedder, TokenEmbedder)
                    else (embedder.embed_query(question), np.empty((0, embedder.dim), np.float32))
                )
                cosines.append(vectors.cosines(vector, rowids))
                matches.append(best_matches(tokens, kept))
        for what, found in (("cosine", np.array(cosines)), ("match", np.array(matches))):
            spread = np.nanstd(found, axis=1).mean()
            print(f"{name:24s} {what:7s} mean {np.nanmean(found):.3f}, spread within a question {spread:.3f}")
