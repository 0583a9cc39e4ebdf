"""Which passages hold the gold: names of documents resolved, spans anchored, overlaps turned into gains.

The rule, in one place: a passage counts for a span when they share at least half of the shorter of the two.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from eval.golden import GoldenQuestion, GoldSpan

Span = tuple[str, int, int]
"""A document's path in the library and a half-open span of its text."""

SHARE = 0.5
"""Of the shorter of passage and span, the share they must have in common. Half: a span cut by a chunk border counts in
the piece that holds most of it, and a passage inside a long span counts."""


@dataclass(frozen=True, slots=True)
class GoldProblem:
    """Why a gold span cannot be used as it stands."""

    question_id: str
    document: str
    reason: str


@dataclass(frozen=True, slots=True)
class AnchoredGold:
    """The gold of every question by id, as spans of documents of the library, and what was wrong with the rest."""

    spans: dict[str, tuple[Span, ...]]
    problems: tuple[GoldProblem, ...]


def resolve_document(name: str, paths: Iterable[str]) -> str | None:
    """The one path that `name` means: the same path, else the only one that ends in it, else the only one with its file name.

    None when no path fits or several do.
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
    """Gold as spans of library documents.

    With `text_of` (path to text) each span's own `text` is checked against the document; where it stands elsewhere,
    exactly once, the span moves there, otherwise the span is a problem. Without it offsets are believed. A span with a
    problem stays as it was written: a question whose document is missing scores 0, it does not vanish.
    """
    spans: dict[str, tuple[Span, ...]] = {}
    problems: list[GoldProblem] = []
    for question in questions:
        anchored = []
        for gold in question.gold:
            path = resolve_document(gold.document, paths)
            if path is None:
                problems.append(
                    GoldProblem(question.id, gold.document, _why_unresolved(gold.document, paths))
                )
                anchored.append((gold.document, gold.start, gold.end))
                continue
            found = _anchor(gold, text_of(path)) if text_of and gold.text.strip() else (gold.start, gold.end)
            if isinstance(found, str):
                problems.append(GoldProblem(question.id, gold.document, found))
                found = (gold.start, gold.end)
            anchored.append((path, *found))
        spans[question.id] = tuple(anchored)
    return AnchoredGold(spans, tuple(problems))


def overlaps(passage: Span, gold: Span) -> bool:
    """Whether a passage counts for a gold span."""
    if passage[0] != gold[0]:
        return False
    shared = min(passage[2], gold[2]) - max(passage[1], gold[1])
    return shared > 0 and shared >= SHARE * min(passage[2] - passage[1], gold[2] - gold[1])


def relevance(passages: Sequence[Span], gold: Sequence[Span]) -> list[float]:
    """1.0 for each passage that counts for any gold span, else 0.0; what precision, hit and MRR are computed from."""
    return [float(any(overlaps(passage, span) for span in gold)) for passage in passages]


def novel_gains(passages: Sequence[Span], gold: Sequence[Span]) -> list[float]:
    """The number of gold spans that each passage is the first to hold; what recall and nDCG are computed from.

    A span that two passages hold is credited once, so recall never passes 1.
    """
    left = list(dict.fromkeys(gold))
    gains = []
    for passage in passages:
        held = [span for span in left if overlaps(passage, span)]
        left = [span for span in left if span not in held]
        gains.append(float(len(held)))
    return gains


def find_text(wanted: str, text: str) -> list[tuple[int, int]]:
    """The spans of `text` that read like `wanted`, whatever the white space between its words; none for no words."""
    pattern = r"\s+".join(re.escape(word) for word in wanted.split())
    return [match.span() for match in re.finditer(pattern, text)] if pattern else []


def _anchor(gold: GoldSpan, text: str) -> tuple[int, int] | str:
    """The span in `text` whose words are the gold's, or the reason why there is none."""
    if _same_words(text[gold.start : gold.end], gold.text):
        return (gold.start, gold.end)
    found = find_text(gold.text, text)
    if len(found) == 1:
        return found[0]
    stands = "does not stand in the document" if not found else f"stands {len(found)} times in the document"
    return f"the span {gold.start}-{gold.end} reads differently and its text {stands}; mend the offsets"


def _same_words(a: str, b: str) -> bool:
    return a.split() == b.split()


def _why_unresolved(name: str, paths: Sequence[str]) -> str:
    file_name = PurePosixPath(name.replace("\\", "/")).name
    several = sorted(path for path in paths if PurePosixPath(path).name == file_name)
    if several:
        return f"the library has {len(several)} documents of that name ({', '.join(several[:3])}); write more of the path"
    return "the library has no such document; ingest it, or mend the name"
