"""Items that a model writes from a passage, under a JSON schema.

The model proposes; the same examiner decides. A key that is not in the section word for word is refused before.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from random import Random
from typing import Any

from rag.answer.notes import Notes
from rag.search.scope import Scope
from rag.study.items import ItemKind, Proposal, Topic
from rag.study.readable import heading_shown, is_whole, readable
from rag.text.sentences import sentence_spans
from rag.text.words import content_words
from rag.types import Chunk

Write = Callable[[str, dict[str, Any]], str]
"""A function from a prompt and a JSON schema to the JSON that a model wrote."""

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "quote": {"type": "string", "minLength": 20, "maxLength": 240},
        "question": {"type": "string", "minLength": 15, "maxLength": 160},
        "answer": {"type": "string", "minLength": 2, "maxLength": 90},
        "wrong_1": {"type": "string", "minLength": 2, "maxLength": 90},
        "wrong_2": {"type": "string", "minLength": 2, "maxLength": 90},
        "wrong_3": {"type": "string", "minLength": 2, "maxLength": 90},
    },
    "required": ["quote", "question", "answer", "wrong_1", "wrong_2", "wrong_3"],
}
PROMPT = (
    "You write exam questions. Read the passage and write one question about its subject that a student can answer from the "
    "passage alone. Copy one sentence of the passage as quote. The answer is a few words copied from that quote, word for word. "
    "The question names its subject and does not mention the passage, the text or the lecture. The three wrong answers are of "
    "the same kind as the answer and are clearly false.\n\nTopic: {topic}\nPassage:\n{passage}\n\nJSON:"
)
LEAST_WORDS, MOST_CHARS = 25, 1800
"""Fewest stems and most characters of a passage that a model writes from."""
_REFERS = re.compile(
    r"\b(?:passage|text|quote|author|section|above|following statement|according to|mentioned)\b",
    re.IGNORECASE,
)


def passages_to_write(notes: Notes, scope: Scope | None, count: int, seed: int) -> list[Chunk]:
    """Return `count` passages of prose, drawn from the documents of a scope in turn."""
    random = Random(seed)
    queues = []
    for record in notes.records(scope):
        prose = [one for one in notes.chunks(record.path) if len(content_words(one.text)) >= LEAST_WORDS]
        queues.append(random.sample(prose, len(prose)))
    random.shuffle(queues)
    turns = zip_longest(*queues)
    return [one for turn in turns for one in turn if one is not None][:count]


def written_proposals(passages: Sequence[Chunk], write: Write) -> Iterator[Proposal]:
    """Yield a proposal for each passage from which the model wrote a sound one."""
    for passage in passages:
        if len(content_words(passage.text)) < LEAST_WORDS:
            continue
        topic = heading_shown(passage.headings[-1]) if passage.headings else passage.title
        reply = write(PROMPT.format(topic=topic, passage=passage.text[:MOST_CHARS]), SCHEMA)
        proposal = _proposal(passage, reply)
        if proposal is not None:
            yield proposal


def _proposal(passage: Chunk, reply: str) -> Proposal | None:
    """Return the proposal of a reply, None where it is not sound."""
    try:
        found = {name: " ".join(str(value).split()) for name, value in json.loads(reply).items()}
        question, key = found["question"], found["answer"].strip(" .")
        wrong = [found[name].strip(" .") for name in ("wrong_1", "wrong_2", "wrong_3")]
    except (ValueError, KeyError, AttributeError):
        return None
    span = _sentence_with(passage.text, key, found.get("quote", ""))
    if span is None or not question.endswith("?") or _REFERS.search(question):
        return None
    if key.casefold() in question.casefold():
        return None
    choices = tuple(one for one in dict.fromkeys(wrong) if one and one.casefold() != key.casefold())
    return Proposal(
        topic=Topic.WRITTEN,
        kind=ItemKind.CHOICE,
        anchor=question,
        lead="",
        text=question,
        key=key,
        document=passage.document,
        start=passage.start + span[0],
        end=passage.start + span[1],
        headings=passage.headings,
        answers=(key,),
        choices=choices,
        weight=0.7,
        asks=question,
        query=question,
    )


def _sentence_with(text: str, key: str, quote: str) -> tuple[int, int] | None:
    """Return the sentence with the key and most of the quote, None without the key."""
    stems = set(content_words(quote))
    best, share = None, -1.0  # code, rows and remarks in parentheses are no whole sentences, and prove little
    for start, end in sentence_spans(text):
        shown = readable(text[start:end])
        common = len(stems & set(content_words(shown))) / max(1, len(stems))
        sound = key and key.casefold() in shown.casefold() and is_whole(shown)
        if sound and common > share:
            best, share = (start, end), common
    return best
