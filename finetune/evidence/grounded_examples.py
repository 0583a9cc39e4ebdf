"""Examples of `finetune.grounded` as examples of the evidence scorer.

They become `valid` and the tests.
"""

from __future__ import annotations

from collections.abc import Sequence

from finetune.evidence.examples import EvidenceExample, Mark, ShownPassage
from finetune.grounded.types import Example
from rag.prompt import without_citations
from rag.text.sentences import sentence_spans
from rag.text.words import content_words


def from_grounded(example: Example) -> EvidenceExample:
    """Return a grounded example with its evidence sentences marked.

    `right` marks those that contain the gold answer.
    """
    chunks = [note.chunk() for note in example.notes]
    spans = [sentence_spans(chunk.text) for chunk in chunks]
    target = content_words(without_citations(example.target))
    evidence: list[Mark] = []
    right: list[Mark] = []
    for slot, chunk in enumerate(chunks):
        for number, (start, end) in enumerate(spans[slot]):
            sentence = chunk.text[start:end]
            if slot + 1 in example.gold and _alike(sentence, example.target):
                evidence.append((slot, number))
            if example.gold and _contains(sentence, example.answers, target):
                right.append((slot, number))
    return EvidenceExample(
        example.source,
        "test",
        example.question,
        tuple(map(ShownPassage.of, chunks)),
        tuple(evidence) or tuple((number - 1, -1) for number in example.gold),
        tuple(right),
    )


def _alike(sentence: str, target: str) -> bool:
    """Return whether a sentence is part of the target, or the target part of it.

    Nine words in ten of the shorter one are enough.
    """
    words, wanted = set(_plain(sentence).split()), set(_plain(without_citations(target)).split())
    return bool(words) and len(words & wanted) >= 0.9 * min(len(words), len(wanted))


def _contains(sentence: str, answers: Sequence[str], target: Sequence[str]) -> bool:
    """Return whether a sentence contains a gold answer.

    Where there is none: whether it contains four fifths of the target's words.
    """
    if answers:
        return any(_plain(answer) in _plain(sentence) for answer in answers if _plain(answer))
    words = set(content_words(sentence))
    return bool(target) and sum(word in words for word in target) >= 0.8 * len(target)


def _plain(text: str) -> str:
    return " ".join("".join(c if c.isalnum() or c == "_" else " " for c in text.lower()).split())
