"""Golden questions proposed from the notes, for a person to accept: definitions found by their wording, or written by a model.

A proposal is kept only if its answer stands in its passage and the retriever finds that passage for the question.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from eval.gold_match import Span, overlaps
from eval.golden import GoldenQuestion, GoldSpan, question_id
from rag.sentences import sentence_spans
from rag.types import BlockKind, Chunk, Document, Hit
from rag.words import content_words

FOUND_WITHIN = 5
"""Ranks within which the retriever must find the passage of a proposal."""
ANSWER_IN_PASSAGE = 0.9
"""Share of a written answer's content words that its passage must hold."""

_DEFINITION = re.compile(
    r"^(?:The |An? )?(?P<term>\w[\w\-/’' ]{1,50}?|`[^`]{2,40}`) (?P<verb>is|are) (?:called |defined as )?(?:an?|the|any|how) \w"
)
_NOT_A_TERM = re.compile(
    r"^(?:this|that|these|those|there|its?|they|we|you|here|what|which|who|how|why|where|when|if|one|all|both|each|then|my|our|"
    r"your|his|her|their|last|first|next|same|other|only)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A proposed question with the span that answers it."""

    question: str
    answer: str
    document: str
    start: int
    end: int
    text: str

    @property
    def span(self) -> Span:
        """Where the answer stands."""
        return (self.document, self.start, self.end)


def definition_drafts(document: Document) -> Iterator[Draft]:
    """A question for each sentence of a paragraph or list that defines a term, in reading order."""
    for block in document.blocks:
        if block.kind not in (BlockKind.PARAGRAPH, BlockKind.LIST, BlockKind.NOTES):
            continue
        text = document.text[block.start : block.end]
        for start, end in sentence_spans(text):
            sentence = text[start:end]
            bare = " ".join(re.sub(r"[*_]{1,3}|^[-•]\s+", "", sentence).split())
            match = _DEFINITION.match(bare)
            if match is None or _NOT_A_TERM.match(match["term"]) or bare.endswith("?"):
                continue
            question = f"What {match['verb']} {_as_asked(bare, match['term'])}?"
            place = block.start + start
            yield Draft(question, bare, document.path, place, place + len(sentence), sentence)


def model_drafts(passages: Iterable[Chunk], write: Callable[[str], tuple[str, str]]) -> Iterator[Draft]:
    """A question for each passage, written by a model: `write` gives question and answer for a passage's text.

    Left out is what is no question, and an answer whose words are not in the passage.
    """
    for passage in passages:
        question, answer = (part.strip() for part in write(passage.text))
        words, held = content_words(answer), set(content_words(passage.text))
        if not question.endswith("?") or not words:
            continue
        if sum(word in held for word in words) / len(words) >= ANSWER_IN_PASSAGE:
            yield Draft(question, answer, passage.document, passage.start, passage.end, passage.text)


def kept_drafts(
    drafts: Iterable[Draft], search: Callable[[str], Sequence[Hit]], existing: Iterable[str] = ()
) -> Iterator[GoldenQuestion]:
    """The proposals whose passage is found, as golden questions tagged `draft`; a question asked before is left out."""
    asked = {question.casefold() for question in existing}
    for draft in drafts:
        if draft.question.casefold() in asked:
            continue
        asked.add(draft.question.casefold())
        hits = search(draft.question)[:FOUND_WITHIN]
        if any(overlaps((hit.chunk.document, hit.chunk.start, hit.chunk.end), draft.span) for hit in hits):
            gold = GoldSpan(document=draft.document, start=draft.start, end=draft.end, text=draft.text)
            yield GoldenQuestion(
                id=question_id(draft.question),
                question=draft.question,
                answer=draft.answer,
                gold=(gold,),
                tags=("draft",),
            )


def unanswerable_drafts(others: Sequence[GoldenQuestion], count: int, seed: int = 0) -> list[GoldenQuestion]:
    """`count` answerable questions of another course, drawn at random, marked unanswerable here; follow-ups are left out."""
    pool = [question for question in others if not question.unanswerable and not question.history]
    drawn = Random(seed).sample(pool, min(count, len(pool)))
    return [
        GoldenQuestion(
            id=question_id(q.question), question=q.question, unanswerable=True, tags=("draft", "other-course")
        )
        for q in drawn
    ]


def spread(items: Sequence[Draft], count: int, seed: int = 0) -> list[Draft]:
    """Up to `count` of the drafts, drawn so that every document has its turn, in reading order."""
    by_document: dict[str, list[int]] = {}
    for index, draft in enumerate(items):
        by_document.setdefault(draft.document, []).append(index)
    queues = [Random(seed).sample(indexes, len(indexes)) for indexes in by_document.values()]
    turns = [
        queue[turn]
        for turn in range(max(map(len, queues), default=0))
        for queue in queues
        if turn < len(queue)
    ]
    return [items[index] for index in sorted(turns[:count])]


def _as_asked(sentence: str, term: str) -> str:
    """The term in the middle of a sentence: with its article, and small unless it is a name or an abbreviation."""
    article = re.match(r"(The|An?) ", sentence)
    lead = f"{article[1].lower()} " if article else ""
    first = term.split(maxsplit=1)[0]
    keeps_case = (
        not first[1:].islower()
        or any(sign.isdigit() for sign in first)
        or any(word[:1].isupper() for word in term.split()[1:])
    )
    return lead + (term if keeps_case and len(first) > 1 else term[:1].lower() + term[1:])
