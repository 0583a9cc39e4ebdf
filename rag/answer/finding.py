"""Search for one question, and scores of the passages found as evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from rag.answer.found import Rereader, Scorer
from rag.answer.pair_scorer import PassageScore, SentenceScore
from rag.answer.readable import Read, Reading, as_is, is_row_of_numbers
from rag.answer.specifics import (
    abbreviations,
    about_others,
    is_about_another,
    numbered,
    passages_with,
    specifics,
)
from rag.answer.statements import is_code_line, statements_of
from rag.prompt import without_citations
from rag.search.spelling import Repaired
from rag.text.words import content_words
from rag.types import Chunk, Hit, Role, Turn

RANK_CONSTANT = 60
"""The constant of reciprocal rank fusion. Source: the paper named at `by_rank`."""
SCORED_PASSAGES = 8
"""Passages that the evidence scorer reads, the best of the search.

As many as a model that follows instructions is shown (`rag.answer.prompt_budget.PASSAGES`). Not measured.
"""

REPEATED_SHARE, REPEATED_LOGITS = 0.2, 4.0
"""The share of its probability that a sentence without news keeps.

And the logits that it loses. Chosen, not measured.
"""
LEAST_OF_CODE = 0.05
"""Probability below which a line cut from code, or printed, is left out.

It is not even the closest of the notes. Chosen, not measured.
"""
LEAST_OF_ROWS = 0.5
"""Probability below which a row of nothing but numbers is left out. Chosen, not measured."""
OTHER_LOGITS = 3.0
"""Logits by which a passage about something else comes later in an extract. Chosen, not measured."""

CONTEXT_MESSAGES, CONTEXT_CHARS = 6, 600
"""Messages, and their characters, that a follow-up is searched with."""

REPLACED_WORDS = 2
"""Most words that a follow-up replaces in the question before it. Chosen, not measured."""

Search = Callable[[str], Sequence[Hit]]
Repair = Callable[[str], Repaired]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Hits with the evidence scorer's reading of the first of them.

    `hits` are best first; `scores` are of the first of them, in their order. `probability` in [0, 1] is that
    any of the scored passages answers, `best_sentence` that their best sentence does. `readings` are the
    scored hits as they are read, to which the spans of the scores belong.
    """

    hits: tuple[Hit, ...]
    readings: tuple[Hit, ...]
    scores: tuple[PassageScore, ...]
    probability: float
    best_sentence: float


def find(
    question: str, standalone: str, search: Search, history: Sequence[Turn] = ()
) -> tuple[list[Hit], list[Hit]]:
    """Return the hits to answer from, and those that decide if the notes are near.

    Both are best first. A `question` that was completed or repaired (`standalone`) is searched as asked too, one
    within a conversation together with the last messages, and the two rankings are joined: a wrong completion costs
    little this way. Nearness is decided by the stand-alone question alone: a follow-up of two words may be near
    anything.
    """
    hits = list(search(standalone))
    other = f"{question} {context(history)}" if history else question
    return (hits if other == standalone else by_rank(hits, search(other))), hits


def context(history: Sequence[Turn]) -> str:
    """Return the last messages of a conversation as search text, the newest first.

    Source: of 150 follow-ups of CANARD the rule's completion alone, joined with the bare question, leads to .62 of the
    answers; joined with question and messages to .92, and after a change of topic to .98 instead of .99.
    """
    recent = (without_citations(turn.content) for turn in reversed(history[-CONTEXT_MESSAGES:]))
    return " ".join(" ".join(recent).split())[:CONTEXT_CHARS]


def weigh(
    question: str,
    hits: Sequence[Hit],
    scorer: Scorer,
    count: int = SCORED_PASSAGES,
    read: Read = as_is,
    second: Rereader | None = None,
    history: Sequence[Turn] = (),
) -> Evidence:
    """Return the hits with the evidence scores of the first `count`.

    The scorer is shown the passages as `read` returns them. The `second` reader, if there is one, reads the
    best of them again; the others come after them and do not decide whether the passages answer.

    `history` is the conversation: after "can the project be late?", "and homework?" asks about homework instead, and a sentence
    with the other word only counts little.

    A passage without what the question asks about by name is no evidence for an answer: its sentences keep their order but
    get the score 0.
    """
    readings = [read(hit.chunk) for hit in hits[:count]]
    chunks = [one.chunk for one in readings]
    named = passages_with(specifics(question), chunks)
    asked = _Asked(
        frozenset(content_words(question)),
        abbreviations(question),
        numbered(question),
        replaced(_asked_before(history), question),
    )
    scored = scorer.score(question, chunks)
    places = frozenset(place for place in range(len(chunks)) if named[place])
    probability = scorer.any_answers([scored[place] for place in sorted(places)])
    if second is not None:
        scored, places = _read_again(question, chunks, scored, places, second)
        probability = second.any_answers_again([scored[place] for place in sorted(places)], probability)

    def seen(place: int) -> PassageScore:
        if not named[place]:
            return _without_evidence(scored[place])
        score = _telling(scored[place], readings[place], asked)
        return score if place in places else _later(score)

    scores = tuple(map(seen, range(len(chunks))))
    telling = [scores[place] for place in sorted(places)]
    best = max((sentence.score for score in telling for sentence in score.sentences), default=0.0)
    read_hits = tuple(replace(hit, chunk=chunk) for hit, chunk in zip(hits, chunks, strict=False))
    return Evidence(tuple(hits), read_hits, scores, probability, best)


def _read_again(
    question: str,
    chunks: Sequence[Chunk],
    scores: Sequence[PassageScore],
    places: Iterable[int],
    second: Rereader,
) -> tuple[tuple[PassageScore, ...], frozenset[int]]:
    """Return the scores, some from a second reading, and the places of these.

    They are the best of `places` and those near it.
    """
    ranked = sorted(places, key=lambda place: (-scores[place].logit, place))[: second.passages]
    best = [place for place in ranked if scores[place].logit >= scores[ranked[0]].logit - second.within]
    found = list(scores)
    again = second.score_again(question, [chunks[place] for place in best], [scores[place] for place in best])
    for place, score in zip(best, again, strict=True):
        found[place] = score
    return tuple(found), frozenset(best)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The content words of a question, its abbreviations, and its numbered things.

    `instead` are the words of the question before that it replaces, and its own.
    """

    words: frozenset[str]
    abbreviated: frozenset[str]
    numbered: frozenset[tuple[str, str]]
    instead: tuple[frozenset[str], frozenset[str]]


def _telling(score: PassageScore, reading: Reading, asked: _Asked) -> PassageScore:
    """Return the scores without data and unlikely code, lower for what is no news.

    A log or an import is no sentence: nobody is helped by one as the closest of the notes.
    """
    others = _about_others(score, reading.chunk, asked)
    return replace(
        score,
        sentences=tuple(
            _lowered(sentence) if other or _says_nothing_new(sentence, reading, asked.words) else sentence
            for sentence, other in zip(score.sentences, others, strict=True)
            if not _is_left_out(sentence, reading)
        ),
    )


def _is_left_out(sentence: SentenceScore, reading: Reading) -> bool:
    place = sentence.start, sentence.end
    if sentence.score < LEAST_OF_ROWS and is_row_of_numbers(
        reading.chunk.text[sentence.start : sentence.end]
    ):
        return True
    by_machine = reading.is_printed(*place) or reading.is_machine_text(*place)
    return reading.is_printed_data(*place) or (by_machine and sentence.score < LEAST_OF_CODE)


def _about_others(score: PassageScore, chunk: Chunk, asked: _Asked) -> list[bool]:
    """Return for each sentence whether its quote has another name or number."""
    if not asked.abbreviated and not asked.numbered and not asked.instead[0]:
        return [False] * len(score.sentences)
    quotes = {(one.start, one.end): chunk.text[one.first : one.last] for one in statements_of(chunk.text)}
    shown = [quotes.get((one.start, one.end), chunk.text[one.start : one.end]) for one in score.sentences]
    above = " ".join((chunk.title, *chunk.headings))
    return [
        named or is_about_another(f"{above} {text}", asked.numbered) or _is_replaced(text, above, asked)
        for named, text in zip(about_others(shown, asked.abbreviated), shown, strict=True)
    ]


def _is_replaced(text: str, above: str, asked: _Asked) -> bool:
    """Return whether a text has a word that the question replaces, none of its own."""
    dropped, added = asked.instead
    if not dropped or dropped.isdisjoint(content_words(text)):
        return False
    return added.isdisjoint(content_words(f"{above} {text}"))


def _asked_before(history: Sequence[Turn]) -> str:
    """Return the last question of a conversation, empty without one."""
    return next((turn.content for turn in reversed(history) if turn.role is Role.USER), "")


def replaced(before: str, question: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the words that a question replaces in the one before, and its own.

    They are stems; none where the questions differ in more than `REPLACED_WORDS` words or share fewer than they differ in.
    """
    old, new = frozenset(content_words(before)), frozenset(content_words(question))
    dropped, added = old - new, new - old
    alike = len(old & new) >= max(len(dropped), len(added))
    if not dropped or not added or not alike or max(len(dropped), len(added)) > REPLACED_WORDS:
        return frozenset(), frozenset()
    return dropped, added


def _says_nothing_new(sentence: SentenceScore, reading: Reading, asked: frozenset[str]) -> bool:
    """Return whether a sentence only repeats the question, is code or a link.

    The scorer takes `rag("How do I get a certificate?")` for an answer to that question.
    """
    text = reading.chunk.text[sentence.start : sentence.end]
    repeats = not set(content_words(text)) - asked
    return repeats or is_code_line(text) or reading.is_machine_text(sentence.start, sentence.end)


def _lowered(sentence: SentenceScore) -> SentenceScore:
    return replace(sentence, score=sentence.score * REPEATED_SHARE, logit=sentence.logit - REPEATED_LOGITS)


def _without_evidence(score: PassageScore) -> PassageScore:
    """Return the scores of a passage that is about something else."""
    later = _later(score)
    return replace(later, answers=0.0, sentences=tuple(replace(one, score=0.0) for one in later.sentences))


def _later(score: PassageScore) -> PassageScore:
    """Return the scores of a passage that was not read again: after those that were."""
    sentences = tuple(replace(sentence, logit=sentence.logit - OTHER_LOGITS) for sentence in score.sentences)
    return replace(score, sentences=sentences)


def by_rank(*rankings: Sequence[Hit]) -> list[Hit]:
    """Return one ranking of several searches, by reciprocal rank fusion.

    Each chunk is in it once, scored by the sum of `1 / (RANK_CONSTANT + rank)` over the searches, ranks from
    1. Scores of different questions cannot be compared, ranks can. Ties go to the chunk that the earlier
    ranking has first.

    Source: Cormack, Clarke and Buettcher, "Reciprocal rank fusion", SIGIR 2009.
    """
    scores: dict[str, float] = {}
    first: dict[str, Hit] = {}
    for ranking in rankings:
        for rank, hit in enumerate(ranking, 1):
            scores[hit.chunk.id] = scores.get(hit.chunk.id, 0.0) + 1 / (RANK_CONSTANT + rank)
            first.setdefault(hit.chunk.id, hit)
    merged = [replace(hit, score=scores[name]) for name, hit in first.items()]
    return sorted(merged, key=lambda hit: -hit.score)
