"""Two questions in one: split, each answered, and joined."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.answer.asked import Asked
from rag.answer.cited_lines import joined
from rag.answer.condense_question import merge, with_subject
from rag.answer.found import Draft
from rag.answer.matching import asked_stems
from rag.answer.question_parts import Split, last_thing, sides_of, splits_of, with_one_predicate
from rag.answer.texts import texts_for
from rag.types import AnswerKind, Role, Turn

MOST_SPLITS = 3
QUESTION_MARKS = " ?¿？؟"


def two_draft(asked: Asked) -> Draft | None:
    """Return both answers under each other, or the one that the notes have.

    None where no split has two answers that differ, and none has an answer to one half and nothing near to the other.
    """
    best: tuple[float, list[Draft]] | None = None
    half: Draft | None = None
    for one, other in ways_to_ask(asked.question)[:MOST_SPLITS]:
        answers = [(question, asked.answer(question)) for question in (one, other)]
        drafts = [draft for _, draft in answers if draft is not None]
        if len(drafts) == 1 and asked.sure:
            half = half or _half_answered(answers)
        if len(drafts) < 2 or _alike(*drafts):
            continue
        whole = all(draft.kind is not AnswerKind.EXTRACT for draft in drafts)
        if not whole and not asked.sure:
            continue
        score = whole + min(draft.answers_question or 0.0 for draft in drafts)
        if best is None or score > best[0]:
            best = (score, drafts)
    if best is None:
        return half
    extracts = any(draft.kind is AnswerKind.EXTRACT for draft in best[1])
    return joined(best[1], AnswerKind.EXTRACT if extracts else AnswerKind.ANSWER)


def _half_answered(answers: Sequence[tuple[str, Draft | None]]) -> Draft | None:
    """The answer to one half, and that the notes say nothing of the other. None for an extract."""
    drafts = []
    for question, draft in answers:
        if draft is not None and draft.kind is AnswerKind.EXTRACT:
            return None
        refused = f"**{question.strip(QUESTION_MARKS)}**: {texts_for(question).refusal}"
        drafts.append(draft or Draft(AnswerKind.NONE, refused))
    return joined(drafts, AnswerKind.ANSWER)


def _alike(one: Draft, other: Draft) -> bool:
    """Return whether two answers have most of their sentences in common."""
    first, second = (
        {sentence.text for sentence in draft.sentences} or {draft.text} for draft in (one, other)
    )
    return 2 * len(first & second) > min(len(first), len(second))


def ways_to_ask(question: str) -> list[tuple[str, str]]:
    """Return the pairs of questions that one may be made of, likeliest first.

    Both halves with a verb of their own are asked as they are, the second with the words of the first that it needs; two things of one
    predicate ("which ports do A and B use") are asked one after the other. A pronoun is also the last thing that the first half names.
    """
    found = [
        pair
        for split in sorted(splits_of(question), key=lambda one: abs(len(one.before) - len(one.after)))
        if len(split.after.split()) > 2 and len(split.before.split()) > 2
        for pair in _one_predicate(split) or [(split.before, after) for after in _completed(split)]
    ]
    for left, right in sides_of(question):
        pattern = re.compile(rf"{re.escape(left)}(.{{1,24}}?){re.escape(right)}", re.IGNORECASE)
        if pattern.search(question):
            found.append((pattern.sub(left, question, count=1), pattern.sub(right, question, count=1)))
    return list(dict.fromkeys(found))


def _one_predicate(split: Split) -> list[tuple[str, str]]:
    """A question for each of two subjects, where the second half begins with a name.

    With another word it may ask for something itself: "and who", "und wer".
    """
    first = split.after.split()[0]
    named = first[0].isupper() or first[0].isdecimal()
    return with_one_predicate(split) if named and asked_stems(first) and not split.relating else []


def _completed(split: Split) -> list[str]:
    """The second half with the topic of the first, and with its last thing."""
    topical, last = _with_topic(split), last_thing(split.before)
    if topical == split.after or not last:
        return [topical]
    return list(dict.fromkeys((topical, with_subject(split.after, last))))


def _with_topic(split: Split) -> str:
    """The second half, its pronoun replaced by what the first is about. With hardly a word of its own, the first half behind it."""
    completed = merge(split.after, (Turn(Role.USER, split.before),))
    if completed == split.after and len(asked_stems(split.after)) <= 1:
        return f"{split.after.rstrip(' ?')} ({split.before.rstrip(' ?')})?"
    return completed
