"""Recognition of refusals and loops in a model's text."""

from __future__ import annotations

from rag.prompt import ABSTENTION, without_citations
from rag.text.sentences import sentences

LOOP_CHARS = 2000
"""Characters of the end of a text in which a loop is looked for.

Few, because it is looked for at every token.
"""
REFUSAL_WORDS = 10
"""Words of the longest refusal.

The fixed sentence and a few that name the question. Chosen, not measured.
"""


def is_refusal(text: str) -> bool:
    """Return whether a text is empty or only the fixed refusal.

    "The notes do not say it outright, but the lab sheet has 12 V." goes on and is none.
    """
    bare = " ".join(without_citations(text).split())
    refuses = bare.startswith(ABSTENTION.rstrip("."))
    return not bare or (refuses and len(bare.split()) <= REFUSAL_WORDS)


def repeats_itself(text: str) -> bool:
    """Return whether the last three whole sentences are the same.

    A small model that loops does not stop by itself. The sentence that is being written is not looked at.
    """
    last = [without_citations(sentence).casefold() for sentence in sentences(text[-LOOP_CHARS:])[-4:-1]]
    return len(last) == 3 and len(set(last)) == 1
