"""The check of an answer's sentences against the passages that they cite.

It is decided in code, without a model: a model only proposes citations. A number of no shown passage is
dropped. A citation whose passage does not support the sentence is moved to the shown passage that does. A
sentence that no shown passage supports is kept and marked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.answer.attribution import Locate, Located
from rag.answer.sentence_support import (
    f1,
    is_denied,
    missing_facts,
    other_formulas,
    quote_span,
    searchable,
    support,
    words_of,
)
from rag.prompt import cited_numbers, without_citations
from rag.text.notation import plain_notation
from rag.text.sentences import sentence_spans
from rag.text.words import content_words
from rag.types import Chunk, Citation, Sentence

_PIECE = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Evidence:
    """An answer's text with corrected citations, its checked sentences and citations.

    `citations` are in order of number, one for each passage cited.
    """

    text: str
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]


def check(text: str, passages: Sequence[Chunk], threshold: float, locate: Locate | None = None) -> Evidence:
    """Return the evidence for an answer's `text`, whose `[n]` cite `passages`.

    A sentence that a passage has word for word is supported. Any other sentence is supported where at least
    `threshold` (a share in [0, 1]) of its content words are in the passages it cites, and every number and
    name in it is in the part of them closest to it: the right words with another date are no support. A
    sentence that repeats an earlier one is left out. A text without sentences has no evidence. `locate`
    returns the statement that supports a sentence in other words (`rag.answer.attribution`); it is asked where
    words alone find no support.
    """
    checked: list[Sentence] = []
    citations: dict[int, Citation] = {}
    pieces: list[str] = []
    said: set[str] = set()
    end = 0
    for start, stop in _sentences_with_citations(text):
        sentence = _check_sentence(text[start:stop], passages, threshold)
        place = _located(sentence, passages, locate)
        if place is not None:
            reason = "citation added: a statement near it has its facts"
            sentence = replace(sentence, citations=(place.n,), supported=True, reason=reason)
        if sentence.text.casefold() in said:
            end = stop
            continue
        said.add(sentence.text.casefold())
        checked.append(sentence)
        pieces += [text[end:start], _numbered(sentence)]
        end = stop
        for n in sentence.citations:
            quoted = passages[n - 1].text[place.start : place.end] if place is not None else sentence.text
            citations.setdefault(n, cite(n, passages[n - 1], quoted))
    return Evidence("".join(pieces), tuple(checked), tuple(citations[n] for n in sorted(citations)))


def cite(n: int, passage: Chunk, sentence: str) -> Citation:
    """Return citation `n`: it quotes the part of `passage` closest to `sentence`."""
    start, end = quote_span(sentence, passage.text)
    return Citation(
        n,
        passage.document,
        passage.label,
        passage.start + start,
        passage.start + end,
        passage.text[start:end],
    )


def _sentences_with_citations(text: str) -> list[tuple[int, int]]:
    """Return the spans of sentences; a lone `[n]` belongs to the sentence before."""
    joined: list[tuple[int, int]] = []
    for start, end in sentence_spans(text):
        if joined and not without_citations(text[start:end]).strip(" .,;"):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _numbered(sentence: Sentence) -> str:
    """Return the sentence and its citations; after fenced code on a new line."""
    if not sentence.citations:
        return sentence.text
    gap = "\n" if sentence.text.endswith("```") else " "
    return sentence.text + gap + "".join(f"[{n}]" for n in sentence.citations)


def _located(sentence: Sentence, passages: Sequence[Chunk], locate: Locate | None) -> Located | None:
    """Return the statement that supports a sentence; None if its words do already."""
    if locate is None or sentence.supported or is_denied(sentence.text, passages):
        return None
    if other_formulas(sentence.text, passages):
        return None
    return locate(sentence.text)


def _check_sentence(sentence: str, passages: Sequence[Chunk], threshold: float) -> Sentence:
    bare = without_citations(sentence).strip()
    named = tuple(n for n in cited_numbers(sentence) if 1 <= n <= len(passages))
    quoted = _quoted_from(bare, passages, named)
    if quoted is not None:
        moved = bool(named) and quoted not in named
        reason = "cited passage corrected: quoted from another" if moved else "quoted from its passage"
        return Sentence(bare, (quoted,), True, 1.0, reason, quoted=True)
    cited = [passages[n - 1] for n in named]
    if cited and _holds(bare, cited, threshold):
        return _verdict(
            bare,
            named,
            True,
            cited,
            "its cited passage holds it" if len(named) == 1 else "its cited passages hold it",
        )
    best = max(range(len(passages)), key=lambda i: _score(bare, passages[i]), default=None)
    if best is not None and content_words(bare) and _holds(bare, [passages[best]], threshold):
        reason = (
            "cited passage corrected: another shown passage holds it"
            if named
            else "citation added: this passage holds it"
        )
        return _verdict(bare, (best + 1,), True, [passages[best]], reason)
    missing = missing_facts(bare, cited or passages)
    if is_denied(bare, cited or passages):
        reason = "the passage says the opposite"
    elif missing:
        reason = f"the passage does not say {', '.join(sorted(missing))}"
    else:
        reason = "its cited passage does not hold it" if named else "no shown passage holds it"
    return _verdict(bare, named, False, cited or list(passages), reason)


def _verdict(
    bare: str, named: tuple[int, ...], supported: bool, held_by: Sequence[Chunk], reason: str
) -> Sentence:
    return Sentence(
        bare, named, supported, round(support(bare, [searchable(chunk) for chunk in held_by]), 3), reason
    )


def _holds(sentence: str, passages: Sequence[Chunk], threshold: float) -> bool:
    texts = [searchable(chunk) for chunk in passages]
    if support(sentence, texts) < threshold:
        return False
    return not missing_facts(sentence, passages) and not is_denied(sentence, passages)


def _quoted_from(sentence: str, passages: Sequence[Chunk], named: Sequence[int]) -> int | None:
    """Return the number of a passage that has the sentence word for word.

    Passages that the sentence cites (`named`) come first. None where no passage has it.
    """
    plain = _folded(sentence)
    if not content_words(plain):
        return None
    order = [*named, *(n for n in range(1, len(passages) + 1) if n not in named)]
    return next((n for n in order if f" {plain} " in f" {_folded(passages[n - 1].text)} "), None)


def _folded(text: str) -> str:
    """Return the words and signs of a text, one space apart, to compare word for word.

    Citations, asterisks, line breaks and case are removed.
    """
    plain = plain_notation(without_citations(text)).replace("*", " ")
    return " ".join(_PIECE.findall(plain.casefold()))


def _score(sentence: str, passage: Chunk) -> tuple[float, float]:
    start, end = quote_span(sentence, passage.text)
    return (
        support(sentence, [searchable(passage)]),
        f1(set(words_of(sentence)), set(words_of(passage.text[start:end]))),
    )
