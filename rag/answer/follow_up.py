"""Follow-ups over the evidence of the last answer: "why?", "the second one"."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from rag.answer.asked import Asked
from rag.answer.cited_lines import Line, cited_draft, plain, without_mark
from rag.answer.condense_question import merge
from rag.answer.enumerations import enumerations
from rag.answer.found import Draft, Scorer
from rag.answer.matching import stems
from rag.answer.scored_statements import section_statements
from rag.answer.structures import list_items
from rag.answer.texts import EXTRACT_LEAD
from rag.prompt import without_citations
from rag.text.sentences import sentences
from rag.text.stop_words import STOP_WORDS
from rag.text.words import content_spans, is_negated
from rag.types import AnswerKind, Chunk, Hit, Role, Turn

SEARCHED = 6
MOST_STATEMENTS = 4
COMPLETING_PASSAGES = 4
"""Passages by which the completions of a short follow-up are compared."""
MOST_NEW_WORDS, MOST_SMALL_WORDS, MOST_SUBSTITUTIONS = 3, 2, 8
SAID = 0.8
"""Share of words in the last answer from which a statement is no news."""
_WORDS = (
    "first erste ersten erster erstes primero primera premier première 1st", "second zweite zweiten zweiter zweites segundo segunda deuxième 2nd",
    "third dritte dritten dritter drittes tercero tercera troisième 3rd", "fourth vierte vierten cuarto cuarta quatrième 4th",
    "last letzte letzten letzter letztes último última dernier dernière",
)  # fmt: skip
ORDINALS = {word: place for place, words in enumerate(_WORDS) for word in words.split()}
"""The place, from 0, that an ordinal names."""
LAST = len(_WORDS) - 1
"""The place of the last of several."""
LEAST_OFFERED = 2
"""Words with content of an offer that can be searched: "shall I?" has one."""
_ASKING = "?？؟"
_REASON, _CONSENT = ("why?", "for what reason?"), ("yes", "yes please, do it")
"""Messages to which one without a question mark is compared."""
REASON_MARGIN = 0.13
"""Least difference of a message's cosines with "why?" and "yes" for the reason.

Of 45 messages with the embedded model the nine in English that ask have 0.147 or more; the others have 0.112 or less, but for "explain".
"""
_ONE = re.compile(
    r"\b(?:the|der|die|das|den|dem|el|la|le)?\s*(?P<ordinal>[\w]+)(?:\s+(?:one|ones|kind|type|way|uno|una))?\b",
    re.IGNORECASE,
)
_PART = re.compile(r",\s+|\s+(?:and|und|y|et|or|oder|ou)\s+")


def with_named_item(question: str, history: Sequence[Turn]) -> str:
    """Return the question with "the second one" replaced by the thing itself.

    The question comes back as it is where it has no such word, or names the thing itself, or the answer named fewer.
    """
    last = next((turn.content for turn in reversed(history) if turn.role is Role.ASSISTANT), "")
    items = named_items(without_citations(last))
    for match in _ONE.finditer(question):
        place = ORDINALS.get(match["ordinal"].casefold())
        follows = question[match.end() :].strip(" ?.!").split()
        names_itself = (
            bool(follows)
            and not match.group().casefold().endswith(("one", "ones"))
            and follows[0].casefold() not in STOP_WORDS
        )
        if place is None or names_itself or len(items) < 2:
            continue
        if place == LAST or place < len(items):
            item = items[-1] if place == LAST else items[place]
            return f"{question[: match.start()]} {item}{question[match.end() :]}".strip()
    return question


def substitutions(question: str, history: Sequence[Turn]) -> list[str]:
    """Return the last question with a follow-up's words in place of its own.

    Empty where the follow-up has a verb's worth of words of its own, or none. A word that both have keeps its neighbour's place: "with 24
    bits" replaces "8 bits".
    """
    before = next((turn.content for turn in reversed(history) if turn.role is Role.USER), "")
    spans = content_spans(question)
    if (
        not before
        or not 0 < len(spans) <= MOST_NEW_WORDS
        or len(question.split()) > len(spans) + MOST_SMALL_WORDS
    ):
        return []
    phrase = question[spans[0][1] : spans[-1][2]]
    new = {word for word, _, _ in spans}
    old = content_spans(before)
    pairs = [(one, one) for one in old] + [
        pair for pair in pairwise(old) if not before[pair[0][2] : pair[1][1]].strip()
    ]
    shared = [pair for pair in pairs if pair[0] is not pair[1] and new & {pair[0][0], pair[1][0]}]
    found = [f"{before[: first[1]]}{phrase}{before[last[2] :]}" for first, last in shared or pairs]
    return [one for one in dict.fromkeys(found) if one != before][:MOST_SUBSTITUTIONS]


def completed_by_notes(
    question: str,
    standalone: str,
    history: Sequence[Turn],
    scorer: Scorer | None,
    search: Callable[[str], Sequence[Hit]],
) -> str:
    """Return the completion of a short follow-up that the notes answer best.

    It is the condenser's `standalone`, or the last question with one thing of it replaced.
    """
    appended = standalone != question and standalone.startswith(question.rstrip(" ?"))
    ways = substitutions(question, history) if appended else []
    if scorer is None or not ways:
        return standalone
    passages = [hit.chunk for hit in search(f"{standalone} {ways[0]}")[:COMPLETING_PASSAGES]]
    ways = [standalone, *ways]
    scores = [scorer.any_answers(scorer.score(way, passages)) for way in ways]
    return ways[max(range(len(ways)), key=scores.__getitem__)]


def named_items(text: str) -> list[str]:
    """Return the things that a text lists, by marks, commas or sentences."""
    if len(items := list_items(text, 0, len(text))) > 1:
        return [item.text for item in items]
    if found := enumerations(text, 0, len(text)):
        return [plain(text[start:end]) for start, end in found[0][2]]
    said = sentences(text)
    if len(said) == 1:
        parts = [part.strip(" .") for part in _PART.split(said[0])]
        return parts if len(parts) > 1 else []
    return [" ".join(one.split()[:6]).rstrip(".") for one in said]


def offered(last: str, message: str) -> str:
    """Return the question that an answer ends with, where a message takes it up.

    "Shall I show an example of a filter?" is offered, and "yes please" takes it up; "why?" and "not now" do not. Empty where nothing is
    offered, or nothing that can be searched.
    """
    said = sentences(without_citations(last))
    if not said or said[-1][-1] not in _ASKING:
        return ""
    if is_negated(message) or any(mark in message for mark in _ASKING):
        return ""
    return said[-1] if len(content_spans(said[-1])) >= LEAST_OFFERED else ""


def asks_for_reason(message: str, similarities: Callable[[str, Sequence[str]], Sequence[float]]) -> bool:
    """Return whether a message is nearer to "why?" than to "yes".

    Many leave the question mark out. A library in another language has an embedder that knows its words.
    """
    near = similarities(message, (*_REASON, *_CONSENT))
    return bool(max(near[: len(_REASON)]) - max(near[len(_REASON) :]) > REASON_MARGIN)


def continue_draft(asked: Asked) -> Draft | None:
    """Return the statements beside the last answer that are nearest to the follow-up."""
    last = next((turn.content for turn in reversed(asked.history) if turn.role is Role.ASSISTANT), "")
    before = next((turn.content for turn in reversed(asked.history) if turn.role is Role.USER), "")
    if not last:
        return None
    offer = offered(last, asked.question)

    def near(message: str, texts: Sequence[str]) -> list[float]:
        return [float(one) for one in asked.notes.similarities(message, texts)]

    if offer and not asks_for_reason(asked.question, near):
        draft = asked.answer(merge(offer, asked.history))
        if draft is not None:
            return draft
    hits = asked.notes.search(f"{before} {without_citations(last)}"[:600], SEARCHED, asked.scope)
    if not hits:
        return None
    said = set(stems(without_citations(last)))
    best = max(hits, key=lambda hit: len(said & set(stems(hit.chunk.text))))
    found: list[tuple[float, Line]] = []
    for score, chunk, one in section_statements(asked.notes, f"{asked.question} {before}", best.chunk):
        text = " ".join(chunk.text[one.first : one.last].split())
        words = {word for word in stems(text) if word not in STOP_WORDS}
        if words and len(words & said) < SAID * len(words):
            found.append((score, _line(chunk, one.first, one.last, text)))
    best_lines = sorted(found, key=lambda pair: -pair[0])[:MOST_STATEMENTS]
    lines = [line for _, line in sorted(best_lines, key=lambda pair: pair[1].start)]
    return cited_draft(AnswerKind.EXTRACT, lines, asked.notes, EXTRACT_LEAD) if lines else None


def _line(chunk: Chunk, first: int, last: int, text: str) -> Line:
    return Line(without_mark(text), chunk.document, chunk.start + first, chunk.start + last)
