"""The measures of a model on notes it has not seen: base beside adapter.

Each figure has a bootstrap interval. The prompt is the product's own. The measures need no judge: an answer
contains one of the gold strings (or, where a set has none, nearly all content words of the supporting
sentence), cites a supporting note first, takes its words from the notes, and abstains exactly when no note
answers.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from finetune.exit_status import exit_status
from finetune.grounded.rows import conversation, load, test_parts
from finetune.grounded.types import Example
from rag.prompt import ABSTENTION, cited_numbers, without_citations
from rag.text.words import content_words

MOST_TOKENS = 128
Answerer = Callable[[Sequence[Example]], list[str]]
MEASURES = (
    "answer contained",
    "citation right",
    "grounded",
    "abstains when it should",
    "abstains when it should not",
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean with its 95% bootstrap interval over `n` examples."""

    mean: float
    low: float
    high: float
    n: int


def judge(example: Example, answer: str) -> dict[str, float]:
    """The measures that apply to an example, each 0 or 1.

    The first three are of answerable examples, where an abstention scores 0; `grounded` is of all answers given.
    """
    abstained = is_abstention(answer)
    if not example.gold:
        return {"abstains when it should": float(abstained)}
    said = without_citations(answer)
    cited = cited_numbers(answer)
    scores = {
        "answer contained": float(not abstained and _holds(example, said)),
        "citation right": float(not abstained and bool(cited) and cited[0] in example.gold),
        "abstains when it should not": float(abstained),
    }
    if not abstained:
        shown = {word for note in example.notes for word in content_words(note.chunk().text)}
        words = content_words(said)
        scores["grounded"] = float(bool(words) and sum(word in shown for word in words) > 0.9 * len(words))
    return scores


def is_abstention(answer: str) -> bool:
    """Return whether an answer is that the notes do not say."""
    return ABSTENTION.rstrip(".").lower() in answer.lower() or not answer.strip()


def _holds(example: Example, said: str) -> bool:
    if example.answers:
        text = _plain(said)
        return any(_plain(answer) in text for answer in example.answers if _plain(answer))
    wanted = content_words(without_citations(example.target))
    found = set(content_words(said))
    return bool(wanted) and sum(word in found for word in wanted) >= 0.8 * len(wanted)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def summarize(scores: Sequence[dict[str, float]], seed: int = 0, samples: int = 1000) -> dict[str, Figure]:
    """Each measure's mean over the examples it applies to."""
    rng = np.random.default_rng(seed)
    figures = {}
    for name in MEASURES:
        values = np.array([score[name] for score in scores if name in score])
        if len(values):
            means = values[rng.integers(0, len(values), (samples, len(values)))].mean(axis=1)
            low, high = np.quantile(means, [0.025, 0.975])
            figures[name] = Figure(float(values.mean()), float(low), float(high), len(values))
    return figures


def product_answers(adapter: Path | None) -> Answerer:
    """Return a function that answers with the embedded model, one question at a time.

    It runs on the product's engine, with an adapter or without.
    """
    from rag.chat_models import open_chat_model
    from rag.settings import ModelSettings

    model = open_chat_model(
        ModelSettings(
            name="embedded", adapter=str(adapter) if adapter else "none", max_answer_tokens=MOST_TOKENS
        )
    )
    return lambda examples: [str(model.invoke(conversation(e)[:-1]).content).strip() for e in examples]


def batched_answers(base: str, adapter: Path | None) -> Answerer:
    """Answers by transformers in large batches, for a GPU."""
    from finetune.base_model import load_merged
    from finetune.generation import answer_all
    from finetune.trainer import use_bfloat16

    reader = load_merged(base, adapter, bfloat16=use_bfloat16("auto"))
    return lambda examples: answer_all(
        reader.model, reader.tokenizer, [conversation(e)[:-1] for e in examples], most_tokens=MOST_TOKENS
    )


def table(figures: dict[str, dict[str, dict[str, Figure]]]) -> str:
    """A Markdown table: one line for each test and model."""
    lines = ["| test | model | " + " | ".join(MEASURES) + " |", "|---" * (len(MEASURES) + 2) + "|"]
    for test, models in figures.items():
        for name, measured in models.items():
            cells = [
                f"{f.mean:.2f} ({f.low:.2f}-{f.high:.2f}, n={f.n})" if (f := measured.get(m)) else "-"
                for m in MEASURES
            ]
            lines.append(f"| {test} | {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def measure(
    answerer: Answerer, examples: Sequence[Example]
) -> tuple[dict[str, Figure], list[dict[str, Any]]]:
    """The figures of a model on some examples, and its answers beside what was wanted."""
    said = answerer(examples)
    pairs = list(zip(examples, said, strict=True))
    answers = [{"question": e.question, "target": e.target, "gold": e.gold, "answer": a} for e, a in pairs]
    return summarize([judge(e, a) for e, a in pairs]), answers


def _name(adapter: Path | None) -> str:
    if adapter is None:
        return "base"
    return adapter.parent.name if adapter.name == "adapter" else adapter.name


def main() -> None:
    """Measure and print the table; `--out` keeps every answer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=Path, required=True, help="folder made by finetune.grounded.build")
    parser.add_argument("--base", default="embedded")
    parser.add_argument("--adapter", type=Path, action="append", default=[])
    parser.add_argument("--no-base", action="store_true", help="leave the base model out")
    parser.add_argument("--test", action="append", default=[], help="a part; all test parts without it")
    parser.add_argument("--limit", type=int, default=0, help="most examples of a test")
    parser.add_argument("--skip", type=int, default=0, help="examples of a test left out at its start")
    parser.add_argument("--product", action="store_true", help="on the product's own engine, one at a time")
    parser.add_argument("--out", type=Path, help="keeps the figures and every answer as JSON")
    args = parser.parse_args()
    tests = args.test or test_parts(args.rows)
    examples = {test: load(args.rows, test)[args.skip :][: args.limit or None] for test in tests}
    figures: dict[str, dict[str, dict[str, Figure]]] = {test: {} for test in tests}
    answers: dict[str, dict[str, list[dict[str, Any]]]] = {test: {} for test in tests}
    for adapter in ([] if args.no_base else [None]) + args.adapter:
        answerer = product_answers(adapter) if args.product else batched_answers(args.base, adapter)
        for test in tests:
            figures[test][_name(adapter)], answers[test][_name(adapter)] = measure(answerer, examples[test])
            sys.stderr.write(f"{table({test: figures[test]})}\n")
            if args.out:
                plain = {
                    t: {m: {k: asdict(f) for k, f in v.items()} for m, v in ms.items()}
                    for t, ms in figures.items()
                }
                args.out.write_text(
                    json.dumps({"figures": plain, "answers": answers}, ensure_ascii=False), "utf-8"
                )
    sys.stdout.write(table(figures) + "\n")


if __name__ == "__main__":
    sys.exit(exit_status(main))
