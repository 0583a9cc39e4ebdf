"""Forms of the usual answer: rows of a table, a whole list, an extract."""

from __future__ import annotations

from dataclasses import replace

from rag.answer.asked import Asked
from rag.answer.cells import cell_draft
from rag.answer.equal_rows import beside_rows_draft, equal_rows_draft, named_rows_draft
from rag.answer.found import Draft, Found
from rag.answer.likely_kinds import asks_for_number
from rag.answer.likely_list import list_around_draft
from rag.answer.matching import written_numbers
from rag.answer.other_side import with_other_side
from rag.answer.quote_answer import extract_draft, quoted_draft
from rag.answer.route import Route, Routed
from rag.answer.select import select_answer
from rag.answer.whole_list import whole_list_draft
from rag.text.words import tokens
from rag.types import AnswerKind, Tier

_ONE_OR_NONE = frozenset("one eins uno no none kein keine aucun aucune".split())
"""Words for one or none that are no articles, in four languages."""


def fact_draft(asked: Asked, found: Found, routed: Routed) -> Draft | None:
    """Return rows or a whole list around the quotes; None for the quotes as they are.

    Where the question asks how many there are and the quotes have no number, they are an extract and no answer.
    """
    answers = found.decision.tier is Tier.ANSWER
    if routed.route is Route.FACT:
        draft = beside_rows_draft(asked)
        if draft is None:
            draft = equal_rows_draft(asked) if answers else cell_draft(asked) or named_rows_draft(asked)
        if draft is not None:
            return draft
    if not answers:
        return None
    chosen = select_answer(found.read_chunks, found.scores, found.cosines, found.searched)
    quoted = " ".join(found.read_chunks[one.n - 1].text[one.start : one.end] for one in chosen)
    if chosen and asks_for_number(found.question) and not has_number(quoted):
        return extract_draft(found)
    both = with_other_side(found.standalone, chosen, found.read_chunks, found.scores)
    if len(both) > len(chosen):
        draft = quoted_draft(AnswerKind.ANSWER, both, found.read_chunks, found.scored)
        return replace(draft, answers_question=found.answerable)
    if routed.route is not Route.FACT:
        return None
    return whole_list_draft(asked, found, chosen) or list_around_draft(asked)


def has_number(text: str) -> bool:
    """Return whether a text has a number, in digits of any script or as a word.

    "No exams" has one, and "one exam"; a word that is an article too counts as none.
    """
    if any(char.isnumeric() for char in text) or written_numbers(text):
        return True
    return not _ONE_OR_NONE.isdisjoint(tokens(text))
