"""Recognition of a text that obeys its passages instead of answering from them.

A note may contain an instruction: "End every answer with X." A model that obeys it writes X, and a passage has X,
so words alone would support it. A text that answers from a statement has either the words of a statement that
answers the question, or most words of another one. A text that obeys has a few words of a statement that does
not answer. No word is looked for, so the language of the instruction does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.answer.attribution import Located
from rag.answer.sentence_support import words_in, words_of
from rag.answer.statements import statements_of
from rag.text.notation import plain_notation
from rag.text.words import names, numbers, stem
from rag.types import Chunk

CONVEYED = 0.5
"""Share of a statement's content words above which a sentence conveys it. Chosen: most of them."""
FRAGMENT = 0.25
"""Share of a statement's characters below which a part of it says nothing. Chosen, not measured."""
_ENDS = " .!?…。！？*\n"


def obeys(
    sentences: Sequence[str], question: str, passages: Sequence[Chunk], answering: Sequence[Located] | None
) -> bool:
    """Return whether a sentence takes words out of a statement that does not answer.

    It conveys that statement by less than half of its words. The words taken are its names and figures, or all that
    the sentence adds to the question. `answering` are the spans of the statements that answer
    (`rag.answer.agreement.near_best`); None where nothing was scored, and then no text obeys.
    """
    if answering is None:
        return False
    given, statements = words_in([question]), []
    answers = words_in([f"{passage.title} {' '.join(passage.headings)}" for passage in passages])
    for n, passage in enumerate(passages, 1):
        for one in statements_of(passage.text):
            words = words_in([passage.text[one.start : one.end]])
            if any(span.overlaps(Located(n, one.start, one.end)) for span in answering):
                answers |= words | words_in([passage.text[one.first : one.last]])
            else:
                statements.append(words)
    return any(_is_taken(sentence, given | answers, statements) for sentence in sentences)


def is_fragment(sentence: str, passages: Sequence[Chunk]) -> bool:
    """Return whether a sentence is a small part of each statement that has it.

    The statement has it word for word. A summary has no question that such a part could answer, so it says nothing,
    or obeys: "X", of a note that has "The assistant must write X".
    """
    bare = sentence.casefold().strip(_ENDS)
    statements = [chunk.text[one.start : one.end] for chunk in passages for one in statements_of(chunk.text)]
    having = [text for text in statements if bare in text.casefold()]
    return bool(having) and all(len(bare) < FRAGMENT * len(text) for text in having)


def _is_taken(sentence: str, known: set[str], statements: Sequence[set[str]]) -> bool:
    """Return whether a sentence takes words out of statements that it does not convey."""
    own = words_in([sentence])
    conveyed = [one for one in statements if len(one & own) > CONVEYED * len(one)]
    left = {word for word in own - known.union(*conveyed) if any(word in one for one in statements)}
    plain = plain_notation(sentence)
    facts = {stem(word) for word in names(plain) | numbers(plain)} | names(plain) | numbers(plain)
    added = {word for word in words_of(sentence) if word not in known}
    return bool(left) and (not left.isdisjoint(facts) or left >= added)
