"""`python -m finetune.grounded.build`: the data folder in, grounded examples out, the same ones each time.

Parts written: `train`, `valid` (held-out articles of the training sets), and one `test-NAME` for each held-out set, whose
examples have four notes and an unanswerable twin for every fifth question.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import random
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finetune.grounded import measured, sources
from finetune.grounded.examples import Mix, make_examples
from finetune.grounded.invented_courses import invented_courses
from finetune.grounded.nearest import TextVectors, nearest
from finetune.grounded.question_model import is_clear
from finetune.grounded.questions import ask_by_rule
from finetune.grounded.rows import save
from finetune.grounded.types import Corpus, Example, Question, Support

log = logging.getLogger(__name__)
DEPTH = 24
ROUND_TRIP = 4
"""A generated question must find its passage among so many. Source: Alberti et al. 2019, round-trip consistency."""
TEST_MIX = Mix(near=0.25, cut=0.0, far=0.05, rephrase=False)


def build(
    data: Path,
    out: Path,
    cache: Path,
    seed: int,
    asked_by_model: Path | None,
    rounds: int,
    lexical_only: bool,
) -> dict[str, int]:
    """Builds all parts and returns their sizes. `rounds` is how many different examples each human question gives."""
    rng = random.Random(seed)
    vectors = TextVectors(cache)
    corpora = sources.load_all(data)
    corpora += [*invented_courses(100, seed), *invented_courses(16, seed + 1, held_out=True)]
    if asked_by_model:
        add_model_questions(corpora, asked_by_model)
    for corpus in corpora:
        if not corpus.name.startswith("invented-"):
            for index, chunk in enumerate(corpus.passages):
                corpus.questions.extend(ask_by_rule(chunk, index, rng))
    train = [corpus for corpus in corpora if not corpus.held_out]
    examples: list[Example] = []
    for corpus in train:
        ranked = nearest(corpus, None if lexical_only else vectors, DEPTH)
        ranked = _drop_unclear(corpus, ranked)
        log.info("%s: %d passages, %d questions", corpus.name, len(corpus.passages), len(corpus.questions))
        for turn in range(rounds):
            if turn:
                keep = [i for i, question in enumerate(corpus.questions) if question.origin == "human"]
                again = Corpus(corpus.name, corpus.passages, [corpus.questions[i] for i in keep])
                examples += make_examples(again, ranked[np.array(keep, dtype=np.int64)], train, Mix(), rng)
            else:
                examples += make_examples(corpus, ranked, train, Mix(), rng)
    rng.shuffle(examples)
    return save(out, {"train": examples, **_held_out(corpora, data, vectors, rng)})


def _drop_unclear(corpus: Corpus, ranked: NDArray[np.int64]) -> NDArray[np.int64]:
    """Leaves out generated questions that do not find their own passage again; the ranking of those that stay."""
    keep = [
        row
        for row, question in enumerate(corpus.questions)
        if question.origin != "model" or question.supports[0].passage in ranked[row, :ROUND_TRIP]
    ]
    corpus.questions = [corpus.questions[row] for row in keep]
    return ranked[np.array(keep, dtype=np.int64)]


def _held_out(
    corpora: list[Corpus], data: Path, vectors: TextVectors, rng: random.Random
) -> dict[str, list[Example]]:
    """The held-out parts: `valid`, and `test-NAME` for each set."""
    held = [corpus for corpus in corpora if corpus.held_out and corpus.questions]
    held += [*measured.sciq(data / "qa"), *measured.syllabusqa(data / "qa")]
    parts: dict[str, list[Example]] = defaultdict(list)
    for corpus in held:
        only_human = Corpus(corpus.name, corpus.passages, corpus.questions[:600], held_out=True)
        made = make_examples(only_human, nearest(only_human, vectors, DEPTH), corpora, TEST_MIX, rng)
        parts[f"test-{_set_of(corpus.name)}"] += made
    trained_kinds = [name for name in parts if name not in ("test-sciq", "test-syllabusqa")]
    parts["valid"] = [example for name in trained_kinds for example in parts[name][::4]]
    return dict(parts)


def _set_of(name: str) -> str:
    """The name of the test that a corpus belongs to: all syllabi are one test, all invented courses another."""
    return next((kind for kind in ("syllabusqa", "invented-course") if name.startswith(kind)), name)


def add_model_questions(corpora: list[Corpus], path: Path) -> None:
    """Adds the questions that the question model asked (`finetune.grounded.question_model`) to their corpora, one for each sentence."""
    asked: set[str] = set()
    by_passage = {
        chunk.id: (corpus, index) for corpus in corpora for index, chunk in enumerate(corpus.passages)
    }
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            if found := by_passage.get(row["passage"]):
                corpus, index = found
                chunk = corpus.passages[index]
                fits = row["sentence"] in chunk.text and row["sentence"] not in asked
                if fits and is_clear(row["question"], row["sentence"], chunk):
                    asked.add(row["sentence"])
                    corpus.questions.append(
                        Question(row["question"], (Support(index, row["sentence"]),), (), "model")
                    )


def main() -> None:
    """Reads the arguments and builds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="the folder with qa/, courses/ and retrieval/"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the examples")
    parser.add_argument("--cache", type=Path, default=Path("build/vectors"), help="folder for text vectors")
    parser.add_argument("--questions", type=Path, help="questions of the question model, .jsonl.gz")
    parser.add_argument("--rounds", type=int, default=2, help="different examples for each human question")
    parser.add_argument(
        "--lexical-only", action="store_true", help="training negatives by words alone: no vectors to make"
    )
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    counts = build(args.data, args.out, args.cache, args.seed, args.questions, args.rounds, args.lexical_only)
    log.info("wrote %s", json.dumps(counts))


if __name__ == "__main__":
    main()
