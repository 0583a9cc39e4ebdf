"""Retrieval by language, and from a question in one language to notes in another.

`python -m benchmarks.languages FOLDER...` reads files `xquad.LANGUAGE.*.json` in SQuAD's form, whose paragraphs and questions
are the same in every language. Each language is a library of paragraphs, ingested with the default settings; hit@1 is the share
of questions whose own paragraph is first. English is measured in the same run. `scales` instead of a folder prints the means and
spreads that `rag.search.scales` maps. `--answers N` measures answers instead (`benchmarks.languages.answers`).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.languages.answers import print_contained
from benchmarks.languages.reading import Question, Reading, read
from benchmarks.languages.scales import print_scales
from eval.beir import CorpusDocument
from rag.embedding.embedder import EMBEDDED_MODEL, Embedder
from rag.embedding.engine import open_embedder
from rag.embedding.multilingual import PACKED
from rag.library.library import Library
from rag.search.searcher import Searcher
from rag.settings import ChunkSettings, EmbeddingSettings, RetrievalSettings
from ui.measure.corpus_library import fill_library

SPEED_TEXTS = 300


def hit_at_1(searcher: Searcher, questions: list[Question], way: str) -> float:
    """Return the share of questions whose paragraph is first.

    The `way` is `hybrid`, as the product searches, or `dense`, by vectors alone.
    """
    texts = [question.text for question in questions]
    if way == "hybrid":
        found = [hits[0].chunk.document if hits else "" for hits in searcher.search_many(texts, 1)]
    else:
        found = []
        for text in texts:
            rowids, _ = searcher.vectors.search(searcher.embedder.embed_query(text), 1)
            found.append(next(iter(searcher.library.chunks_by_rowid(rowids).values())).document)
    right = sum(name == f"{one.place}.txt" for name, one in zip(found, questions, strict=True))
    return right / len(questions)


def measure(name: str, embedder: Embedder, readings: dict[str, Reading]) -> dict[str, Any]:
    """Return hit@1 of every language in itself and over English, and the speed."""
    figures: dict[str, Any] = {}
    for language, reading in readings.items():
        with (
            tempfile.TemporaryDirectory(prefix="lectern-bench-") as folder,
            Library.create(Path(folder)) as library,
        ):
            corpus = [
                CorpusDocument(f"{place}.txt", "", text) for place, text in enumerate(reading.paragraphs)
            ]
            fill_library(library, corpus, embedder, ChunkSettings())
            searcher = Searcher(library, embedder, RetrievalSettings())
            asked = readings if language == "en" else {language: reading}
            for other, questions in asked.items():
                for way in ("dense", "hybrid"):
                    figure = hit_at_1(searcher, questions.questions, way)
                    figures[f"{other} over {language}, {way}"] = figure
                    print(f"{name:24s} {other} over {language:4s} {way:8s} {figure:.3f}", flush=True)
    texts = [text for reading in readings.values() for text in reading.paragraphs][:SPEED_TEXTS]
    began = perf_counter()
    embedder.embed_passages(texts)
    figures["paragraphs a second"] = len(texts) / (perf_counter() - began)
    tokens = np.mean(embedder.count_tokens(texts))
    print(
        f"{name:24s} {figures['paragraphs a second']:.1f} paragraphs of {tokens:.0f} tokens a second",
        flush=True,
    )
    return figures


def main() -> None:
    """Print the figures of each model, and write them as JSON where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", help="folders with xquad.LANGUAGE.*.json, or `scales`")
    parser.add_argument("--models", nargs="+", default=[EMBEDDED_MODEL, PACKED], help="embedding.model")
    parser.add_argument("--languages", nargs="+", help="codes; English always comes along")
    parser.add_argument("--questions", type=int, default=0, help="of each language, evenly; 0 for all")
    parser.add_argument(
        "--answers",
        type=int,
        default=0,
        help="answer so many questions of each language, evenly, and measure nothing else",
    )
    parser.add_argument("--model", default="", help="language model that writes the answers (model.name)")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if given.folders == ["scales"]:
        print_scales(given.models)
        return
    files = sorted(file for folder in given.folders for file in Path(folder).glob("xquad.*.json"))
    readings = {file.name.split(".")[1]: read(file) for file in files}
    wanted = [code for code in readings if not given.languages or code in {*given.languages, "en"}]
    chosen = {code: readings[code].thinned(given.questions) for code in wanted}
    if not chosen:
        sys.exit("No xquad.LANGUAGE.*.json in the folders.")
    if given.answers:
        for name in given.models:
            asked = {code: reading.thinned(given.answers) for code, reading in chosen.items()}
            print_contained(name, asked, given.model)
        return
    found = {
        name: measure(name, open_embedder(EmbeddingSettings(model=name)), chosen) for name in given.models
    }
    if given.out:
        given.out.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
