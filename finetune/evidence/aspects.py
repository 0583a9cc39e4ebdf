"""`python -m finetune.evidence.aspects` asks for what the notes do not say.

    python -m finetune.evidence.aspects --model MODEL.gguf --questions build/evidence/questions.jsonl.gz --out build/evidence/aspects.jsonl.gz

The teacher turns questions that a passage answers into questions for another detail of the same thing. A line is
`{**question, "asked", "after"}`: the new question, and the teacher's chances of the sentence, of none and of the
likeliest other one. Most of what a small model writes says the same again; `finetune.evidence.contrasts` chooses.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune.evidence import questions as q
from finetune.evidence.aspect_demos import SYSTEM, TURNED
from finetune.evidence.write import chances_of, first_line
from finetune.exit_status import exit_status
from finetune.grounded.json_lines import read_lines, write_lines
from rag.text.words import content_words

if TYPE_CHECKING:
    from finetune.evidence.teacher import Teacher

log = logging.getLogger(__name__)
TOKENS, TEMPERATURE = 32, 0.7
SLOTS = 896
"""Most tokens of a prompt and its answer; the example questions take about 350."""


def aspect(question: str, about: str) -> list[q.Message]:
    """Return the prompt for a question about another detail of the same thing."""
    return q.turned(SYSTEM, TURNED, question, about)


def kept_aspect(before: str, after: str, notes: str) -> bool:
    """Return whether a question asks for something new about the same thing.

    It keeps half of the words, and the notes have none of its new ones.
    """
    old, new, there = (set(content_words(text)) for text in (before, after, notes))
    come, lower = new - old, notes.lower()
    kept = old & new
    if not come or not kept or 2 * len(kept) < len(old):
        return False
    return not any(word in there or (len(word) > 3 and word[:5] in lower) for word in come)


def aspect_all(teacher: Teacher, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return questions about other details, those that may be used."""
    requests = [
        {
            "id": "",
            "messages": aspect(row["question"], row["context"]),
            "max_new_tokens": TOKENS,
            "temperature": TEMPERATURE,
        }
        for row in rows
    ]
    found = []
    for row, answer in zip(rows, teacher.answers(requests), strict=True):
        text = first_line(answer).removeprefix("Question: ").strip()
        notes = f"{row['context']}\n{row['passage']}"
        if text and not q.wrong(text, _line(row)) and kept_aspect(row["question"], text, notes):
            found.append({**row, "asked": text})
    log.info("%d of %d other aspects", len(found), len(requests))
    return found


def check_all(teacher: Teacher, rows: Sequence[dict[str, Any]]) -> None:
    """Add the teacher's chances for each new question as `after`."""
    asked = []
    for row in rows:
        shown = q.shown(row["context"], row["passage"])
        number = min(range(len(shown.spans)), key=lambda n: abs(shown.spans[n][0] - row["sentence"][0]))
        asked.append((shown, number + 1, row["asked"]))
    for row, found in zip(rows, chances_of(teacher, asked), strict=True):
        if found:
            row["after"] = found


def _line(row: dict[str, Any]) -> str:
    start, end = row["sentence"]
    return " ".join(row["passage"][start:end].split())


def chosen(rows: Sequence[dict[str, Any]], most: int, rng: random.Random) -> list[dict[str, Any]]:
    """Return at most so many questions that the teacher answers well.

    Their order is random.
    """
    fit = [row for row in rows if row["round_trip"] and row["style"] not in ("miss", "typo")]
    return rng.sample(fit, min(most, len(fit)))


def main() -> None:
    """Write questions for other details of a sample."""
    import torch

    from finetune.evidence.teacher import open_teacher

    begun = time.perf_counter()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, help="the GGUF file")
    parser.add_argument("--tokenizer", type=Path, help="its tokenizer.json, where there is one")
    parser.add_argument("--questions", type=Path, required=True, help="what finetune.evidence.join wrote")
    parser.add_argument("--out", type=Path, required=True, help="file for the new questions")
    parser.add_argument("--most", type=int, default=40_000, help="questions that are turned")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.manual_seed(args.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    teacher = open_teacher(args.model, args.tokenizer, device, slots=SLOTS)
    rows = chosen(list(read_lines(args.questions)), args.most, random.Random(args.seed))
    found = aspect_all(teacher, rows)
    log.info("after %.0f s; %s", time.perf_counter() - begun, teacher.report())
    check_all(teacher, found)
    write_lines(args.out, found)
    log.info("done after %.0f s; %s", time.perf_counter() - begun, teacher.report())


if __name__ == "__main__":
    sys.exit(exit_status(main))
