"""Golden questions proposed from the notes, for a person to accept.

They are definitions found by their wording, or written by a model. A proposal is kept only if its answer is
in its passage and the retriever finds that passage for the question.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from eval.golden.gold_match import Span, overlaps
from eval.golden.golden_file import GoldenQuestion, GoldSpan, question_id
from rag.text.sentences import sentence_spans
from rag.text.words import content_words
from rag.types import BlockKind, Chunk, Document, Hit

FOUND_WITHIN = 5
"""Ranks within which the retriever must find the passage of a proposal."""
ANSWER_IN_PASSAGE = 0.9
"""Share of a written answer's content words that its passage must contain."""

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
        """The span of the answer."""
        return (self.document, self.start, self.end)


def definition_drafts(document: Document) -> Iterator[Draft]:
    """Yield a question for each sentence that defines a term, in reading order.

    Only paragraphs, lists and speaker notes are searched.
    """
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
    """Yield a question for each passage, written by a model.

    `write` returns question and answer for a passage's text. Text that is not a question is left out, and
    so is an answer whose words are not in the passage.
    """
    for passage in passages:
        question, answer = (part.strip() for part in write(passage.text))
        words, known = content_words(answer), set(content_words(passage.text))
        if not question.endswith("?") or not words:
            continue
        if sum(word in known for word in words) / len(words) >= ANSWER_IN_PASSAGE:
            yield Draft(question, answer, passage.document, passage.start, passage.end, passage.text)


def kept_drafts(
    drafts: Iterable[Draft], search: Callable[[str], Sequence[Hit]], existing: Iterable[str] = ()
) -> Iterator[GoldenQuestion]:
    """Yield the proposals whose passage is found, as golden questions tagged `draft`.

    A question asked before is left out.
    """
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
    """Return `count` answerable questions of another course, marked unanswerable.

    They are drawn at random; follow-ups are left out.
    """
    pool = [question for question in others if not question.unanswerable and not question.history]
    drawn = Random(seed).sample(pool, min(count, len(pool)))
    return [
        GoldenQuestion(
            id=question_id(q.question), question=q.question, unanswerable=True, tags=("draft", "other-course")
        )
        for q in drawn
    ]


def spread(items: Sequence[Draft], count: int, seed: int = 0) -> list[Draft]:
    """Return up to `count` drafts in reading order, drawn from all documents in turn."""
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
    """Return the term as it is written inside a sentence.

    It keeps its article, and is lower case unless it is a name or an abbreviation.
    """
    article = re.match(r"(The|An?) ", sentence)
    lead = f"{article[1].lower()} " if article else ""
    first = term.split(maxsplit=1)[0]
    keeps_case = (
        not first[1:].islower()
        or any(sign.isdigit() for sign in first)
        or any(word[:1].isupper() for word in term.split()[1:])
    )
    return lead + (term if keeps_case and len(first) > 1 else term[:1].lower() + term[1:])
