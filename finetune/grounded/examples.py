"""Training examples from questions: the notes that a search shows, and the answer.

Beside the right note are those that the product's search finds, so that the model learns to choose. Often
they are in the search's own order, because its rank is worth something, and often in any order, so that the
first is not simply trusted. A part of the examples has no answer: the right note is left out, the sentence is
cut out of it, or the notes are from another corpus.
"""

from __future__ import annotations

import random
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finetune.grounded.questions import rephrase
from finetune.grounded.types import Corpus, Example, Note, TrainingQuestion
from rag.prompt import ABSTENTION
from rag.text.words import content_words

_BULLET = re.compile(r"^\s*(?:[-*+•]\s+|\d{1,3}[.)]\s+)?")
_MOST_CHARS = 5200
_TOO_ALIKE = 0.6
"""The share of a supporting sentence's words that excludes a negative.

Such a passage could answer too.
"""


@dataclass(frozen=True, slots=True)
class Mix:
    """The shares of examples without an answer by kind; the others are answerable.

    `near` has only hard negatives, `cut` takes the supporting sentence out of its note, `far` has notes of
    another corpus. `ranked` is the share whose notes are in the order of the search, `sizes` the numbers of
    notes, drawn evenly.
    """

    near: float = 0.07
    cut: float = 0.02
    far: float = 0.02
    ranked: float = 0.5
    sizes: tuple[int, ...] = (2, 3, 4, 4, 4, 4, 4, 5, 5, 6, 6)
    rephrase: bool = True


def target_of(question: TrainingQuestion, numbers: dict[int, int]) -> str:
    """Return the answer to a question: each supporting text with its `[n]`.

    `numbers` are the numbers of the notes by passage.
    """
    said = []
    for support in question.supports:
        text = support.text.strip("\n")
        if "\n" in text and re.match(r"^\s*(#|//)", text):
            said.append(f"{textwrap.dedent(text).strip()} [{numbers[support.passage]}]")
        else:
            one_line = " ".join(_BULLET.sub("", text, count=1).split())
            said.append(f"{one_line} [{numbers[support.passage]}]")
    return " ".join(said)


def make_examples(
    corpus: Corpus,
    ranked: NDArray[np.int64],
    others: list[Corpus],
    mixes: Mapping[str, Mix],
    rng: random.Random,
) -> list[Example]:
    """Return one example for each question of a corpus, by the mix of its origin.

    `ranked` (questions, n) is the passages that a search finds for each question, best first.
    """
    strangers = [other for other in others if other.name[:8] != corpus.name[:8] and len(other.passages) > 20]
    return [
        _example(corpus, number, question, ranked[number], strangers, mixes[question.origin], rng)
        for number, question in enumerate(corpus.questions)
    ]


def _example(
    corpus: Corpus,
    number: int,
    question: TrainingQuestion,
    ranked: NDArray[np.int64],
    strangers: list[Corpus],
    mix: Mix,
    rng: random.Random,
) -> Example:
    kind = _kind(question, mix, rng, bool(strangers))
    size = rng.choice(mix.sizes)
    notes: list[Note] = []
    golden = list(dict.fromkeys(support.passage for support in question.supports))
    if kind == "answer":
        size = max(size, len(golden))
        notes = [Note(corpus.passages[index]) for index in golden]
    elif kind == "cut":
        support = question.supports[0]
        notes = [Note(corpus.passages[support.passage], support.text)]
    if kind == "far":
        other = rng.choice(strangers)
        notes = [Note(p) for p in rng.sample(other.passages, min(size, len(other.passages)))]
    else:
        notes += _negatives(corpus, question, ranked, size - len(notes), rng)
    notes = _bounded(
        [note for note in notes if note.chunk().text.strip()], len(golden) if kind == "answer" else 1
    )
    rng.shuffle(notes)
    if kind != "far" and rng.random() < mix.ranked:
        rank = {id(corpus.passages[int(index)]): place for place, index in enumerate(ranked) if index >= 0}
        notes.sort(key=lambda note: rank.get(id(note.passage), len(rank)))
    gold: dict[int, int] = {}
    if kind == "answer":
        place = {id(note.passage): at for at, note in enumerate(notes, 1)}
        gold = {index: place[id(corpus.passages[index])] for index in golden}
    return Example(
        id=f"{corpus.name}-{corpus.part}-{number}",
        source=corpus.name,
        question=rephrase(question.text, rng) if mix.rephrase else question.text,
        notes=tuple(notes),
        target=target_of(question, gold) if gold else ABSTENTION,
        gold=tuple(sorted(set(gold.values()))),
        answers=question.answers if gold else (),
    )


def _kind(question: TrainingQuestion, mix: Mix, rng: random.Random, has_strangers: bool) -> str:
    """`answer`, or which kind of unanswerable example the question becomes."""
    roll = rng.random()
    if not question.supports:
        return "near"
    if roll < mix.far:
        return "far" if has_strangers else "answer"
    if roll < mix.far + mix.near:
        return "near"
    return "cut" if roll < mix.far + mix.near + mix.cut and len(question.supports) == 1 else "answer"


def _negatives(
    corpus: Corpus, question: TrainingQuestion, ranked: NDArray[np.int64], wanted: int, rng: random.Random
) -> list[Note]:
    """Return passages that a search finds for the question and that do not answer it.

    A passage with most words of a supporting sentence, or with a gold answer of some length, could answer it
    too and is left out. Mostly the best-ranked are taken, sometimes a few further down.
    """
    gold = {support.passage for support in question.supports}
    sentences = [set(content_words(support.text)) for support in question.supports]
    answers = [answer.lower() for answer in question.answers if len(answer) > 3]
    found: list[Note] = []
    skip = rng.choice((0.0, 0.0, 0.15, 0.4))
    for index in ranked:
        if len(found) >= wanted:
            break
        if index < 0 or int(index) in gold or rng.random() < skip:
            continue
        chunk = corpus.passages[int(index)]
        text = chunk.text.lower()
        words = set(content_words(text))
        if any(len(s & words) >= _TOO_ALIKE * len(s) for s in sentences if s) or any(
            a in text for a in answers
        ):
            continue
        found.append(Note(chunk))
    return found


def _bounded(notes: list[Note], needed: int) -> list[Note]:
    """Return the notes that fit the length of a prompt; the last ones are dropped.

    The first `needed` stay at any length: without one of them the answer could not be cited.
    """
    kept: list[Note] = []
    room = _MOST_CHARS
    for note in notes:
        room -= len(note.passage.text)
        if len(kept) >= needed and room < 0:
            break
        kept.append(note)
    return kept
