"""`python -m finetune.evidence.write` lets the teacher write and check questions.

    python -m finetune.evidence.write --model MODEL.gguf --passages build/evidence/passages.jsonl.gz --out build/evidence --seconds 420

Works through the passages in a random order, some thousands at a time, and writes what it has after each; so
it may be stopped by the clock. Everything that could be read is written, with what speaks for and against it;
`finetune.evidence.join` chooses.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import random
import sys
import time
from collections.abc import Sequence
from functools import lru_cache
from math import exp
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune.evidence import questions as q
from finetune.exit_status import exit_status
from finetune.grounded.json_lines import read_lines, write_lines
from rag.aliases import Span

if TYPE_CHECKING:
    from finetune.evidence.teacher import Teacher

log = logging.getLogger(__name__)
SHARD = 1270
SHARDS_A_FILE = 6
ASK_TOKENS_A_LINE, REWRITE_TOKENS = 28, 32
ASK_TEMPERATURE, REWRITE_TEMPERATURE, MISS_TEMPERATURE = 0.8, 0.9, 0.8
MISSED = 0.4
"""Share of the questions of which a near miss is written."""
PROSE = (("own",), ("situation", "why"), ("search", "plain"), q.LANGUAGES)
CODE = (("code",), ("own", "situation"), ("search", "plain"), q.LANGUAGES)
"""Of each group one style, in turn; the languages too."""


def styles_of(text: str, rng: random.Random) -> list[str]:
    """Return the styles in which to ask about a passage."""
    return [rng.choice(group) for group in (CODE if q.is_code(text) else PROSE)]


def ask_all(teacher: Teacher, passages: Sequence[dict[str, Any]], rng: random.Random) -> list[dict[str, Any]]:
    """Return questions about the passages in several styles.

    Each is `{"i", "s", "q", "style"}`: passage, sentence (counted from 1), question."""
    requests, asked_for = [], []
    for place, row in enumerate(passages):
        shown = _shown(row["context"], row["passage"])
        worth = q.worth_asking(shown)
        if not worth:
            continue
        for style in styles_of(row["passage"], rng):
            numbers = sorted(rng.sample(worth, min(q.MOST_ASKED, len(worth))))
            requests.append(
                {
                    "id": "",
                    "messages": q.ask(shown, numbers, style),
                    "max_new_tokens": 8 + ASK_TOKENS_A_LINE * len(numbers),
                    "temperature": ASK_TEMPERATURE,
                    "prefix": f"[{numbers[0]}]",
                }
            )
            asked_for.append((place, numbers, style))
    found = []
    for (place, numbers, style), answer in zip(asked_for, teacher.answers(requests), strict=True):
        if answer and "texts" in answer:
            for number, question in q.asked(answer["texts"][0], numbers, answer["finished"][0]):
                found.append({"i": place, "s": number, "q": question, "style": style})
    return found


def rewrite_all(
    teacher: Teacher, passages: Sequence[dict[str, Any]], found: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return rewritten versions of the questions that share much with their sentence."""
    requests, about = [], []
    for row in found:
        sentence = sentence_of(passages[row["i"]], row["s"])
        words = q.forbidden(row["q"], sentence)
        if (
            row["style"] not in ("search", *q.LANGUAGES)
            and words
            and q.shared(row["q"], sentence) > q.MOST_SHARED
        ):
            requests.append(
                {
                    "id": "",
                    "messages": q.rewrite(row["q"], words, passages[row["i"]]["context"]),
                    "max_new_tokens": REWRITE_TOKENS,
                    "temperature": REWRITE_TEMPERATURE,
                }
            )
            about.append((row, sentence))
    again = []
    for (row, sentence), answer in zip(about, teacher.answers(requests), strict=True):
        rewritten = first_line(answer)
        if rewritten and q.kept_rewrite(row["q"], rewritten, sentence):
            again.append({**row, "q": rewritten, "style": "rewrite", "of": row["q"]})
    log.info("%d of %d rewritten", len(again), len(requests))
    return again


def miss_all(
    teacher: Teacher, passages: Sequence[dict[str, Any]], found: Sequence[dict[str, Any]], rng: random.Random
) -> list[dict[str, Any]]:
    """Return near misses of a share of the questions.

    The same passage does not answer them: they ask about another thing, which it does not have. Each has the
    style `miss` and `of`, the question that it was.
    """
    about = [row for row in found if row["style"] not in q.LANGUAGES and rng.random() < MISSED]
    requests = [
        {
            "id": "",
            "messages": q.miss(row["q"], passages[row["i"]]["context"]),
            "max_new_tokens": REWRITE_TOKENS,
            "temperature": MISS_TEMPERATURE,
        }
        for row in about
    ]
    missed = []
    for row, answer in zip(about, teacher.answers(requests), strict=True):
        text, passage = first_line(answer), passages[row["i"]]
        if text and q.kept_miss(row["q"], text, f"{passage['context']}\n{passage['passage']}"):
            missed.append({**row, "q": text, "style": "miss", "of": row["q"]})
    log.info("%d of %d near misses", len(missed), len(requests))
    return missed


def check_all(teacher: Teacher, passages: Sequence[dict[str, Any]], found: Sequence[dict[str, Any]]) -> None:
    """Add the teacher's probabilities of the sentence, of none and of another one.

    `none_of` is the probability of none of the question that a row was.
    """
    asked = []
    for row in found:
        passage = passages[row["i"]]
        asked.append((_shown(passage["context"], passage["passage"]), row["s"], row["q"]))
    for row, chances in zip(found, chances_of(teacher, asked), strict=True):
        if chances:
            row["p"] = chances
    none_of = {(row["i"], row["q"]): row["p"][1] for row in found if "p" in row}
    for row in found:
        if "of" in row and (row["i"], row["of"]) in none_of:
            row["none_of"] = none_of[row["i"], row["of"]]


def chances_of(teacher: Teacher, asked: Sequence[tuple[q.Shown, int, str]]) -> list[list[float]]:
    """Return the teacher's chances of a sentence, of none and of the likeliest other.

    Each question has its passage and the number of its sentence, from 1. Empty where the teacher gives none.
    """
    ready: dict[q.Shown, tuple[list[q.Message], str, list[str]]] = {}
    requests = []
    for shown, _, question in asked:
        if shown not in ready:
            ready[shown] = q.check(shown)
        messages, head, choices = ready[shown]
        last = {"role": "user", "content": question}
        requests.append({"id": "", "messages": [*messages, last], "shared": head, "choices": choices})
    found: list[list[float]] = []
    for (_, number, _), answer in zip(asked, teacher.answers(requests), strict=True):
        chances = [exp(score) for score in answer["scores"]] if answer and "scores" in answer else []
        others = [chance for place, chance in enumerate(chances[:-1], 1) if place != number]
        three = (chances[number - 1], chances[-1], max(others, default=0.0)) if chances else ()
        found.append([round(chance, 4) for chance in three])
    return found


def first_line(answer: dict[str, Any] | None) -> str:
    """Return the first line that the teacher wrote, empty where it did not finish."""
    if not answer or "texts" not in answer or not answer["finished"][0]:
        return ""
    return str(answer["texts"][0]).strip().strip('"').split("\n")[0]


def sentence_of(passage: dict[str, Any], number: int) -> str:
    """Return the sentence with a number."""
    start, end = span_of(passage, number)
    return str(passage["passage"][start:end])


def span_of(passage: dict[str, Any], number: int) -> Span:
    """Return the span of the sentence with a number."""
    return _shown(passage["context"], passage["passage"]).spans[number - 1]


@lru_cache(maxsize=4 * SHARD)
def _shown(context: str, text: str) -> q.Shown:
    return q.shown(context, text)


def write(teacher: Teacher, passages: Sequence[dict[str, Any]], rng: random.Random) -> list[dict[str, Any]]:
    """Run all stages for some passages."""
    begun = time.perf_counter()
    found = ask_all(teacher, passages, rng)
    found = [row for row in found if not q.odd(row["q"])]
    asked = time.perf_counter()
    again = rewrite_all(teacher, passages, found)
    found += [row for row in again if not q.odd(row["q"])]
    found += [row for row in miss_all(teacher, passages, found, rng) if not q.odd(row["q"])]
    rewritten = time.perf_counter()
    check_all(teacher, passages, found)
    agreed = sum(row["p"][0] > max(row["p"][1:]) for row in found if "p" in row)
    log.info(
        "%d passages, %d questions, %d agreed; ask %.1f s, rewrite %.1f s, check %.1f s; %s",
        len(passages), len(found), agreed, asked - begun, rewritten - asked, time.perf_counter() - rewritten,
        teacher.report(),
    )  # fmt: skip
    return found


def main() -> None:
    """Write questions until the passages or the seconds are spent."""
    import torch

    from finetune.evidence.teacher import agreement, open_teacher

    begun = time.perf_counter()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, help="the GGUF file")
    parser.add_argument("--tokenizer", type=Path, help="its tokenizer.json, where there is one")
    parser.add_argument("--passages", type=Path, required=True, help="what finetune.evidence.passages wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder for the questions")
    parser.add_argument("--seconds", type=float, default=1e9, help="time for everything")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--skip", type=int, default=0, help="passages that were done before, with this seed")
    parser.add_argument(
        "--trial", type=int, default=0, help="only so many passages, and print what is written"
    )
    parser.add_argument(
        "--sweep", type=Path, help="other requests to answer first, as finetune.evidence.teacher does"
    )
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    rng = random.Random(args.seed)
    torch.manual_seed(args.seed)
    teacher = open_teacher(args.model, args.tokenizer, "cuda" if torch.cuda.is_available() else "cpu")
    log.info("loaded in %.1f s", time.perf_counter() - begun)
    rows = [{**row, "number": number} for number, row in enumerate(read_lines(args.passages))]
    rng.shuffle(rows)
    rows = rows[args.skip :]
    if args.trial:
        prompts = [
            "Why is the sky blue?",
            "Write a Python function that reverses a list.",
            "Was ist ein Median?",
        ]
        log.info("agrees with generate: %.3f", agreement(teacher, prompts))
        _show(rows[: args.trial], write(teacher, rows[: args.trial], rng))
        return
    if args.sweep and args.sweep.exists():
        answers = teacher.answers(list(read_lines(args.sweep)), time.perf_counter() + 30)
        write_lines(args.out / "sweep-1.5b.jsonl.gz", (answer for answer in answers if answer))
        log.info("swept: %s", teacher.report())
    longest = 0.0
    for shard, at in enumerate(range(0, len(rows), SHARD)):
        started = time.perf_counter()
        if started - begun + 1.1 * longest > args.seconds:
            break
        part = rows[at : at + SHARD]
        found = write(teacher, part, rng)
        with gzip.open(
            args.out / f"written-{shard // SHARDS_A_FILE}.jsonl.gz", "at", encoding="utf-8"
        ) as file:
            for row in found:
                file.write(
                    json.dumps(
                        {**row, "i": part[row["i"]]["number"], "span": span_of(part[row["i"]], row["s"])},
                        ensure_ascii=False,
                    )
                    + "\n"
                )
        longest = max(longest, time.perf_counter() - started)
    log.info("done after %.0f s", time.perf_counter() - begun)


def _show(passages: Sequence[dict[str, Any]], found: Sequence[dict[str, Any]]) -> None:
    for row in sorted(found, key=lambda row: (row["i"], row["s"])):
        sentence = " ".join(sentence_of(passages[row["i"]], row["s"]).split())
        log.info("%s", f"{row['i']}.{row['s']} {sentence[:90]} | {row['style']} {row.get('p')} | {row['q']}")


if __name__ == "__main__":
    sys.exit(exit_status(main))
