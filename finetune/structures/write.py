"""`python -m finetune.structures.write` lets a teacher ask for lists and tables.

    python -m finetune.structures.write collect --libraries build/structures/libraries --out build/structures/lists.jsonl.gz
    python -m finetune.structures.write ask --model MODEL.gguf --lists build/structures/lists.jsonl.gz --out build/structures/questions.jsonl.gz

`collect` reads the lists of libraries, `ask` runs on a GPU. A line of the questions is `{"course", "document", "start", "end", "form",
"question", "chances"}`: the place of the list, the form in which it was asked for, and the teacher's probabilities that the list as a
whole, a single item or nothing of it answers.
"""

from __future__ import annotations

import argparse
import logging
import math
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune.exit_status import exit_status
from finetune.grounded.json_lines import read_lines, write_lines
from finetune.structures.ask import CHOICES, LEADS, asking, checking, shown

if TYPE_CHECKING:
    from rag.answer.structures import Structure

log = logging.getLogger(__name__)
MOST_OF_COURSE = 900
"""Most lists of a course, chosen at random."""
FORMS_EACH = 4
"""Forms in which each list is asked for."""
MOST_TOKENS, TEMPERATURE = 40, 0.8
SEED = 0


def collect(libraries: Path, most: int = MOST_OF_COURSE) -> Iterator[dict[str, Any]]:
    """Yield the lists and tables of all libraries in a folder.

    A library's name is the course."""
    from rag.answer.structures import structures_of
    from rag.library.library import Library

    for folder in sorted(one.parent for one in libraries.glob("*/library.sqlite")):
        rng = random.Random(f"{SEED} {folder.name}")
        with Library.open(folder) as library:
            found = [
                one
                for record in library.documents()
                for one in structures_of(library.document(record.path))
                if is_worth_asking(one)
            ]
        for one in rng.sample(found, min(most, len(found))):
            yield {
                "course": folder.name,
                "document": one.document,
                "start": one.items[0].start,
                "end": one.items[-1].end,
                "outline": one.outline,
                "sentence": one.sentence is not None,
                "items": len(one.items),
                "text": shown(
                    one.title, one.headings, one.intro, one.head, [item.text for item in one.items]
                ),
            }


def is_worth_asking(structure: Structure) -> bool:
    """Return whether a list has two items with letters and was not printed."""
    words = sum(any(map(str.isalpha, item.text)) for item in structure.items)
    return words > 1 and not structure.printed


def ask(model: Path, lists: Path, out: Path) -> None:
    """Write questions for each list and what the teacher says of them."""
    import torch

    from finetune.evidence.teacher import open_teacher

    teacher = open_teacher(model, None, "cuda" if torch.cuda.is_available() else "cpu")
    rng = random.Random(SEED)
    rows = list(read_lines(lists))
    wanted = [(row, form) for row in rows for form in rng.sample(sorted(LEADS), FORMS_EACH)]
    answers = teacher.answers(
        [
            {
                "id": "",
                "messages": asking(row["text"], form),
                "max_new_tokens": MOST_TOKENS,
                "temperature": TEMPERATURE,
            }
            for row, form in wanted
        ]
    )
    asked = [
        (row, form, question)
        for (row, form), answer in zip(wanted, answers, strict=True)
        if answer
        and answer.get("texts")
        and (question := answer["texts"][0].strip().partition("\n")[0].strip())
    ]
    scores = teacher.answers(
        [
            {"id": "", "messages": checking(row["text"], question), "choices": list(CHOICES)}
            for row, _, question in asked
        ]
    )
    kept = []
    for (row, form, question), score in zip(asked, scores, strict=True):
        if score and "scores" in score:
            place = {
                key: row[key]
                for key in ("course", "document", "start", "end", "outline", "sentence", "items")
            }
            kept.append({**place, "form": form, "question": question, "chances": _shares(score["scores"])})
    log.info("%d lists, %d questions", len(rows), len(kept))
    write_lines(out, kept)


def _shares(logarithms: list[float]) -> list[float]:
    """Probabilities of the choices alone, from logarithms of probabilities."""
    grown = [math.exp(one - max(logarithms)) for one in logarithms]
    return [round(one / sum(grown), 3) for one in grown]


def main() -> None:
    """Read the command line and collect or ask."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    steps = parser.add_subparsers(dest="step", required=True)
    collecting = steps.add_parser("collect")
    collecting.add_argument("--libraries", type=Path, required=True)
    collecting.add_argument("--out", type=Path, required=True)
    writing = steps.add_parser("ask")
    for name in ("--model", "--lists", "--out"):
        writing.add_argument(name, type=Path, required=True)
    given = parser.parse_args()
    if given.step == "collect":
        write_lines(given.out, collect(given.libraries))
    else:
        ask(given.model, given.lists, given.out)


if __name__ == "__main__":
    sys.exit(exit_status(main))
