"""The list or table that a question most likely asks for as a whole."""

from __future__ import annotations

from rag.answer.asked import Asked
from rag.answer.best_sentence import best_sentence
from rag.answer.choose_structure import Ranked, candidates_for
from rag.answer.cited_lines import Line, cited_draft, plain
from rag.answer.found import Draft
from rag.answer.matching import asked_stems, named_count, number_of
from rag.answer.structure_choice import shipped_model
from rag.answer.structure_features import features_of
from rag.answer.table_rows import place_of, row_lines
from rag.types import AnswerKind, Tier

ASKED = 0.2
"""Least probability of a list that the router takes to be asked for.

Source: 1,622 questions of `benchmarks.questions.list_rows`, each scored by a network that had not seen it. With
0.2 the right list is shown for .59 of those that ask for one, another for .29.
"""
NUMBERED = 0.15
"""The same where the question says how many things it asks for.

Few of those questions do ("which three"). Chosen, not measured."""
IN_PROSE = 0.3
"""Least probability of the things that a sentence names one after the other. Chosen, not measured."""
COUNTED = 0.2
"""Least probability of a list that is counted where no count is sure.

It has the sentence that answers."""
AROUND = 0.2
"""Least probability of a list that is shown behind the sentence that leads to it."""
ANSWERS = 0.85
"""Least evidence score of a list as a whole that answers by itself.

Of 526 questions that one item or sentence answers, or nothing, about 4 have such a list.
"""
PART_OF = 0.5
"""Least probability of a list that is shown instead of the one item that answers."""
MOST_ITEMS = 12
"""Items that are added to an answer at most. Chosen, not measured."""


def likely_list(asked: Asked, least: float | None = None) -> Ranked | None:
    """Return the likeliest list, None where it is too unlikely.

    `least` is `ASKED` or `NUMBERED` unless given. With `asked.counted` only one with as many items as the question names.
    """
    if least is None:
        least = ASKED if named_count(asked.question) is None else NUMBERED
    found = [pair for pair in likely_lists(asked) if not asked.counted or pair[1].counted]
    return found[0][1] if found and found[0][0] >= least else None


def likely_lists(asked: Asked) -> list[tuple[float, Ranked]]:
    """Return the lists near a question with their probabilities, likeliest first.

    They are worked out once."""
    return asked.once(likely_lists, lambda: _likely_lists(asked))


def _likely_lists(asked: Asked) -> list[tuple[float, Ranked]]:
    whole = _asks_for_document(asked)
    ranked = [one for one in candidates_for(asked) if whole or not _is_whole_document(one)]
    if not ranked:
        return []
    chances = shipped_model().probabilities(features_of(asked, ranked)).tolist()
    return sorted(zip(chances, ranked, strict=True), key=lambda pair: -pair[0])


def _is_whole_document(one: Ranked) -> bool:
    """Return whether the items are all headings of a document, which an outline shows."""
    return one.structure.outline and len(one.structure.headings) < 2


def _asks_for_document(asked: Asked) -> bool:
    """Return whether a question is about a document that it names.

    It has one word besides, or none."""
    if asked.named is None:
        return False
    words = [word for word in asked_stems(asked.question) if number_of(word) is None]
    return len(set(words) - set(asked.named.words)) <= 1


def quoted_list(asked: Asked) -> Ranked | None:
    """Return the likeliest list, if the sentence that answers is in it."""
    near, best = likely_list(asked, COUNTED), best_sentence(asked)
    if near is None or best is None or asked.decision.tier is not Tier.ANSWER:
        return None
    return near if best.is_in(near.structure) else None


def list_around_draft(asked: Asked) -> Draft | None:
    """Return the list of an answer to a question that has no word for one.

    It answers better than any passage does, or the sentence that answers is an item of it or leads to it.
    """
    best = best_sentence(asked)
    answering = _answering_list(asked)
    near = answering or likely_list(asked, AROUND)
    if near is None or best is None or near.structure.outline or near.structure.sentence is not None:
        return None
    structure = near.structure
    if not 1 < len(structure.items) <= MOST_ITEMS:
        return None
    lines = row_lines(structure, structure.items)
    part = best.is_in(structure) and not structure.head and near is likely_list(asked, PART_OF)
    if part or answering is not None:
        return cited_draft(AnswerKind.LIST, lines, asked.notes, f"{place_of(structure)}:")
    if not best.leads_to(structure):
        return None
    text = plain(asked.notes.document(best.document).text[best.start : best.end])
    lead = Line(text, best.document, best.start, best.end, bullet=False)
    return cited_draft(AnswerKind.LIST, [lead, *lines], asked.notes, probability=best.score)


def _answering_list(asked: Asked) -> Ranked | None:
    """The list that as a whole answers better than any passage, None without one.

    No table: one that has the answer in a cell reads as an answer too.
    """
    needed = max([ANSWERS, *(score.answers for score in asked.scores)])
    lists = (one for _, one in likely_lists(asked) if not one.structure.head and not one.structure.outline)
    return next((one for one in lists if one.answers >= needed and one.structure.sentence is None), None)
