"""Retrieval benchmarks in BEIR's form, scored at document level.

A benchmark is a corpus, queries and graded judgements; a document's score is its best passage's.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from eval.metrics.intervals import bootstrap_interval
from eval.metrics.ranking_metrics import hit_at_k, ndcg_at_k, recall_at_k, reciprocal_rank
from eval.metrics.summary import metric_object
from rag.errors import DatasetError
from rag.json_text import parse_json

RECALL_AT = (1, 3, 5, 10, 20, 100)
PASSAGES = 100
"""Passages retrieved per query; their documents are ranked.

Where documents have several passages, these are fewer than 100 documents, so that recall@100 is a lower
bound: of the documents of the first 100 passages.
"""
_GRADE = re.compile(r"-?[0-9]{1,9}")
_HEADER = re.compile(r"[A-Za-z][A-Za-z _-]*")
"""The last field of a header: words, and nothing that could be a number."""

Ranking = list[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class CorpusDocument:
    """One line of corpus.jsonl."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class BeirSet:
    """A benchmark: documents, judged queries by id, and grades by query and document."""

    documents: tuple[CorpusDocument, ...]
    queries: dict[str, str]
    judgements: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class BeirRun:
    """Rankings by query id, best first, and the seconds that searching took."""

    rankings: dict[str, Ranking]
    seconds: float


def read_beir(folder: Path) -> BeirSet:
    """Return the benchmark in `folder`.

    It is made of corpus.jsonl, queries.jsonl and qrels/*.tsv (test.tsv alone if there is one).

    Queries without judgements are left out, as BEIR does; documents judged but not in the corpus stay
    judged.

    Raises:
        DatasetError: a file is missing or a line is malformed (with its number).
    """
    documents = tuple(_entries(folder / "corpus.jsonl"))
    texts = {entry.id: entry.text for entry in _entries(folder / "queries.jsonl")}
    judgements = _judgements(folder / "qrels")
    missing = [query for query in judgements if query not in texts]
    if missing or not documents or not judgements:
        found = f"query {missing[0][:60]!r} is judged but not in queries.jsonl" if missing else "it is empty"
        raise DatasetError(f"{folder} is not a whole benchmark: {found}.")
    return BeirSet(documents, {query: texts[query] for query in judgements}, judgements)


def rank_documents(passages: Sequence[tuple[str, float]]) -> Ranking:
    """Return documents by the score of their best passage, best first, ties by id.

    `passages` are pairs of document and score.
    """
    best: dict[str, float] = {}
    for document, score in passages:
        best[document] = max(score, best.get(document, score))
    return sorted(best.items(), key=lambda item: (-item[1], item[0]))


def run_beir(
    benchmark: BeirSet,
    search_many: Callable[[Sequence[str]], Iterable[Sequence[tuple[str, float]]]],
    on_query: Callable[[], None] = lambda: None,
) -> BeirRun:
    """Return the ranking of every query, with the seconds of the search.

    `search_many` takes the questions and returns, in their order, pairs of document id and score of
    passages.
    """
    start = perf_counter()
    rankings = {}
    for query, passages in zip(benchmark.queries, search_many(list(benchmark.queries.values())), strict=True):
        rankings[query] = rank_documents(passages)
        on_query()
    return BeirRun(rankings, perf_counter() - start)


def query_scores(ranking: Ranking, grades: Mapping[str, int]) -> dict[str, float]:
    """Return every measure of one ranking by name; all 0.0 for an empty ranking."""
    gains = [float(grades.get(document, 0)) for document, _ in ranking]
    ideal = [float(grade) for grade in grades.values() if grade > 0]
    scores = {"ndcg@10": ndcg_at_k(gains, ideal, 10), "MRR@10": reciprocal_rank(gains, 10)}
    scores |= {f"recall@{k}": recall_at_k(gains, len(ideal), k) for k in RECALL_AT}
    return scores | {"hit@1": hit_at_k(gains, 1), "hit@5": hit_at_k(gains, 5)}


def beir_object(benchmark: BeirSet, run: BeirRun, *, samples: int = 2000, seed: int = 0) -> dict[str, Any]:
    """Return the result in the form of the interface.

    It has n, the metrics with 95 % bootstrap intervals over queries, and seconds.
    """
    rows = [
        query_scores(run.rankings.get(query, []), grades) for query, grades in benchmark.judgements.items()
    ]
    metrics = {
        name: metric_object(bootstrap_interval([row[name] for row in rows], samples=samples, seed=seed))
        for name in rows[0]
    }
    return {"n": len(rows), "metrics": metrics, "seconds": run.seconds}


def _entries(path: Path) -> Iterator[CorpusDocument]:
    """Yield the entries of a file, whose ids must differ."""
    seen: dict[str, int] = {}
    for number, line in enumerate(_lines(path), start=1):
        if line.strip():
            entry = _entry(f"{path}, line {number}", line)
            first = seen.setdefault(entry.id, number)
            if first != number:
                raise DatasetError(
                    f'{path}, line {number}: "_id" {entry.id!r} is also that of line {first}; each must be there once.'
                )
            yield entry


def _entry(place: str, line: str) -> CorpusDocument:
    """Return the entry of one line.

    A number as `_id` becomes a string, a missing title an empty one.
    """
    try:
        value = parse_json(line)
    except json.JSONDecodeError as exc:
        raise DatasetError(f"{place}: {exc.msg}. Each line must be one JSON object.") from exc
    except (ValueError, RecursionError) as exc:
        raise DatasetError(
            f'{place}: the JSON is nested too deeply or has too long a number. Expected an object with "_id" and "text".'
        ) from exc
    name = value.get("_id") if isinstance(value, dict) else None
    if isinstance(name, int) and not isinstance(name, bool):
        name = str(name)
    if not isinstance(name, str) or not name or not isinstance(value.get("text"), str):
        raise DatasetError(f'{place}: expected an object with "_id" and "text", which are strings.')
    title = value.get("title")
    if not isinstance(title, str | None):
        raise DatasetError(f'{place}: "title" is {json.dumps(title)[:40]}, expected a string or null.')
    _check_characters(place, _id=name, title=title or "", text=value["text"])
    return CorpusDocument(name, title or "", value["text"])


def _check_characters(place: str, **fields: str) -> None:
    """Refuse halves of characters, which no file and no database can store."""
    for field, text in fields.items():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as exc:
            raise DatasetError(
                f'{place}: "{field}" has half a character (\\u{ord(text[exc.start]):04x} alone, at {exc.start}); write it '
                "whole or take it out."
            ) from exc


def _judgements(folder: Path) -> dict[str, dict[str, int]]:
    """Return the grades of documents by query id, from BEIR's tab-separated files.

    The first line of a file may be a header.
    """
    files = [folder / "test.tsv"] if (folder / "test.tsv").is_file() else sorted(folder.glob("*.tsv"))
    if not files:
        raise DatasetError(
            f"{folder} has no judgements: expected qrels/test.tsv (query-id, corpus-id, score)."
        )
    judgements: dict[str, dict[str, int]] = {}
    for file in files:
        for number, line in enumerate(_lines(file), start=1):
            row = _fields(f"{file}, line {number}", line)
            if not row or (number == 1 and _HEADER.fullmatch(row[-1])):
                continue
            if len(row) != 3 or not _GRADE.fullmatch(row[2]):
                raise DatasetError(
                    f"{file}, line {number}: expected query-id, corpus-id and a whole score, tab-separated."
                )
            judgements.setdefault(row[0], {})[row[1]] = int(row[2])
    return judgements


def _fields(place: str, line: str) -> list[str]:
    """Return the fields of one line.

    Each line is parsed alone, so that an unclosed quotation mark cannot swallow the lines after it.
    """
    try:
        return next(csv.reader([line], delimiter="\t"), [])
    except csv.Error as exc:
        raise DatasetError(
            f"{place}: {exc}. Expected query-id, corpus-id and a whole score, tab-separated."
        ) from exc


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").split("\n")
    except OSError as exc:
        raise DatasetError(
            f"{path} cannot be read ({exc.strerror}). A BEIR folder has corpus.jsonl, queries.jsonl and qrels/."
        ) from exc
    except UnicodeDecodeError as exc:
        line = 1 + exc.object[: exc.start].count(b"\n")
        raise DatasetError(f"{path} is not UTF-8 text (line {line}); save it as UTF-8.") from exc
