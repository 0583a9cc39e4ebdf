"""Training examples of a corpus: each question with several sets of passages."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finetune.evidence.examples import EvidenceExample, ShownPassage
from finetune.evidence.negatives import NegativeSearch, draw
from finetune.grounded.questions import rephrase
from finetune.grounded.types import Corpus, Note, TrainingQuestion
from rag.embedding.embedder import TokenEmbedder
from rag.text.sentences import sentence_spans

_BLOCK = 512
"""Questions whose cosines are worked out together."""


@dataclass(frozen=True, slots=True)
class Mix:
    """The mixture of training examples.

    Of each question `rounds[origin]` examples with other negatives; `near` of them without the right passage,
    `cut` with its sentence taken out, `far` with another corpus's passages; `same` is the share of negatives
    from the same document, `sizes` the numbers of passages, drawn evenly.
    """

    rounds: tuple[tuple[str, int], ...] = (("written", 5), ("human", 4), ("rule", 1), ("teacher", 2))
    near: float = 0.22
    cut: float = 0.06
    far: float = 0.03
    same: float = 0.6
    sizes: tuple[int, ...] = (3, 4, 4, 5)
    rephrased: float = 0.5

    def rounds_of(self, origin: str) -> int:
        """Return the number of examples of a question of that origin."""
        once = origin == "teacher-old" or origin.endswith("-weak")
        return 1 if once else dict(self.rounds).get(origin.split("-", maxsplit=1)[0], 1)


def train_examples(
    corpus: Corpus,
    vectors: NDArray[np.float32],
    embedder: TokenEmbedder,
    training: Sequence[Corpus],
    mix: Mix,
    rng: random.Random,
) -> list[EvidenceExample]:
    """Return the training examples of a corpus, its passages' vectors given in order."""
    if not corpus.questions:
        return []
    search = NegativeSearch(corpus, vectors)
    asked = _vectors(corpus, vectors, embedder)
    strangers = [
        other for other in training if other.name[:8] != corpus.name[:8] and len(other.passages) > 20
    ]
    made = []
    for number, question in enumerate(corpus.questions):
        if number % _BLOCK == 0:
            cosines = search.cosines(asked[number : number + _BLOCK])
        same, rest = search.siblings(question, cosines[number % _BLOCK])
        rounds = mix.rounds_of(question.origin)
        for _ in range(rounds if question.supports else max(1, rounds // 2)):
            example = _example(corpus, question, same, rest, strangers, mix, rng)
            if example is not None:
                made.append(example)
    return made


def _vectors(corpus: Corpus, vectors: NDArray[np.float32], embedder: TokenEmbedder) -> NDArray[np.float32]:
    """Return the vectors by which the passages near each question are found.

    A teacher's question takes its passage's instead: it was written on it, and embedding 150,000 takes ten
    minutes.
    """
    found = np.empty((len(corpus.questions), vectors.shape[1]), np.float32)
    own = [n for n, q in enumerate(corpus.questions) if not q.origin.startswith("teacher")]
    known = sorted(set(range(len(found))) - set(own))
    found[known] = vectors[[_written_on(corpus.questions[n]) for n in known]]
    if own:
        found[own] = embedder.embed_passages([corpus.questions[n].text for n in own])
    return found


def _written_on(question: TrainingQuestion) -> int:
    """Return the passage that a teacher's question was written on."""
    return question.supports[0].passage if question.beside is None else question.beside


def _example(
    corpus: Corpus,
    question: TrainingQuestion,
    same: list[int],
    rest: list[int],
    strangers: list[Corpus],
    mix: Mix,
    rng: random.Random,
) -> EvidenceExample | None:
    """Return one example of a question.

    None where it would have no passage, or its evidence cannot be found.
    """
    roll = rng.random()
    golden = list(dict.fromkeys(support.passage for support in question.supports))
    size = rng.choice(mix.sizes)
    shown: list[tuple[ShownPassage, tuple[int, ...]]] = []
    if question.beside is not None:
        shown = [(ShownPassage.of(corpus.passages[question.beside]), ())]
    if golden and roll < mix.far and strangers:
        other = rng.choice(strangers)
        shown = [(ShownPassage.of(chunk), ()) for chunk in rng.sample(other.passages, size)]
    else:
        answered = bool(golden) and roll >= mix.far + mix.near
        if answered and roll < mix.far + mix.near + mix.cut and len(question.supports) == 1:
            support = question.supports[0]
            note = Note(corpus.passages[support.passage], support.text)
            shown = [(ShownPassage.of(note.chunk()), ())]
        elif answered:
            for index in golden:
                text = corpus.passages[index].text
                marks = evidence_in(text, [s.text for s in question.supports if s.passage == index])
                if not marks:
                    return None
                shown.append((ShownPassage.of(corpus.passages[index]), marks))
        shown += [
            (ShownPassage.of(corpus.passages[index]), ())
            for index in draw(same, rest, size - len(shown), mix.same, rng)
        ]
    shown = [item for item in shown if item[0].text.strip()]
    if not shown:
        return None
    rng.shuffle(shown)
    text = question.text
    if not question.origin.startswith("teacher") or rng.random() < mix.rephrased / 2:
        text = rephrase(text, rng)
    marks_of = tuple((slot, mark) for slot, (_, marks) in enumerate(shown) for mark in marks)
    weak = question.origin.endswith("-weak")
    return EvidenceExample(
        corpus.name, question.origin, text, tuple(p for p, _ in shown), marks_of, weak=weak
    )


def evidence_in(text: str, supports: Sequence[str]) -> tuple[int, ...]:
    """Return the indices of the sentences of `text` that overlap a support.

    An overlap is at least half the characters of the shorter of the two.
    """
    found = set()
    for support in supports:
        start = text.find(support)
        if start < 0:
            continue
        end = start + len(support)
        for number, (first, last) in enumerate(sentence_spans(text)):
            common = min(end, last) - max(start, first)
            if common > 0 and 2 * common >= min(last - first, end - start):
                found.add(number)
    return tuple(sorted(found))
