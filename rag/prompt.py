"""Prompts from passages and a question, and citations `[n]` in answers.

There are two styles. The *reader* style is the one that the project's grounded adapter is trained on: one
short message with numbered passages, because a model of 135 M parameters can follow nothing longer. The
*instruct* style is for models that follow instructions: the same passages, a plain request, and the
conversation so far. It asks neither for citations nor for refusals. Both are decided in code from what the
model wrote, and a small model that is offered a refusal takes it: of 18 questions that a 1.5 B model answers
with this prompt, it refused 16 when the prompt offered that. In both styles the stable part comes first, so
that an engine can keep its KV cache between questions.

A model may only cite passages that it was shown: `cited_numbers` reads the numbers, `rag.answer.citations`
checks them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from rag.types import Chunk, Role, Turn

PROMPT_VERSION = "1"
"""The version of the prompt that the grounded adapter is trained on."""
ABSTENTION = "The notes do not say."
"""The fixed sentence of a refusal.

The grounded adapter is trained to write it, the chain refuses with it, and the evaluation recognises it.
"""

_READER_SYSTEM = (
    "Answer from the numbered notes: copy the supporting sentence and end it with its note number like [1]. "
    f"If no note answers the question, say: {ABSTENTION}"
)
INSTRUCT_SYSTEM = (
    "You help a student with their course notes. Answer the question from the notes, in the student's language. Be short: "
    "one or two sentences for a fact, a list where a list is asked for, code where code is asked for. Keep numbers, units, "
    "names and formulas exactly as the notes have them."
)
_NUMBERS = r"\[([1-9]\d{0,2}(?:\s*,\s*[1-9]\d{0,2})*)\](?!\(|\.\w|\w)"
"""Citations: `[1]`, `[1, 2]`; no link `[1](page)`, no index `rows[1].text`."""
_CODE_OR_CITATION = re.compile(rf"(?P<code>```(?s:.*?)```|`[^`\n]+`)|\s*{_NUMBERS}")
"""Code or a citation, code first: `rows[1]` inside it cites nothing."""


class PromptStyle(StrEnum):
    """The form of the prompt, chosen by what the model can follow."""

    READER = "reader"
    INSTRUCT = "instruct"


PROMPT_VERSIONS = {PromptStyle.READER: PROMPT_VERSION, PromptStyle.INSTRUCT: "3"}
"""The version of each style's prompt, kept in the receipt of an answer."""


def note(number: int, chunk: Chunk) -> str:
    """Return a passage as the prompt has it: `[n] (title › headings)`, then its text."""
    context = " › ".join(part for part in dict.fromkeys((chunk.title, *chunk.headings)) if part)
    head = f"[{number}] ({context})" if context else f"[{number}]"
    return f"{head}\n{chunk.text.strip()}"


def render(
    style: PromptStyle, question: str, passages: Sequence[Chunk], history: Sequence[Turn] = ()
) -> tuple[Turn, ...]:
    """Return the messages of the prompt for one question.

    They are a system message, the history (instruct style only), and a message with the passages and the
    question. Passages are numbered from 1 in the order given. In the reader style the question comes before
    the passages as well: a causal model reads each passage once, and a small one must know then what to look
    for.
    """
    notes = "\n\n".join(note(number, chunk) for number, chunk in enumerate(passages, 1))
    body = f"Notes:\n{notes}\n\nQuestion: {question.strip()}"
    if style is PromptStyle.READER:
        return (Turn(Role.SYSTEM, _READER_SYSTEM), Turn(Role.USER, f"Question: {question.strip()}\n\n{body}"))
    asked = Turn(Role.USER, body)
    return (Turn(Role.SYSTEM, INSTRUCT_SYSTEM), *history, asked)


def cited_numbers(text: str) -> tuple[int, ...]:
    """Return the passage numbers that a text cites, each once, in order of appearance."""
    groups = (match.group(2) for match in _CODE_OR_CITATION.finditer(text) if not match["code"])
    return tuple(dict.fromkeys(int(number) for group in groups for number in group.split(",")))


def without_citations(text: str) -> str:
    """Return the text without citations `[n]`; brackets inside code are kept."""
    return _CODE_OR_CITATION.sub(lambda match: match["code"] or "", text)
