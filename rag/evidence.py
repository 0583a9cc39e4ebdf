"""Whether an answer stands in the passages it names: decided per sentence, in code, without a model.

A model only proposes citations. Here a number that was never shown is dropped, a citation whose passage does not hold the
sentence is moved to the shown passage that does, and a sentence that no shown passage holds is marked so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.prompt import cited_numbers, without_citations
from rag.sentences import sentence_spans
from rag.types import Chunk, Citation, Sentence
from rag.words import content_words, names, numbers, stem

QUOTED_SENTENCES = 3
"""The longest quote: a sentence of an answer seldom draws on more of a passage than that."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """An answer's text with its citations put right, its checked sentences and what they rest on, in order of number."""

    text: str
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]


def check(text: str, passages: Sequence[Chunk], threshold: float) -> Evidence:
    """The evidence for an answer `text` whose `[n]` name `passages` (numbered from 1).

    A sentence is supported when at least `threshold` of its content words stand in the passages it cites, and every number
    and name in it in the part of them closest to it: the right words with another date are not support. A
    sentence that was said before is left out. An answer without sentences has no evidence.
    """
    checked: list[Sentence] = []
    citations: dict[int, Citation] = {}
    pieces: list[str] = []
    said: set[str] = set()
    end = 0
    for start, stop in _sentences_with_citations(text):
        sentence = _check_sentence(text[start:stop], passages, threshold)
        if sentence.text.casefold() in said:
            end = stop
            continue
        said.add(sentence.text.casefold())
        checked.append(sentence)
        pieces += [text[end:start], _numbered(sentence)]
        end = stop
        for n in sentence.citations:
            citations.setdefault(n, cite(n, passages[n - 1], sentence.text))
    return Evidence("".join(pieces), tuple(checked), tuple(citations[n] for n in sorted(citations)))


def cite(n: int, passage: Chunk, sentence: str) -> Citation:
    """The citation of `passage` as number `n`, quoting the part of it that stands closest to `sentence`."""
    start, end = quote_span(sentence, passage.text)
    return Citation(
        n,
        passage.document,
        passage.label,
        passage.start + start,
        passage.start + end,
        passage.text[start:end],
    )


def support(sentence: str, passages: Sequence[str]) -> float:
    """The share in [0, 1] of the sentence's content words that the passages hold; 1 for a sentence without any."""
    words = content_words(sentence)
    held = {word for passage in passages for word in content_words(passage)}
    return sum(word in held for word in words) / len(words) if words else 1.0


def quote_span(sentence: str, passage: str) -> tuple[int, int]:
    """The half-open span of the one to three neighbouring sentences of `passage` closest to `sentence`.

    Closest is the highest F1 between the sets of content words; the shorter, then the earlier span wins a tie. An empty
    passage gives (0, 0).
    """
    wanted = set(content_words(without_citations(sentence)))
    spans = sentence_spans(passage)
    candidates = [
        (spans[first][0], spans[first + length][1])
        for length in range(QUOTED_SENTENCES)
        for first in range(len(spans) - length)
    ]
    if not candidates:
        return (0, len(passage))
    return max(candidates, key=lambda span: _f1(wanted, set(content_words(passage[span[0] : span[1]]))))


def _sentences_with_citations(text: str) -> list[tuple[int, int]]:
    """Spans of sentences, where one that holds nothing but `[n]` is joined to the one before."""
    joined: list[tuple[int, int]] = []
    for start, end in sentence_spans(text):
        if joined and not without_citations(text[start:end]).strip(" .,;"):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _numbered(sentence: Sentence) -> str:
    """The sentence with its citations after it; after a fenced block they stand on a line of their own."""
    if not sentence.citations:
        return sentence.text
    gap = "\n" if sentence.text.endswith("```") else " "
    return sentence.text + gap + "".join(f"[{n}]" for n in sentence.citations)


def _check_sentence(sentence: str, passages: Sequence[Chunk], threshold: float) -> Sentence:
    bare = without_citations(sentence).strip()
    named = tuple(n for n in cited_numbers(sentence) if 1 <= n <= len(passages))
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
    missing = _missing(bare, cited or passages)
    if missing:
        reason = f"the passage does not say {', '.join(sorted(missing))}"
    else:
        reason = "its cited passage does not hold it" if named else "no shown passage holds it"
    return _verdict(bare, named, False, cited or list(passages), reason)


def _verdict(
    bare: str, named: tuple[int, ...], supported: bool, held_by: Sequence[Chunk], reason: str
) -> Sentence:
    return Sentence(
        bare, named, supported, round(support(bare, [_searchable(chunk) for chunk in held_by]), 3), reason
    )


def _holds(sentence: str, passages: Sequence[Chunk], threshold: float) -> bool:
    texts = [_searchable(chunk) for chunk in passages]
    if support(sentence, texts) < threshold:
        return False
    return not _missing(sentence, passages)


def _missing(sentence: str, passages: Sequence[Chunk]) -> set[str]:
    """The numbers and names of a sentence that stand nowhere near the closest sentence of each passage."""
    near = [_near(sentence, chunk) for chunk in passages]
    held = {number for text in near for number in numbers(text)} | {
        word for text in near for word in content_words(text)
    }
    return {
        word for word in numbers(sentence) | names(sentence) if word not in held and stem(word) not in held
    }


def _near(sentence: str, chunk: Chunk) -> str:
    """The closest part of a passage with the headings above it."""
    start, end = quote_span(sentence, chunk.text)
    return " ".join((chunk.title, *chunk.headings, chunk.text[start:end]))


def _score(sentence: str, passage: Chunk) -> tuple[float, float]:
    start, end = quote_span(sentence, passage.text)
    wanted = set(content_words(sentence))
    return (
        support(sentence, [_searchable(passage)]),
        _f1(wanted, set(content_words(passage.text[start:end]))),
    )


def _searchable(chunk: Chunk) -> str:
    """A passage with the title and headings that the model was shown above it."""
    return " ".join((chunk.title, *chunk.headings, chunk.text))


def _f1(wanted: set[str], found: set[str]) -> float:
    common = len(wanted & found)
    return 2 * common / (len(wanted) + len(found)) if common else 0.0
