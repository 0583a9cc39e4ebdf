"""Words of other packages on the pages of a teacher, in the reader's language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eval.golden.feedback import Verdict
from eval.metrics.metric_words import words_for
from eval.monitoring.drift import LEAST_QUESTIONS, Drift, Reference
from rag.types import AnswerKind
from ui.web.language import gettext as _
from ui.web.language import ngettext, noted, number

if TYPE_CHECKING:
    from rag.chat_models.memory_estimate import MemoryEstimate

KINDS = {"retrieval": noted("Retrieval"), "answers": noted("Answers")}
"""The kinds of runs."""
FACTS = {
    "problem": noted("Problem"),
    "kind": noted("Kind"),
    "title": noted("Title"),
    "architecture": noted("Architecture"),
    "parameters": noted("Parameters"),
    "size_bytes": noted("Size"),
    "context_tokens": noted("Context in tokens"),
    "engine": noted("Engine"),
    "license": noted("Licence"),
}
"""The facts about a model."""
_OUTCOMES = {
    AnswerKind.ANSWER: noted("answer"),
    AnswerKind.EXTRACT: noted("extract"),
    AnswerKind.LIST: noted("list"),
    AnswerKind.COUNT: noted("count"),
    AnswerKind.TABLE: noted("table"),
    AnswerKind.CODE: noted("code"),
    AnswerKind.COMPARISON: noted("comparison"),
    AnswerKind.SUMMARY: noted("summary"),
    AnswerKind.OUTLINE: noted("outline"),
    AnswerKind.STUDY: noted("study"),
    AnswerKind.TALK: noted("small talk"),
    AnswerKind.NONE: noted("refused"),
}
_VERDICTS = {
    Verdict.GOOD: noted("good"),
    Verdict.WRONG_ANSWER: noted("wrong answer"),
    Verdict.WRONG_SOURCE: noted("wrong source"),
    Verdict.MISSING: noted("missing"),
    Verdict.SHOULD_HAVE_REFUSED: noted("should have refused"),
}
METRICS = (
    noted("Precision at 5"),
    noted("First passage right"),
    noted("Hit in the first five"),
    noted("MRR"),
    noted("nDCG at 10"),
    noted("Exact match"),
    noted("Contains the reference"),
    noted("Word overlap (F1)"),
    noted("ROUGE-L"),
    noted("chrF"),
    noted("Similarity"),
    noted("Right by words"),
    noted("Wrong by words"),
    noted("Found"),
    noted("Right or rightly refused"),
    noted("Refused"),
    noted("Citation precision"),
    noted("Citation recall"),
    noted("Groundedness"),
    noted("Refused wrongly"),
    noted("Refused rightly"),
    noted("Faithfulness"),
    noted("Answer relevancy"),
    noted("Context precision"),
    noted("Context recall"),
    noted("Factual correctness"),
    noted("Precision by id"),
    noted("Recall by id"),
    noted("Precision by text"),
    noted("Recall by text"),
)
"""The labels of the metrics, for the catalogues.

A test compares them with their source.
"""


def kind_words(kind: str) -> str:
    """Return the kind of a run in words."""
    return _(KINDS[kind]) if kind in KINDS else kind


def outcome(kind: str) -> str:
    """Return the kind of a logged answer in words."""
    return _(_OUTCOMES[AnswerKind(kind)]) if kind in set(AnswerKind) else kind


def verdict_words(verdict: str | None) -> str:
    """Return a person's verdict in words, a dash for none."""
    if not verdict:
        return "–"
    return _(_VERDICTS[Verdict(verdict)]) if verdict in set(Verdict) else verdict


def metric(name: str) -> str:
    """Return the label of a metric."""
    of, _at, depth = name.partition("@")
    if of == "recall" and depth:
        return _("Recall at %(depth)s", depth=depth)
    label = words_for(name).label
    return _(label) if label in METRICS else label


def drift_sentence(drift: Drift) -> str:
    """Return what a comparison of questions says, and what to do about it."""
    pair = (
        _(
            "The last %(n)s questions and the %(others)s golden questions",
            n=number(drift.questions),
            others=number(drift.reference_questions),
        )
        if drift.against is Reference.GOLDEN
        else _(
            "The last %(n)s questions and the %(others)s questions before them",
            n=number(drift.questions),
            others=number(drift.reference_questions),
        )
    )
    if drift.p_value is None:
        return _(
            "%(pair)s are too few to compare; each side needs %(least)s. Look again when more were asked.",
            pair=pair,
            least=number(LEAST_QUESTIONS),
        )
    chance = f"p = {number(drift.p_value, 4)}" if drift.p_value >= 0.0005 else f"p < {number(0.0005, 4)}"
    if not drift.drifted:
        return _(
            "%(pair)s are about the same things, as far as can be seen (%(chance)s).",
            pair=pair,
            chance=chance,
        )
    follow = (
        _(
            "Measurements on the golden set no longer show how these questions are answered: add some of them to it."
        )
        if drift.against is Reference.GOLDEN
        else _("Look at the newest questions: a new topic may need notes, and golden questions of its own.")
    )
    return _("%(pair)s are about different things (%(chance)s).", pair=pair, chance=chance) + " " + follow


def fit_sentence(estimate: MemoryEstimate) -> str:
    """Return whether a model fits into the memory, and what to do where it does not."""
    needed, free = number(estimate.least_bytes / 1e9, 1), number(estimate.available_bytes / 1e9, 1)
    if not estimate.fits:
        smaller = estimate.smaller or _("a smaller model")
        return _(
            "does not fit: it needs %(needed)s GB and %(free)s GB are free on this %(device)s; choose %(smaller)s, a shorter context (model.context_tokens) or a server (openai:MODEL@URL)",
            needed=needed,
            free=free,
            device=estimate.device,
            smaller=smaller,
        )
    fits = _(
        "fits: %(needed)s GB of the %(free)s GB free on this %(device)s",
        needed=needed,
        free=free,
        device=estimate.device,
    )
    if estimate.total_bytes == estimate.least_bytes:
        return fits
    return (
        fits
        + "; "
        + ngettext(
            "%(taken)s GB with %(n)s conversation at once (model.parallel_requests)",
            "%(taken)s GB with %(n)s conversations at once (model.parallel_requests)",
            estimate.conversations,
            taken=number(estimate.total_bytes / 1e9, 1),
        )
    )
