"""Retrieval benchmarks in BEIR's form: a corpus, queries and graded judgements, scored at document level.

A document's score is its best passage's. Source of the form: Thakur et al., BEIR, NeurIPS 2021.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from eval.intervals import bootstrap_interval
from eval.ranking_metrics import hit_at_k, ndcg_at_k, recall_at_k, reciprocal_rank
from eval.summary import metric_object
from rag.errors import DatasetError

RECALL_AT = (1, 3, 5, 10, 20, 100)
PASSAGES = 100
"""Passages asked for per query; they hold the documents that are ranked."""

Ranking = list[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class CorpusDocument:
    """One line of corpus.jsonl."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class BeirSet:
    """A benchmark: documents, the judged queries by id, and for each the grade of its relevant documents."""

    documents: tuple[CorpusDocument, ...]
    queries: dict[str, str]
    judgements: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class BeirRun:
    """Rankings by query id, best first, and the seconds that searching took."""

    rankings: dict[str, Ranking]
    seconds: float


def read_beir(folder: Path) -> BeirSet:
    """The benchmark in `folder`: corpus.jsonl, queries.jsonl and qrels/*.tsv (test.tsv alone if there is one).

    Queries without judgements are left out, as BEIR does; documents judged but not in the corpus stay judged.

    Raises:
        DatasetError: a file is missing or a line is malformed (with its number).
    """
    documents = tuple(
        CorpusDocument(line["_id"], line.get("title") or "", line["text"])
        for line in _json_lines(folder / "corpus.jsonl")
    )
    texts = {line["_id"]: line["text"] for line in _json_lines(folder / "queries.jsonl")}
    judgements = _judgements(folder / "qrels")
    missing = [query for query in judgements if query not in texts]
    if missing or not documents or not judgements:
        found = f"query {missing[0]!r} is judged but not in queries.jsonl" if missing else "it is empty"
        raise DatasetError(f"{folder} is not a whole benchmark: {found}.")
    return BeirSet(documents, {query: texts[query] for query in judgements}, judgements)


def rank_documents(passages: Sequence[tuple[str, float]]) -> Ranking:
    """Documents with the score of their best passage, best first, ties by id; from (document, score) of passages."""
    best: dict[str, float] = {}
    for document, score in passages:
        best[document] = max(score, best.get(document, score))
    return sorted(best.items(), key=lambda item: (-item[1], item[0]))


def run_beir(
    benchmark: BeirSet,
    search_many: Callable[[Sequence[str]], Iterable[Sequence[tuple[str, float]]]],
    on_query: Callable[[], None] = lambda: None,
) -> BeirRun:
    """The ranking of every query; `search_many` gives, for each question in order, (document id, score) of passages."""
    start = perf_counter()
    rankings = {}
    for query, passages in zip(benchmark.queries, search_many(list(benchmark.queries.values())), strict=True):
        rankings[query] = rank_documents(passages)
        on_query()
    return BeirRun(rankings, perf_counter() - start)


def query_scores(ranking: Ranking, grades: Mapping[str, int]) -> dict[str, float]:
    """Every measure of one ranking, by its name in the interface; all 0.0 for an empty ranking."""
    gains = [float(grades.get(document, 0)) for document, _ in ranking]
    ideal = [float(grade) for grade in grades.values() if grade > 0]
    scores = {"ndcg@10": ndcg_at_k(gains, ideal, 10), "MRR@10": reciprocal_rank(gains, 10)}
    scores |= {f"recall@{k}": recall_at_k(gains, len(ideal), k) for k in RECALL_AT}
    return scores | {"hit@1": hit_at_k(gains, 1), "hit@5": hit_at_k(gains, 5)}


def beir_object(benchmark: BeirSet, run: BeirRun, *, samples: int = 2000, seed: int = 0) -> dict[str, Any]:
    """The result in the form of the interface: n, metrics with 95 % bootstrap intervals over queries, seconds."""
    rows = [
        query_scores(run.rankings.get(query, []), grades) for query, grades in benchmark.judgements.items()
    ]
    metrics = {
        name: metric_object(bootstrap_interval([row[name] for row in rows], samples=samples, seed=seed))
        for name in rows[0]
    }
    return {"n": len(rows), "metrics": metrics, "seconds": run.seconds}


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file; each must have an `_id` and a `text`, which become strings."""
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except json.JSONDecodeError as exc:
            raise DatasetError(
                f"{path}, line {number}: {exc.msg}. Each line must be one JSON object."
            ) from exc
        if (
            not isinstance(value, dict)
            or not isinstance(value.get("text"), str)
            or value.get("_id") in {None, ""}
        ):
            raise DatasetError(f'{path}, line {number}: expected an object with "_id" and "text".')
        yield value | {"_id": str(value["_id"])}


def _judgements(folder: Path) -> dict[str, dict[str, int]]:
    """Query id to grades of documents, from the tab-separated files with a header that BEIR has."""
    files = [folder / "test.tsv"] if (folder / "test.tsv").is_file() else sorted(folder.glob("*.tsv"))
    if not files:
        raise DatasetError(
            f"{folder} holds no judgements: expected qrels/test.tsv (query-id, corpus-id, score)."
        )
    judgements: dict[str, dict[str, int]] = {}
    for file in files:
        for number, row in enumerate(csv.reader(_lines(file), delimiter="\t"), start=1):
            if not row or (number == 1 and not row[-1].lstrip("-").isdigit()):
                continue
            if len(row) != 3 or not row[2].lstrip("-").isdigit():
                raise DatasetError(
                    f"{file}, line {number}: expected query-id, corpus-id and a whole score, tab-separated."
                )
            judgements.setdefault(row[0], {})[row[1]] = int(row[2])
    return judgements


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").split("\n")
    except OSError as exc:
        raise DatasetError(
            f"{path} cannot be read ({exc.strerror}). A BEIR folder holds corpus.jsonl, queries.jsonl and qrels/."
        ) from exc
    except UnicodeDecodeError as exc:
        raise DatasetError(f"{path} is not UTF-8 text (byte {exc.start}).") from exc
