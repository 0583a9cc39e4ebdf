"""Questions that a teacher model wrote, added to the corpora of their passages."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from finetune.grounded.json_lines import read_lines
from finetune.grounded.passages import passage
from finetune.grounded.types import Corpus, Support, TrainingQuestion

log = logging.getLogger(__name__)
_NEAR, _NEAREST = 30, 10
"""Ranks of a passage up to which its question is trusted.

The ranks are those in the search for the question.
"""
_NONE = 0.06
"""The teacher's greatest probability that no sentence of the passage answers."""


def add_teacher(corpora: Sequence[Corpus], rows: Iterable[dict[str, Any]]) -> int:
    """Add the questions that the teacher wrote to the corpora of their passages.

    Returns the number added. Left out and counted are questions whose passage is in no corpus, and those of
    which neither sentence nor passage can be trusted.
    """
    places: dict[tuple[str, str], tuple[Corpus, int]] = {}
    for corpus in corpora:
        for index, chunk in enumerate(corpus.passages):
            places.setdefault((corpus.name, chunk.text), (corpus, index))
    counts: Counter[str] = Counter()
    for row in rows:
        place = places.get((row["corpus"], row["passage"]))
        kind = trust_of(row) if place else "lost"
        counts[kind] += 1
        if place is None or kind == "doubtful":
            continue
        corpus, index = place
        if row.get("style") == "miss":
            asked = TrainingQuestion(row["question"], (), origin="teacher-miss", beside=index)
            corpus.questions.append(asked)
            continue
        start, end = row["sentence"]
        text = row["passage"] if kind == "weak" else row["passage"][start:end]
        origin = f"teacher-{row.get('style', 'old')}{'-weak' if kind == 'weak' else ''}"
        corpus.questions.append(TrainingQuestion(row["question"], (Support(index, text),), origin=origin))
    log.info("teacher: %s", dict(counts))
    return counts["strong"] + counts["weak"] + counts["miss"]


def trust_of(row: dict[str, Any]) -> str:
    """Return the trust in a teacher's question.

    It is `strong`, `weak`, `miss` or `doubtful`. `miss` is a near miss that was kept; `weak` trusts
    the passage of a question, but not its sentence. `chances` are the teacher's of the sentence, of none, of the
    likeliest other; `rank` is the passage's in the search.
    """
    if row.get("style") == "miss":
        return "miss" if row["round_trip"] else "doubtful"
    if row.get("round_trip", True):
        return "strong"
    own, none, other = row["chances"]
    if "rank" not in row:
        return "doubtful"
    if row["rank"] < _NEAR and own >= max(0.25, 1.25 * other, none):
        return "strong"
    found = row["rank"] < _NEAREST and row.get("language") == "en"
    return "weak" if found and none <= _NONE else "doubtful"


def further_corpora(known: Sequence[Corpus], file: Path) -> list[Corpus]:
    """Return corpora of the teacher's passages that belong to none of the known ones."""
    names = {corpus.name for corpus in known}
    found: dict[str, Corpus] = {}
    for row in read_lines(file):
        if row["corpus"] not in names:
            corpus = found.setdefault(row["corpus"], Corpus(row["corpus"], []))
            headings = tuple(part for part in row["context"].split(" › ") if part)
            corpus.passages.append(
                passage(row["document"], len(corpus.passages), row["passage"], "", headings)
            )
    return list(found.values())
