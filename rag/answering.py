"""From what a model wrote to what is shown: refusals recognised, evidence checked, unsupported answers withheld."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag.evidence import Evidence, check
from rag.prompt import ABSTENTION, without_citations
from rag.quoting import Quote, Vote
from rag.sentences import sentences
from rag.standalone import with_last_answer
from rag.types import Chunk, Hit, Turn

_HEADING = re.compile(r"^\s{0,3}#{1,6}\s.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class CheckedAnswer:
    """The text to show (with `[n]` after every cited sentence), whether it is a refusal, and the evidence."""

    text: str
    abstained: bool
    evidence: Evidence


REFUSAL = CheckedAnswer(ABSTENTION, True, Evidence(ABSTENTION, (), ()))
"""What is shown when the notes do not hold the answer."""


def checked_answer(text: str, passages: Sequence[Chunk], threshold: float) -> CheckedAnswer:
    """The answer as it may be shown.

    A text that opens with the fixed refusal, or is empty, is a refusal. So is one of which no sentence is held by any
    passage that was shown: what the model made up is not passed on as coming from the notes.
    """
    evidence = check(text, passages, threshold)
    if is_refusal(text) or not any(sentence.supported for sentence in evidence.sentences):
        return REFUSAL
    return CheckedAnswer(evidence.text.strip(), False, evidence)


def votes(answer: CheckedAnswer, passages: Sequence[Chunk]) -> list[Vote]:
    """The stretches of the shown passages that an answer's citations quote."""
    return [
        (c.n, c.start - passages[c.n - 1].start, c.end - passages[c.n - 1].start)
        for c in answer.evidence.citations
    ]


def quoted_answer(quote: Quote, passages: Sequence[Chunk], threshold: float) -> CheckedAnswer:
    """The quote as an answer that cites its passage."""
    text = passages[quote.n - 1].text[quote.start : quote.end]
    gap = "\n" if text.endswith("```") else " "
    return checked_answer(f"{text}{gap}[{quote.n}]", passages, threshold)


def without_headings(text: str) -> str:
    """The text without its heading lines: a small reader copies the heading above the sentence it means."""
    return _HEADING.sub("", text).strip()


def is_refusal(text: str) -> bool:
    """Whether a text says nothing but that the notes do not hold the answer."""
    bare = " ".join(without_citations(text).split())
    return not bare or bare.startswith(ABSTENTION.rstrip("."))


def repeats_itself(text: str) -> bool:
    """Whether the last three whole sentences are the same: a small model that has begun to loop will not stop."""
    said = [without_citations(sentence).casefold() for sentence in sentences(text)[-4:-1]]
    return len(said) == 3 and len(set(said)) == 1


def hits_for(
    question: str, rewritten: str, history: Sequence[Turn], search: Callable[[str], Sequence[Hit]]
) -> tuple[list[Hit], list[Hit]]:
    """The hits to answer from and those the gate judges, best first.

    A follow-up is searched three times: completed, with the last answer beside it, and raw, so that a wrong rewrite costs
    little. The gate sees the completed question only: the last answer is always near the notes.
    """
    hits = list(search(rewritten))
    if rewritten == question:
        return hits, hits
    return best_of(hits, search(with_last_answer(rewritten, history)), search(question)), hits


def best_of(*rankings: Sequence[Hit]) -> list[Hit]:
    """One ranking of several searches of the same notes: each chunk once, with its best score; ties by chunk id."""
    best: dict[str, Hit] = {}
    for hit in (hit for ranking in rankings for hit in ranking):
        if hit.chunk.id not in best or hit.score > best[hit.chunk.id].score:
            best[hit.chunk.id] = hit
    return sorted(best.values(), key=lambda hit: (-hit.score, hit.chunk.id))
