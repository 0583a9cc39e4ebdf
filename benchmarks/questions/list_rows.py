"""`python -m benchmarks.questions.list_rows` makes training rows.

A row has the features of a list near a question.

    python -m benchmarks.questions.list_rows --libraries build/structures/libraries --questions build/structures/questions.jsonl.gz \
        --facts teacher-questions.jsonl.gz --out build/structures/rows.npz

Every question goes through the product's own search and scorers. A row is a list near it; its label is 1 for the list that the
question was written for, else 0. Questions that one sentence answers (`--facts`) have no row with 1.
"""

from __future__ import annotations

import argparse
import logging
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import rag.chain
from finetune.grounded.json_lines import read_lines
from finetune.structures.ask import WHOLE
from rag.answer.asked import Asked
from rag.answer.choose_structure import Ranked, candidates_for
from rag.answer.found import Found
from rag.answer.notes import Notes
from rag.answer.route import Route, Routed
from rag.answer.scope_in_words import Named
from rag.answer.structure_features import NAMES, features_of
from rag.search.scope import Scope
from ui.application import Application, load

log = logging.getLogger(__name__)
LEAST_WHOLE, MOST_WHOLE = 0.55, 0.4
"""The teacher's probability that the list answers.

At least for the list asked for, at most for a question without any."""
FACTS_OF_COURSE = 150
"""Most questions of a course that one sentence answers."""
SEED = 0


class Captured(Exception):
    """Carries what the chain found for a question."""

    def __init__(self, asked: Asked) -> None:
        super().__init__()
        self.asked = asked


def capture(
    found: Found, routed: Routed, named: Named | None, history: Sequence[Any], notes: Notes | None, scope: Scope | None,
    answer: Any, writes: bool, everywhere: bool = False,
) -> None:  # fmt: skip
    """Take the place of `routed_draft` and end the chain with what it was given."""
    assert notes is not None  # noqa: S101 - the application has notes
    raise Captured(
        Asked(
            found.standalone,
            Route.LIST,
            notes,
            found.read_hits,
            found.scores,
            scope,
            named,
            True,
            answer,
            found.decision,
        )
    )


def asked_of(application: Application, question: str) -> Asked | None:
    """Return what the chain finds for a question, None where it does not search."""
    usual = rag.chain.routed_draft
    rag.chain.routed_draft = capture  # type: ignore[assignment]
    try:
        application.chain().invoke({"question": question})
    except Captured as ended:
        return ended.asked
    finally:
        rag.chain.routed_draft = usual
    return None


def questions_of(file: Path, facts: Path | None) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Yield the course, the question with its list's place, and if it asks for all."""
    for row in read_lines(file):
        whole = row["chances"][0]
        if row["form"] in WHOLE and whole >= LEAST_WHOLE:
            yield row["course"], row, True
        elif row["form"] not in WHOLE and whole <= MOST_WHOLE:
            yield row["course"], row, False
    known: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in read_lines(facts) if facts else ():
        known[row["corpus"]].append(row)
    rng = random.Random(SEED)
    for course, rows in sorted(known.items()):
        for row in rng.sample(rows, min(FACTS_OF_COURSE, len(rows))):
            yield course, row, False


def is_meant(one: Ranked, row: dict[str, Any]) -> bool:
    """Return whether a candidate is the list that a question was written for."""
    first, last = one.structure.items[0].start, one.structure.items[-1].end
    return one.structure.document == row["document"] and (first, last) == (row["start"], row["end"])


def main() -> None:
    """Read the command line and write the rows."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("--libraries", "--questions", "--out"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--facts", type=Path)
    parser.add_argument("--most", type=int, default=300, help="most questions of a course with a list")
    given = parser.parse_args()
    by_course: dict[str, list[tuple[dict[str, Any], bool]]] = defaultdict(list)
    for course, row, whole in questions_of(given.questions, given.facts):
        by_course[course].append((row, whole))
    features, labels, groups, courses, wanted = [], [], [], [], []
    number = 0
    for course, asked_for in sorted(by_course.items()):
        if not (given.libraries / course / "library.sqlite").is_file():
            continue
        rng = random.Random(f"{SEED} {course}")
        rng.shuffle(asked_for)
        application = Application(load(given.libraries / course))
        for row, whole in asked_for[: given.most]:
            asked = asked_of(application, row["question"])
            ranked = candidates_for(asked) if asked is not None else []
            if asked is None or not ranked:
                continue
            features.append(features_of(asked, ranked))
            labels += [whole and is_meant(one, row) for one in ranked]
            groups += [number] * len(ranked)
            courses += [course] * len(ranked)
            wanted += [whole] * len(ranked)
            number += 1
        print(course, number, len(labels), sum(labels), flush=True)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        given.out, features=np.concatenate(features), labels=np.array(labels), groups=np.array(groups),
        courses=np.array(courses), wanted=np.array(wanted), names=np.array(NAMES),
    )  # fmt: skip


if __name__ == "__main__":
    main()
