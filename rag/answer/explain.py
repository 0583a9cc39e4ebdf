"""Explanations: the statements of the best section on a topic."""

from __future__ import annotations

from rag.answer.asked import Asked
from rag.answer.cited_lines import Line, cited_draft
from rag.answer.found import Draft
from rag.answer.matching import asked_stems, coverage, stems, weights
from rag.answer.readable import is_array
from rag.answer.scored_statements import section_statements
from rag.answer.specifics import abbreviations, about_others
from rag.answer.statements import Statement
from rag.answer.texts import EXTRACT_LEAD
from rag.types import AnswerKind, Chunk, Hit, Tier

MOST_WORDS = 140
LEAST_COVERAGE = 0.5


def explain_draft(asked: Asked) -> Draft | None:
    """Return the best statements of the section on the topic, in reading order.

    A section whose heading names the topic is preferred to a passage that mentions it.
    """
    if asked.decision.tier is Tier.NONE or not asked.hits:
        return None
    best = _best_hit(asked)
    if best is None:
        return None
    ranked = section_statements(asked.notes, asked.question, best.chunk)
    texts = [chunk.text[one.first : one.last] for _, chunk, one in ranked]
    others = about_others(texts, abbreviations(asked.question))
    ranked = [
        one
        for one, text, other in zip(ranked, texts, others, strict=True)
        if not other and not is_array(text)
    ]
    chosen: list[tuple[float, Chunk, Statement]] = []
    words = 0
    for score, chunk, one in sorted(ranked, key=lambda one: -one[0]):
        words += len(chunk.text[one.first : one.last].split())
        if chosen and words > MOST_WORDS:
            break
        chosen.append((score, chunk, one))
    chosen.sort(key=lambda one: (one[1].start, one[2].start))
    lines = _lines(chosen)
    if not lines:
        return None
    sure = asked.decision.tier is Tier.ANSWER
    kind = AnswerKind.ANSWER if sure else AnswerKind.EXTRACT
    return cited_draft(kind, lines, asked.notes, "" if sure else EXTRACT_LEAD, max(one[0] for one in chosen))


def _best_hit(asked: Asked) -> Hit | None:
    """The hit with the highest evidence score, a heading on the topic counted with it."""
    texts = [set(stems(hit.chunk.text)) for hit in asked.hits]
    weight = weights(asked_stems(asked.question), texts)
    if not weight:
        return None

    def value(pair: tuple[int, Hit]) -> float:
        place, hit = pair
        heading = coverage(weight, set(stems(" ".join(hit.chunk.headings[-1:]))))
        answers = asked.scores[place].answers if place < len(asked.scores) else 0.0
        return answers + 0.5 * heading + 0.3 * coverage(weight, texts[place])

    place, best = max(enumerate(asked.hits), key=value)
    return (
        best
        if coverage(weight, texts[place] | set(stems(" ".join(best.chunk.headings)))) >= LEAST_COVERAGE
        else None
    )


def _lines(chosen: list[tuple[float, Chunk, Statement]]) -> list[Line]:
    lines: list[Line] = []
    for _, chunk, one in chosen:
        start, end = chunk.start + one.first, chunk.start + one.last
        if lines and lines[-1].document == chunk.document and start < lines[-1].end:
            continue
        raw = chunk.text[one.first : one.last]
        text = raw if "```" in raw or "$$" in raw or "\n-" in raw else " ".join(raw.split())
        lines.append(Line(text, chunk.document, start, end, bullet=False))
    return lines
