"""Hard negatives: passages near a question that do not answer it.

Near misses come from the same document as the answer, for there the confusions are that students see: another
exam, another row, another method.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from finetune.grounded.nearest import Bm25
from finetune.grounded.types import Corpus, TrainingQuestion
from rag.passage_text import passage_text
from rag.text.words import content_words

_IN_DOCUMENT, _IN_CORPUS = 8, 12
"""Candidates kept of the same document and of the whole corpus."""
_TOO_ALIKE = 0.6
"""Share of a supporting sentence's words from which a passage is no negative.

It could answer too.
"""
_FUSION = 10.0
_RANKED = 60
"""Passages of the corpus that each of the two scores ranks."""


class NegativeSearch:
    """The passages of a corpus, ranked by BM25 and cosine with their ranks fused."""

    def __init__(self, corpus: Corpus, vectors: NDArray[np.float32]) -> None:
        self._corpus = corpus
        self._vectors = vectors
        self._lexical = Bm25([passage_text(chunk) for chunk in corpus.passages])
        self._words = [set(content_words(chunk.text)) for chunk in corpus.passages]
        self._lower = [chunk.text.lower() for chunk in corpus.passages]
        self._of_document: dict[str, list[int]] = defaultdict(list)
        for index, chunk in enumerate(corpus.passages):
            self._of_document[chunk.document].append(index)

    def cosines(self, asked: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the cosine of each question vector with each passage."""
        found: NDArray[np.float32] = asked @ self._vectors.T
        return found

    def siblings(self, question: TrainingQuestion, dense: NDArray[np.float32]) -> tuple[list[int], list[int]]:
        """Return the negatives of the same document and of the rest of the corpus.

        Both are nearest first. `dense` (passages,) has the question's cosines.
        """
        lexical = self._lexical.scores(question.text)
        about = [support.passage for support in question.supports]
        about += [] if question.beside is None else [question.beside]
        documents = {self._corpus.passages[passage].document for passage in about}
        inside = np.array(sorted(i for d in documents for i in self._of_document[d]), dtype=np.int64)
        near = inside[_fused_order(dense[inside], lexical[inside])].tolist()
        top = min(_RANKED, len(dense) - 1)
        found = np.union1d(np.argpartition(-dense, top)[:top], np.argpartition(-lexical, top)[:top])
        order = found[_fused_order(dense[found], lexical[found])].tolist()
        allowed = self._filter(question)
        same = list(islice((index for index in near[: 3 * _IN_DOCUMENT] if allowed(index)), _IN_DOCUMENT))
        known = set(inside.tolist())
        others = (index for index in order[: 4 * _IN_CORPUS] if index not in known and allowed(index))
        return same, list(islice(others, _IN_CORPUS))

    def _filter(self, question: TrainingQuestion) -> Callable[[int], bool]:
        """Return the check whether a passage certainly does not contain the answer."""
        gold = {support.passage for support in question.supports} | {question.beside}
        sentences = [words for support in question.supports if (words := set(content_words(support.text)))]
        answers = [answer.lower() for answer in question.answers if len(answer) > 3]

        def allowed(index: int) -> bool:
            if index in gold:
                return False
            words, text = self._words[index], self._lower[index]
            alike = any(len(sentence & words) >= _TOO_ALIKE * len(sentence) for sentence in sentences)
            return not alike and not any(answer in text for answer in answers)

        return allowed


def draw(same: Sequence[int], rest: Sequence[int], count: int, share: float, rng: random.Random) -> list[int]:
    """Draw `count` different negatives, near ones likelier.

    `share` of them are from the same document, where it has as many.
    """
    pools = [list(same), list(rest)]
    found: list[int] = []
    while len(found) < count and any(pools):
        pool = pools[0] if pools[0] and (not pools[1] or rng.random() < share) else pools[1]
        found.append(pool.pop(min(int(rng.expovariate(0.45)), len(pool) - 1)))
    return found


def _fused_order(dense: NDArray[np.float32], lexical: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return places in the order of their reciprocal ranks by both scores, best first."""
    fused = 1 / (_FUSION + _ranks(dense)) + np.where(lexical > 0, 1 / (_FUSION + _ranks(lexical)), 0)
    return np.argsort(-fused, kind="stable")


def _ranks(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return each place's rank, 0 for the highest score."""
    ranks = np.empty(len(scores), np.int64)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    return ranks
