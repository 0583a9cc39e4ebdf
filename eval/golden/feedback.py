"""Golden questions from answers that a person judged.

A bad answer so becomes a test case. The web app and `lectern eval golden add --from-feedback` call the same
function.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from eval.golden.golden_file import GoldenQuestion, GoldenTurn, GoldSpan, question_id
from rag.errors import InputError
from rag.types import Turn


class Verdict(StrEnum):
    """A person's verdict on an answer."""

    GOOD = "good"
    WRONG_ANSWER = "wrong answer"
    WRONG_SOURCE = "wrong source"
    SHOULD_HAVE_REFUSED = "should have refused"
    MISSING = "missing"


_GOOD_WORDS = frozenset({"good", "up", "right", "yes", "helpful"})


def parse_verdict(text: str) -> Verdict:
    """Return the verdict of a stored string, whatever its case, dashes or underscores.

    Raises:
        InputError: it is none of the known ones.
    """
    plain = " ".join(text.lower().replace("-", " ").replace("_", " ").split())
    if plain in _GOOD_WORDS:
        return Verdict.GOOD
    try:
        return Verdict(plain)
    except ValueError as exc:
        known = ", ".join(f"`{verdict}`" for verdict in Verdict)
        raise InputError(f"The verdict {text!r} does not say what was wrong; known are {known}.") from exc


def golden_from_answer(
    answer: Mapping[str, Any],
    verdict: Verdict,
    *,
    history: Sequence[Turn] = (),
    right_answer: str = "",
    gold: Sequence[GoldSpan] = (),
) -> GoldenQuestion:
    """Return the golden question that keeps this answer from going wrong again.

    `answer` is an answer as `lectern ask --json` prints it, or a `rag.types.Answer` as JSON. `right_answer` and `gold` are what the person adds: a wrong
    answer keeps its citations as gold unless others are given, an answer from the wrong source keeps its words, a
    refusal of what is in the notes (`missing`) needs one of the two.

    Raises:
        InputError: the verdict needs something that was not given.
    """
    question = str(answer["question"])
    refuse = verdict is Verdict.SHOULD_HAVE_REFUSED
    cited = tuple(gold) or (_cited(answer) if verdict in (Verdict.GOOD, Verdict.WRONG_ANSWER) else ())
    given_answer = str(answer.get("answer", answer.get("text", "")))
    kept = given_answer if verdict in (Verdict.GOOD, Verdict.WRONG_SOURCE) else ""
    text = right_answer.strip() or kept
    missing = _what_is_missing(verdict, right_answer, cited, tuple(gold))
    if missing:
        raise InputError(f"{question[:80]!r} was judged `{verdict}`: {missing}")
    return GoldenQuestion(
        id=question_id(question, [turn.content for turn in history]),
        question=question,
        history=tuple(GoldenTurn(role=turn.role, content=turn.content) for turn in history),
        answer=None if refuse else text or None,
        gold=() if refuse else cited,
        unanswerable=refuse,
        tags=("feedback", verdict.value.replace(" ", "-")),
    )


def _what_is_missing(
    verdict: Verdict, right_answer: str, cited: Sequence[GoldSpan], given: Sequence[GoldSpan]
) -> str:
    """Return the input that is missing, as the end of a sentence; empty if none is."""
    if verdict is Verdict.WRONG_ANSWER and not right_answer.strip():
        return "give the right one with --answer."
    if verdict is Verdict.WRONG_SOURCE and not given:
        return "give its place with --document and --text."
    if verdict is Verdict.MISSING and not (right_answer.strip() or given):
        return "give the answer with --answer, or its place with --document and --text."
    if verdict is Verdict.GOOD and not cited:
        return "it cites nothing, so give its place with --document and --text."
    return ""


def _cited(answer: Mapping[str, Any]) -> tuple[GoldSpan, ...]:
    return tuple(
        GoldSpan(document=c["document"], start=c["start"], end=c["end"], text=c.get("quote", ""))
        for c in answer.get("citations", [])
    )
