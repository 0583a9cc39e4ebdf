"""Matching of passages with gold spans.

Names of documents are resolved, spans anchored, overlaps turned into gains. The rule, in one place: a
passage counts for a span when they share at least half of the shorter of the two.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from eval.golden.golden_file import GoldenQuestion, GoldSpan

Span = tuple[str, int, int]
"""A document's path in the library and a half-open span of its text."""

SHARE = 0.5
"""The share of the shorter of passage and span that they must have in common.

Half: a span cut by a chunk border counts in the piece with most of it, and a passage inside a long span
counts.
"""


class GoldFault(StrEnum):
    """The fault of a gold span.

    OUTSIDE is a span that reaches past the end of its document: every passage up to the end would count for it.
    """

    NO_DOCUMENT = "no-document"
    OTHER_TEXT = "other-text"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class GoldProblem:
    """A gold span that cannot be used as it is, with the reason in words."""

    question_id: str
    document: str
    reason: str
    fault: GoldFault


@dataclass(frozen=True, slots=True)
class AnchoredGold:
    """The gold of every question by id, as spans of documents, with the problems."""

    spans: dict[str, tuple[Span, ...]]
    problems: tuple[GoldProblem, ...]

    @property
    def outside(self) -> tuple[GoldProblem, ...]:
        """The problems that no score may be computed with."""
        return tuple(problem for problem in self.problems if problem.fault is GoldFault.OUTSIDE)


def resolve_document(name: str, paths: Iterable[str]) -> str | None:
    """Return the one path that `name` refers to, None when none or several fit.

    That is the same path, else the only one that ends in it, else the only one with its file name.
    """
    known = list(paths)
    wanted = name.replace("\\", "/").strip("/")
    if wanted in known:
        return wanted
    suffixed = [path for path in known if path.endswith("/" + wanted)]
    if len(suffixed) == 1:
        return suffixed[0]
    same_file = [path for path in known if PurePosixPath(path).name == PurePosixPath(wanted).name]
    return same_file[0] if len(same_file) == 1 else None


def anchor_gold(
    questions: Sequence[GoldenQuestion], paths: Sequence[str], text_of: Callable[[str], str] | None = None
) -> AnchoredGold:
    """Return the gold as spans of library documents.

    With `text_of` (path to text) each span is checked against its document. A span with a `text` of its own
    moves to the only place where that text is now. A span with a problem stays as it was written: a question
    whose document is missing scores 0, it does not vanish. Without `text_of` the offsets are believed.
    """
    spans: dict[str, tuple[Span, ...]] = {}
    problems: list[GoldProblem] = []
    for question in questions:
        anchored = []
        for gold in question.gold:
            span, problem = _anchored(question.id, gold, paths, text_of)
            anchored.append(span)
            if problem is not None:
                problems.append(problem)
        spans[question.id] = tuple(anchored)
    return AnchoredGold(spans, tuple(problems))


def _anchored(
    question_id: str, gold: GoldSpan, paths: Sequence[str], text_of: Callable[[str], str] | None
) -> tuple[Span, GoldProblem | None]:
    path = resolve_document(gold.document, paths)
    if path is None:
        reason = _why_unresolved(gold.document, paths)
        problem = GoldProblem(question_id, gold.document, reason, GoldFault.NO_DOCUMENT)
        return (gold.document, gold.start, gold.end), problem
    written = (path, gold.start, gold.end)
    if text_of is None:
        return written, None
    text = text_of(path)
    found = _find(gold, text) if gold.text.strip() else written[1:]
    if found is None or found[1] > len(text):
        fault = GoldFault.OUTSIDE if gold.end > len(text) else GoldFault.OTHER_TEXT
        return written, GoldProblem(question_id, gold.document, _why_unplaced(gold, text), fault)
    return (path, *found), None


def overlaps(passage: Span, gold: Span) -> bool:
    """Return True if a passage counts for a gold span."""
    if passage[0] != gold[0]:
        return False
    shared = min(passage[2], gold[2]) - max(passage[1], gold[1])
    return shared > 0 and shared >= SHARE * min(passage[2] - passage[1], gold[2] - gold[1])


def relevance(passages: Sequence[Span], gold: Sequence[Span]) -> list[float]:
    """Return 1.0 for each passage that counts for any gold span, else 0.0.

    Precision, hit and MRR are computed from these.
    """
    return [float(any(overlaps(passage, span) for span in gold)) for passage in passages]


def novel_gains(passages: Sequence[Span], gold: Sequence[Span]) -> list[float]:
    """Return the number of gold spans that each passage is the first to cover.

    Recall and nDCG are computed from these. A span in two passages is credited once, so recall never passes
    1.
    """
    left = list(dict.fromkeys(gold))
    gains = []
    for passage in passages:
        covered = [span for span in left if overlaps(passage, span)]
        left = [span for span in left if span not in covered]
        gains.append(float(len(covered)))
    return gains


def find_text(wanted: str, text: str) -> list[tuple[int, int]]:
    """Return the spans of `text` that read like `wanted`, whatever the white space.

    There are none for a text without words.
    """
    pattern = r"\s+".join(re.escape(word) for word in wanted.split())
    return [match.span() for match in re.finditer(pattern, text)] if pattern else []


def _find(gold: GoldSpan, text: str) -> tuple[int, int] | None:
    """Return the only span of `text` with the gold span's words, None without one."""
    if _same_words(text[gold.start : gold.end], gold.text):
        return (gold.start, min(gold.end, len(text)))
    found = find_text(gold.text, text)
    return found[0] if len(found) == 1 else None


def _why_unplaced(gold: GoldSpan, text: str) -> str:
    if gold.end > len(text):
        beyond = f"the span {gold.start}-{gold.end} reaches past the end of the document at {len(text)}"
        return f"{beyond}; correct the offsets, or add the span's `text`, by which it is found"
    times = len(find_text(gold.text, text))
    place = f"is {times} times in the document" if times else "is not in the document"
    return f"the span {gold.start}-{gold.end} reads differently and its text {place}; correct the offsets"


def _same_words(a: str, b: str) -> bool:
    return a.split() == b.split()


def _why_unresolved(name: str, paths: Sequence[str]) -> str:
    file_name = PurePosixPath(name.replace("\\", "/")).name
    several = sorted(path for path in paths if PurePosixPath(path).name == file_name)
    if several:
        return f"the library has {len(several)} documents of that name ({', '.join(several[:3])}); write more of the path"
    return "the library has no such document; ingest it, or correct the name"
