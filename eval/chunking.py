"""Chunking measured per character at an equal number of tokens shown.

Source of the measures and of the set: Smith and Troynikov, Evaluating Chunking Strategies for Retrieval, Chroma 2024. Theirs
fix the number of passages, which favours long ones; here the best passages are taken until a budget of tokens is full, the
last one cut where the budget ends, so that every way of cutting shows the reader the same amount.
"""

from __future__ import annotations

import csv
import io
import json
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.metrics.intervals import bootstrap_interval
from eval.metrics.summary import metric_object
from rag.errors import DatasetError

Span = tuple[int, int]
_FIELD_LIMIT = 10_000_000


@dataclass(frozen=True, slots=True)
class ChunkingQuestion:
    """A question with the spans of one corpus that answer it."""

    question: str
    corpus: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class ChunkingSet:
    """Corpora by name, and the questions."""

    corpora: dict[str, str]
    questions: tuple[ChunkingQuestion, ...]


@dataclass(frozen=True, slots=True)
class SpanScores:
    """Recall, precision and intersection over union of one question, per character."""

    recall: float
    precision: float
    iou: float


class TokenRuler:
    """Counter of the tokens of spans of a text that was tokenized once.

    `starts` are the offsets of the tokens' first characters.
    """

    def __init__(self, starts: Sequence[int]) -> None:
        self._starts = starts

    def tokens(self, start: int, end: int) -> int:
        """Return the number of tokens that begin inside the span."""
        return bisect_left(self._starts, end) - bisect_left(self._starts, start)

    def end_after(self, start: int, tokens: int, end: int) -> int:
        """Return the end of `tokens` tokens from `start`, at most `end`."""
        place = bisect_left(self._starts, start) + tokens
        return min(end, self._starts[place]) if place < len(self._starts) else end


def read_chunking(folder: Path) -> ChunkingSet:
    """Return the set of the `chunking_evaluation` package found under `folder`.

    It is made of questions_df.csv and corpora/*.md.

    Raises:
        DatasetError: they are not there, or a row is malformed (with its number).
    """
    found = sorted(folder.rglob("questions_df.csv"))
    if not found:
        raise DatasetError(
            f"{folder} has no chunking benchmark: expected questions_df.csv and corpora/*.md under it."
        )
    questions, corpora = [], {}
    for number, row in _rows(found[0]):
        question = _question(found[0], number, row)
        if question.corpus not in corpora:
            corpora[question.corpus] = _corpus(found[0], number, question.corpus)
        _check_spans(found[0], number, question, len(corpora[question.corpus]))
        questions.append(question)
    if not questions:
        raise DatasetError(f"{found[0]} has no question: expected a row for each under its header.")
    return ChunkingSet(corpora, tuple(questions))


def shown_spans(
    passages: Sequence[tuple[str, int, int]], rulers: dict[str, TokenRuler], budget_tokens: int
) -> list[tuple[str, int, int]]:
    """Return the passages, best first, that `budget_tokens` tokens can show.

    The last one is cut where the budget ends.
    """
    shown = []
    left = budget_tokens
    for corpus, start, end in passages:
        if left <= 0:
            break
        stop = rulers[corpus].end_after(start, left, end)
        left -= rulers[corpus].tokens(start, stop)
        shown.append((corpus, start, stop))
    return shown


def span_scores(shown: Sequence[tuple[str, int, int]], question: ChunkingQuestion) -> SpanScores:
    """Return recall, precision and intersection over union of characters.

    A character in several passages counts once.

    Characters of other corpora are found but not gold. All are 0.0 when nothing is shown.
    """
    gold = _characters(question.spans)
    spans: dict[str, list[Span]] = {question.corpus: []}
    for corpus, start, end in shown:
        spans.setdefault(corpus, []).append((start, end))
    characters = {corpus: _characters(of_corpus) for corpus, of_corpus in spans.items()}
    both, found = len(gold & characters[question.corpus]), sum(map(len, characters.values()))
    union = len(gold) + found - both
    return SpanScores(
        both / len(gold) if gold else 0.0, both / found if found else 0.0, both / union if union else 0.0
    )


def chunking_metrics(scores: Sequence[SpanScores], *, samples: int = 2000, seed: int = 0) -> dict[str, Any]:
    """Return the means of recall, precision and iou with 95 % bootstrap intervals."""
    return {
        name: metric_object(
            bootstrap_interval([getattr(s, name) for s in scores], samples=samples, seed=seed)
        )
        for name in ("recall", "precision", "iou")
    }


def _characters(spans: Sequence[Span]) -> set[int]:
    return {place for start, end in spans for place in range(start, end)}


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Return the rows of a CSV file, each with the number of its last line."""
    reader = csv.DictReader(
        io.StringIO(_text(path, "the questions are in it").removeprefix("\ufeff"), newline="")
    )
    rows: list[tuple[int, dict[str, str]]] = []
    usual_limit = csv.field_size_limit(_FIELD_LIMIT)
    try:
        rows.extend((reader.line_num, row) for row in reader)
    except csv.Error as exc:
        raise DatasetError(
            f"{path}, line {reader.line_num + 1}: {exc}. Expected question, references and corpus_id, as CSV has them."
        ) from exc
    finally:
        csv.field_size_limit(usual_limit)
    return rows


def _corpus(questions: Path, number: int, name: str) -> str:
    """Return the text that the question of line `number` asks about."""
    path = questions.parent / "corpora" / f"{name}.md"
    return _text(path, f"{questions.name}, line {number}, asks about it")


def _text(path: Path, needed: str) -> str:
    """Return the text of a file; `needed` is the reason why it must exist."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as exc:
        line = 1 + exc.object[: exc.start].count(b"\n")
        raise DatasetError(f"{path} is not UTF-8 text (line {line}); save it as UTF-8.") from exc
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else exc
        raise DatasetError(f"{path} cannot be read ({reason}); {needed}.") from exc


def _check_spans(path: Path, number: int, question: ChunkingQuestion, length: int) -> None:
    """Refuse a question without spans, and spans outside their corpus.

    `length` is that of the corpus in characters.
    """
    outside = [span for span in question.spans if not 0 <= span[0] < span[1] <= length]
    if outside or not question.spans:
        found = f"{outside[0][0]} to {outside[0][1]}" if outside else "none"
        raise DatasetError(
            f"{path}, line {number}: the references are {found}, expected spans inside the {length} characters of "
            f"{question.corpus}.md."
        )


def _question(path: Path, number: int, row: dict[str, str]) -> ChunkingQuestion:
    try:
        spans = tuple(
            (int(entry["start_index"]), int(entry["end_index"])) for entry in json.loads(row["references"])
        )
        return ChunkingQuestion(row["question"], row["corpus_id"], spans)
    except (KeyError, TypeError, ValueError, RecursionError) as exc:
        raise DatasetError(
            f"{path}, line {number}: expected question, references (JSON with start_index and end_index) and corpus_id."
        ) from exc
