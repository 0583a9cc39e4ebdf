"""The round trip that a proposal must survive to become an item."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rag.answer.notes import Notes
from rag.search.scope import Scope
from rag.study.choices import LEAST_WRONG, WRONG_CHOICES, Pool, shuffled
from rag.study.claims import similarity
from rag.study.items import (
    CHOOSE_NUMBER,
    CHOOSE_TERM,
    FILL_NUMBER,
    FILL_TERM,
    GAP,
    Item,
    ItemKind,
    Proposal,
    Rejection,
    Source,
    Topic,
)
from rag.study.readable import heading_shown, leak, readable
from rag.study.written import Author
from rag.text.words import content_words
from rag.types import Chunk, Hit

FOUND_WITHIN = 5
"""Ranks within which the search must find the passage."""
SAME_QUESTION = 0.6
"""Share of common stems from which two questions are the same."""
ANSWERS = 0.4
"""Probability of the sentence from which it answers the plain question."""
ASKING = frozenset(
    content_words("quiz quizzes exercises faq assignment homework acknowledgements references resources")
)
"""Stems of headings over questions and links, which state nothing."""
_ARTICLE = re.compile(rf"\b([Aa])n? (?={GAP})")
_TERM_TOPICS = frozenset((Topic.DEFINITION, Topic.PROPERTY))
_ONCE = _TERM_TOPICS | {Topic.WRITTEN}
"""Topics of which a document gives one item for each key."""
_BY_PASSAGE = frozenset((Topic.CODE, Topic.FORMULA, Topic.TABLE, Topic.COMPARISON, Topic.STEP))
"""Topics whose key is no sentence: the scorer must pick the passage."""


@dataclass(slots=True)
class Examiner:
    """Checks proposals one after the other, and remembers what was accepted.

    `about_notes` are the stems of words for parts of the notes. `reported` are ids that a person refused.
    """

    notes: Notes
    scope: Scope | None
    pool: Pool
    about_notes: frozenset[str]
    reported: frozenset[str] = frozenset()
    _asked: list[tuple[Proposal, set[str]]] = field(default_factory=list)

    def examine(
        self, proposal: Proposal, choice: bool = True, author: Author | None = None
    ) -> Item | Rejection:
        """Return the item of a proposal, or the reason why it is none.

        Without `choice` it may have no choices: the reader then writes the answer. A sketch gets its question
        from the `author`, after what can be checked without one.
        """
        stems = set(content_words(f"{proposal.text} {proposal.key}"))
        reason = self._first_fault(proposal, stems)
        if reason is not None:
            return reason
        if author is None or proposal.topic is not Topic.WRITTEN:
            return self._round_trip(proposal, stems, choice)
        made = author.written(proposal, choice)
        if isinstance(made, Rejection):
            return made
        reason = self._first_fault(made, stems)
        if reason is not None:
            return reason
        result = self._round_trip(made, stems, choice)
        if isinstance(result, Item) and not author.confirms(made, readable(result.citation.quote)):
            self._asked.pop()
            return Rejection.NOT_CONFIRMED
        return result

    def _round_trip(self, proposal: Proposal, stems: set[str], choice: bool) -> Item | Rejection:
        """Return the item of a proposal that the search, the scorer and the pool accept."""
        if proposal.asks and not self._answers(proposal):
            return Rejection.NO_ANSWER
        hits = self.notes.search(_query(proposal), FOUND_WITHIN, self.scope)
        mine = [hit for hit in hits if _overlaps(hit.chunk, proposal)]
        if not mine:
            return Rejection.NOT_FOUND
        if not self._picked(proposal, hits):
            return Rejection.OTHER_SENTENCE
        wrong = self._wrong(proposal) if proposal.kind is ItemKind.CHOICE else ()
        if choice and proposal.kind is ItemKind.CHOICE and not wrong and proposal.topic not in _FREE:
            return Rejection.FEW_CHOICES
        self._asked.append((proposal, stems))
        return self._item(proposal, wrong)

    def _wrong(self, proposal: Proposal) -> tuple[str, ...]:
        """Return the wrong choices of a proposal.

        For a written question they are no subject of the section, of which the key may be a kind, and no sentence
        with one of them answers it.
        """
        wrong = self.pool.wrong(proposal)
        if proposal.topic is Topic.WRITTEN:
            place = " ".join((self.notes.document(proposal.document).title, *proposal.headings))
            wrong = tuple(
                one for one in wrong if leak(one, place) < 1 and not self._answers_too(proposal, one)
            )
        return wrong[:WRONG_CHOICES] if len(wrong) >= LEAST_WRONG else ()

    def _answers_too(self, proposal: Proposal, choice: str) -> bool:
        """Return whether the scorer takes a sentence with a choice for an answer."""
        question, stems = _query(proposal), set(content_words(choice))
        chunks = [hit.chunk for hit in self.notes.search(f"{question} {choice}", FOUND_WITHIN, self.scope)]
        scores = self.notes.scorer.score(question, chunks) if chunks else []
        return any(
            one.score >= ANSWERS and stems <= set(content_words(chunk.text[one.start : one.end]))
            for chunk, score in zip(chunks, scores, strict=True)
            for one in score.sentences
        )

    def _first_fault(self, proposal: Proposal, stems: set[str]) -> Rejection | None:
        """The first reason against a proposal that needs no model."""
        if proposal.id in self.reported:
            return Rejection.REPORTED
        quote = self.notes.document(proposal.document).text[proposal.start : proposal.end]
        if not has_key(quote, proposal.key):
            return Rejection.KEY_NOT_IN_PASSAGE
        if set(content_words(f"{proposal.text} {proposal.key}")) & self.about_notes:
            return Rejection.ABOUT_THE_NOTES
        if {stem for name in proposal.headings for stem in content_words(name)} & ASKING:
            return Rejection.ABOUT_THE_NOTES
        if proposal.topic in _TERM_TOPICS and _flat(proposal.key) in _flat(proposal.question):
            return Rejection.GIVEN_AWAY
        for other, asked in self._asked:
            terms = {proposal.topic, other.topic} <= _ONCE
            same_key = terms and _flat(other.key) == _flat(proposal.key)
            likeness = similarity(asked, stems)
            if same_key and (other.document == proposal.document or likeness > SAME_QUESTION / 2):
                return Rejection.DUPLICATE
            if likeness > SAME_QUESTION and proposal.topic is not Topic.TABLE:
                return Rejection.DUPLICATE
        return None

    def _answers(self, proposal: Proposal) -> bool:
        """Return whether the scorer takes the sentence for an answer to the question."""
        passage = self.notes.passage(proposal.document, proposal.start, proposal.end)
        (score,) = self.notes.scorer.score(proposal.asks, [passage])
        mine = [
            one.score
            for one in score.sentences
            if passage.start + one.start < proposal.end and proposal.start < passage.start + one.end
        ]
        return max(mine, default=0.0) >= ANSWERS

    def _picked(self, proposal: Proposal, hits: Sequence[Hit]) -> bool:
        """Return whether the scorer, given the question, picks the sentence with the key.

        For rows, formulas and code it must pick their passage.
        """
        chunks = [hit.chunk for hit in hits]
        scores = self.notes.scorer.score(_query(proposal), chunks)
        if proposal.topic in _BY_PASSAGE:
            best = max(range(len(chunks)), key=lambda place: scores[place].answers)
            return _overlaps(chunks[best], proposal) or chunks[0].id == _mine(chunks, proposal).id
        _, chunk, sentence = max(
            (
                (one.logit, chunk, one)
                for chunk, score in zip(chunks, scores, strict=True)
                for one in score.sentences
            ),
            key=lambda found: found[0],
        )
        start, end = chunk.start + sentence.start, chunk.start + sentence.end
        if chunk.document == proposal.document and start < proposal.end and proposal.start < end:
            return True
        quote = self.notes.document(proposal.document).text[proposal.start : proposal.end]
        return readable(chunk.text[sentence.start : sentence.end]) == readable(quote)

    def _item(self, proposal: Proposal, wrong: Sequence[str]) -> Item:
        document = self.notes.document(proposal.document)
        chunk = self.notes.passage(proposal.document, proposal.start, proposal.end)
        capital = proposal.topic in _ONCE
        key = _capital(proposal.key) if capital else proposal.key
        others = [_capital(one) if capital else one for one in wrong]
        kind = proposal.kind if wrong or proposal.kind is not ItemKind.CHOICE else _written_kind(proposal)
        quote = document.text[proposal.start : proposal.end]
        answers = tuple(dict.fromkeys((key, *proposal.answers)))
        return Item(
            id=proposal.id,
            kind=kind,
            question=_asked(proposal, bool(wrong)),
            choices=shuffled(key, others, proposal.id) if wrong else (),
            answer=key,
            answers=answers,
            explanation=proposal.explanation or readable(quote),
            citation=Source(proposal.document, chunk.label, proposal.start, proposal.end, quote),
            topic=proposal.topic,
            section=tuple(dict.fromkeys(map(heading_shown, (document.title, *proposal.headings)))),
            unit=proposal.unit,
        )


_FREE = frozenset((Topic.NUMBER, Topic.FORMULA, Topic.CODE))
"""Topics that may be asked without choices.

The answer has one spelling, or the reader compares it with the key.
"""


def has_key(quote: str, key: str) -> bool:
    """Return whether a passage has the key word for word, markup aside."""
    flat = _flat(key)
    return (
        flat in _flat(quote) or flat in _flat(readable(quote)) or _squeezed(flat) in _squeezed(_flat(quote))
    )


def _asked(proposal: Proposal, choice: bool) -> str:
    """The question as it is shown, with what to do."""
    text = _ARTICLE.sub(r"\1(n) ", proposal.text)
    place = f"{proposal.lead}. " if proposal.lead else ""
    if proposal.topic in _TERM_TOPICS:
        return f"{place}{CHOOSE_TERM if choice else FILL_TERM} {text}"
    if proposal.topic is Topic.NUMBER:
        return f"{place}{CHOOSE_NUMBER if choice else FILL_NUMBER} {text}"
    return proposal.question


def _written_kind(proposal: Proposal) -> ItemKind:
    return ItemKind.CLOZE if GAP in proposal.text and proposal.topic is not Topic.FORMULA else ItemKind.SHORT


def _query(proposal: Proposal) -> str:
    return (proposal.query or proposal.question).replace(GAP, " ")


def _mine(chunks: Sequence[Chunk], proposal: Proposal) -> Chunk:
    return next((chunk for chunk in chunks if _overlaps(chunk, proposal)), chunks[0])


def _overlaps(chunk: Chunk, proposal: Proposal) -> bool:
    same = chunk.document == proposal.document
    return same and chunk.start < proposal.end and proposal.start < chunk.end


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:] if text[:1].isalpha() and not text.startswith("`") else text


def _flat(text: str) -> str:
    return " ".join(text.casefold().split())


def _squeezed(text: str) -> str:
    return re.sub(r"[\s$*_`|]", "", text)
