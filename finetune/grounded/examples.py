"""Questions become examples: the notes that a search would show, in any number, and the answer a reader should give.

Beside the right note stand those that the product's search finds, so that the reader learns to choose; often they stand in the
search's own order, for its rank is worth something, and often in any order, so that the first is not simply trusted. A part
of the examples has no answer: the right note left out, the sentence cut out of it, or notes from another corpus.
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
from finetune.grounded.types import Corpus, Example, Note, Question
from rag.prompt import ABSTENTION
from rag.words import content_words

_BULLET = re.compile(r"^\s*(?:[-*+•]\s+|\d{1,3}[.)]\s+)?")
_MOST_CHARS = 5200
_TOO_ALIKE = 0.6
"""A passage with this share of a supporting sentence's words could answer too, and is no negative."""


@dataclass(frozen=True, slots=True)
class Mix:
    """How many examples lack an answer and of which kind; the rest is answerable.

    `near` shows only hard negatives, `cut` takes the supporting sentence out of its note, `far` shows another corpus.
    `ranked` is the share whose notes stand in the order of the search, `sizes` the numbers of notes, drawn evenly.
    """

    near: float = 0.07
    cut: float = 0.02
    far: float = 0.02
    ranked: float = 0.5
    sizes: tuple[int, ...] = (2, 3, 4, 4, 4, 4, 4, 5, 5, 6, 6)
    rephrase: bool = True


def target_of(question: Question, numbers: dict[int, int]) -> str:
    """The answer for a question whose supporting passages carry `numbers`: each support with its `[n]`."""
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
    """One example for each question of a corpus, in order, by the mix of its origin.

    `ranked` (questions, n) holds for each question the passages that a search finds, best first.
    """
    strangers = [other for other in others if other.name[:8] != corpus.name[:8] and len(other.passages) > 20]
    return [
        _example(corpus, number, question, ranked[number], strangers, mixes[question.origin], rng)
        for number, question in enumerate(corpus.questions)
    ]


def _example(
    corpus: Corpus,
    number: int,
    question: Question,
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


def _kind(question: Question, mix: Mix, rng: random.Random, has_strangers: bool) -> str:
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
    corpus: Corpus, question: Question, ranked: NDArray[np.int64], wanted: int, rng: random.Random
) -> list[Note]:
    """Passages that a search finds for the question and that do not answer it.

    A passage that holds most words of a supporting sentence, or a gold answer of some length, could answer it too
    and is left out. Mostly the best-ranked are taken, sometimes a few further down.
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
    """The notes, the last ones dropped where all together would be longer than a prompt ever is.

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
