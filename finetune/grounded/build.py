"""`python -m finetune.grounded.build` makes grounded examples.

They come from a library of notes. The notes are those of `finetune.grounded.notes`, and the result is always the same. Parts written: `train`,
`valid`, and one `test-NAME` for each held-out set. Examples for measuring have four notes in any order, and
each question with an answer is there once more without it.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finetune.exit_status import exit_status
from finetune.grounded.asking import QueryVector, add_asked, leads_back, read_asked
from finetune.grounded.examples import Mix, make_examples
from finetune.grounded.nearest import CorpusSearch
from finetune.grounded.notes import all_sources, corpus_of
from finetune.grounded.questions import ask_by_rule
from finetune.grounded.rows import save
from finetune.grounded.sources import add_quizzes
from finetune.grounded.types import Corpus, Example, Part
from rag.embedding.embedder import Embedder, TokenEmbedder
from rag.embedding.engine import open_embedder
from rag.errors import DatasetError
from rag.library.library import Library
from rag.settings import EmbeddingSettings

log = logging.getLogger(__name__)
Ranking = NDArray[np.int64]
DEPTH = 24
ANSWERED = Mix(near=0.0, cut=0.0, far=0.0, ranked=0.0, sizes=(4,), rephrase=False)
UNANSWERED = Mix(near=0.8, cut=0.0, far=0.2, ranked=0.0, sizes=(4,), rephrase=False)
MOST_BY_RULE = 1200
"""Questions by rule of one corpus; a textbook has many, and they all sound alike."""
MOST_ASKED = 6000
"""Most questions that a model wrote on one corpus, before they are filtered.

Without a limit the medical articles would outnumber all other texts.
"""
MOST_TEST = 300
NEAR_ENOUGH = 3
"""The first places of the search among which a question must find its passage.

It applies to the questions that a model wrote.
"""
ROUNDS_OF = {"canard": 1, "pubmedqa": 2}
"""The data sets whose human questions give fewer different examples."""


@dataclass(frozen=True, slots=True)
class TrainingStage:
    """The examples of one stage of training.

    `rounds` is the number of different examples of a question and `mixes` their mix, by the question's
    origin.
    """

    rounds: Mapping[str, int]
    mixes: Mapping[str, Mix]


STAGES = {
    "first": TrainingStage(
        {"written": 8, "human": 6, "rule": 1, "asked": 3},
        {
            "written": Mix(near=0.22, cut=0.06, far=0.03),
            "human": Mix(near=0.25, cut=0.07, far=0.03),
            "rule": Mix(near=0.2, cut=0.06, far=0.03),
            "asked": Mix(near=0.3, cut=0.07),
        },
    ),
    "last": TrainingStage(
        {"written": 4, "human": 3, "rule": 1, "asked": 1},
        {
            **dict.fromkeys(("written", "human", "rule"), Mix(near=0.05, cut=0.015)),
            "asked": Mix(near=0.12, cut=0.03),
        },
    ),
}
"""The two stages of training.

In the first a good third of the examples has no answer, which teaches the difference; in the last one in
seven, which sets how soon a model refuses. The questions that a model wrote teach most of the refusing,
because there are few human questions for each text.
"""


def build(
    data: Path,
    library: Path,
    out: Path,
    seed: int,
    asked: Path | None = None,
    stage: TrainingStage = STAGES["last"],
    unanswered: float | None = None,
) -> dict[str, int]:
    """Build all parts and return their sizes.

    `asked` is a folder with the questions that a model wrote. If `unanswered` is given, training examples are
    left out until that share of them has no answer.
    """
    rng = random.Random(seed)
    written_by_model = read_asked(asked) if asked else {}
    embedder = open_embedder(EmbeddingSettings())
    if not isinstance(embedder, TokenEmbedder):
        raise DatasetError("The embedded embedder gives no token vectors; nothing was built.")
    parts: dict[str, list[Example]] = defaultdict(list)
    with Library.open(library) as opened:
        search = CorpusSearch(opened, embedder)
        corpora = [corpus_of(source, opened) for source in all_sources(data)]
        for corpus in corpora:
            if corpus.part is Part.TRAIN:
                _add_by_rule(corpus, data, rng)
                asked_of = written_by_model.get(corpus.name, [])
                add_asked(corpus, rng.sample(asked_of, min(MOST_ASKED, len(asked_of))))
        for corpus in corpora:
            if corpus.part is Part.TEST:
                _sample(corpus, MOST_TEST, rng)
            ranked = keep_led_back(corpus, search.nearest(corpus, DEPTH), embedder, search.query_vector)
            log.info(
                "%s %s: %d passages, %d questions",
                corpus.name,
                corpus.part,
                len(corpus.passages),
                len(corpus.questions),
            )
            others = [
                other for other in corpora if other.part is corpus.part or corpus.part is not Part.TRAIN
            ]
            if corpus.part is Part.TRAIN:
                parts["train"] += _train(corpus, ranked, others, rng, stage)
            else:
                name = "valid" if corpus.part is Part.VALID else f"test-{_set_of(corpus.name)}"
                parts[name] += both_ways(corpus, ranked, others, rng)
    for examples in parts.values():
        rng.shuffle(examples)
    if unanswered is not None:
        parts["train"] = with_share(parts["train"], unanswered)
    return save(out, parts)


def with_share(examples: list[Example], unanswered: float) -> list[Example]:
    """Return the examples with the share `unanswered` of them without an answer.

    The last examples of the larger kind are left out.

    Raises:
        DatasetError: all have an answer, or none has.
    """
    answered = sum(bool(example.gold) for example in examples)
    without = len(examples) - answered
    if not answered or not without:
        raise DatasetError(
            f"All {len(examples)} training examples are of one kind; build without --unanswered."
        )
    left = {
        True: min(answered, round(without * (1 - unanswered) / unanswered)),
        False: min(without, round(answered * unanswered / (1 - unanswered))),
    }
    kept = []
    for example in examples:
        left[bool(example.gold)] -= 1
        if left[bool(example.gold)] >= 0:
            kept.append(example)
    return kept


def both_ways(corpus: Corpus, ranked: Ranking, others: list[Corpus], rng: random.Random) -> list[Example]:
    """Return every question with its answer among the notes, if any, and without it."""
    origins = {question.origin for question in corpus.questions}
    answered, unanswered = (
        make_examples(corpus, ranked, others, dict.fromkeys(origins, mix), rng)
        for mix in (ANSWERED, UNANSWERED)
    )
    return [*compress(answered, (bool(question.supports) for question in corpus.questions)), *unanswered]


def _train(
    corpus: Corpus, ranked: Ranking, others: list[Corpus], rng: random.Random, stage: TrainingStage
) -> list[Example]:
    """Return the training examples of a corpus.

    Each question is used as often as its origin allows, with other notes each time.
    """
    made: list[Example] = []
    for turn in range(max(stage.rounds.values())):
        keep = [
            i
            for i, q in enumerate(corpus.questions)
            if turn < _rounds(stage, corpus.name, q.origin, bool(q.supports))
        ]
        again = Corpus(corpus.name, corpus.passages, [corpus.questions[i] for i in keep], corpus.part)
        made += make_examples(again, ranked[np.array(keep, dtype=np.int64)], others, stage.mixes, rng)
    return made


def keep_led_back(corpus: Corpus, ranked: Ranking, embedder: Embedder, query_vector: QueryVector) -> Ranking:
    """Drop a model's questions that do not find their sentence; rank the others."""
    questions = corpus.questions
    found = [
        place
        for place, question in enumerate(questions)
        if question.origin == "asked" and question.supports[0].passage in ranked[place, :NEAR_ENOUGH]
    ]
    close = leads_back([questions[place] for place in found], corpus.passages, embedder, query_vector)
    led_back = set(compress(found, close))
    kept = [
        place for place, question in enumerate(questions) if question.origin != "asked" or place in led_back
    ]
    corpus.questions = [questions[place] for place in kept]
    return ranked[np.array(kept, dtype=np.int64)]


def _rounds(stage: TrainingStage, name: str, origin: str, answerable: bool) -> int:
    """Return the number of examples of a question.

    One without an answer has half as many, because its examples hardly differ.
    """
    rounds = ROUNDS_OF.get(name, stage.rounds[origin]) if origin == "human" else stage.rounds[origin]
    return rounds if answerable else max(1, rounds // 2)


def _add_by_rule(corpus: Corpus, data: Path, rng: random.Random) -> None:
    """Add a course's quiz items, and the questions that follow from its text by rule."""
    if corpus.name.startswith(("invented-", "written-")):
        return
    add_quizzes(data / "qa", corpus)
    found = [
        question for index, chunk in enumerate(corpus.passages) for question in ask_by_rule(chunk, index, rng)
    ]
    corpus.questions += rng.sample(found, min(MOST_BY_RULE, len(found)))


def _sample(corpus: Corpus, most: int, rng: random.Random) -> None:
    if len(corpus.questions) > most:
        corpus.questions = rng.sample(corpus.questions, most)


def _set_of(name: str) -> str:
    """Return the name of the test that a corpus belongs to.

    All syllabi are one test, all written courses another.
    """
    kinds = {"syllabusqa": "syllabusqa", "invented-course": "invented", "written": "written"}
    return next((kinds[kind] for kind in kinds if name.startswith(kind)), name)


def _share(text: str) -> float:
    share = float(text)
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(f"{text} is no share between 0 and 1")
    return share


def main() -> None:
    """Read the arguments and build."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="the folder with qa/, courses/ and retrieval/"
    )
    parser.add_argument("--library", type=Path, required=True, help="the notes, ingested")
    parser.add_argument("--out", type=Path, required=True, help="folder for the examples")
    parser.add_argument(
        "--asked", type=Path, help="folder with questions that a model wrote (finetune.grounded.ask)"
    )
    parser.add_argument(
        "--stage", choices=STAGES, default="last", help="the stage of training (see the recipes)"
    )
    parser.add_argument(
        "--unanswered", type=_share, metavar="SHARE", help="of the training examples, that have no answer"
    )
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    counts = build(
        args.data, args.library, args.out, args.seed, args.asked, STAGES[args.stage], args.unanswered
    )
    log.info("wrote %s", json.dumps(counts))


if __name__ == "__main__":
    sys.exit(exit_status(main))
