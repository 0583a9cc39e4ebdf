"""Lines of an answer as a draft with numbered passages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rag.answer.found import Draft
from rag.answer.notes import Notes
from rag.prompt import without_citations
from rag.types import AnswerKind, Chunk, Citation, Conflict, Hit, Sentence

_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_MARK = re.compile(r"^(?:[-*+•–]\s+)+")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an answer: `text` as shown, and its span of the document.

    `head` is text before the line that cites nothing: the name of a side, a heading.
    """

    text: str
    document: str
    start: int
    end: int
    head: str = ""
    bullet: bool = True
    indent: int = 0


def cited_draft(
    kind: AnswerKind, lines: Sequence[Line], notes: Notes, lead: str = "", probability: float | None = None
) -> Draft:
    """Return the lines as a list under `lead`, each with the number of its passage."""
    passages: dict[str, tuple[int, Chunk]] = {}
    sentences, citations, shown = [], [], []
    for line in lines:
        chunk = notes.passage(line.document, line.start, line.end)
        n, _ = passages.setdefault(chunk.id, (len(passages) + 1, chunk))
        source = notes.document(line.document).text[line.start : line.end]
        quoted = any(_flat(line.text) in _flat(one) for one in (source, _TAG.sub(" ", source)))
        reason = "quoted from its passage" if quoted else "made of the words of its passage"
        sentences.append(Sentence(line.text, (n,), True, 1.0, reason, quoted))
        citations.append(Citation(n, line.document, chunk.label, line.start, line.end, source))
        shown.append(_shown(line, n))
    text = "\n".join(([f"{lead}\n"] if lead else []) + shown).strip()
    hits = tuple(Hit(chunk, 1.0) for _, chunk in passages.values())
    return Draft(kind, text, tuple(sentences), tuple(citations), hits, probability)


def plain(text: str) -> str:
    """Return a line of notes without link targets, images and marks of lists."""
    text = _LINK.sub(r"\1", _IMAGE.sub("", without_tags(text)))
    return " ".join(without_citations(text).split())


def without_mark(text: str) -> str:
    """Return an item of a list without its mark; bold text at its start stays whole."""
    return _MARK.sub("", text)


def without_tags(text: str) -> str:
    """Return text without HTML's tags."""
    return _TAG.sub("", text) if "<" in text else text


def joined(drafts: Iterable[Draft], kind: AnswerKind) -> Draft:
    """Return several drafts one under the other, their passages numbered through."""
    texts: list[str] = []
    sentences: list[Sentence] = []
    citations: list[Citation] = []
    passages: list[Hit] = []
    conflicts: list[Conflict] = []
    for draft in drafts:
        shift = len(passages)
        texts.append(_shifted(draft.text, shift))
        sentences += [
            Sentence(
                one.text,
                tuple(n + shift for n in one.citations),
                one.supported,
                one.support,
                one.reason,
                one.quoted,
            )
            for one in draft.sentences
        ]
        citations += [
            Citation(one.n + shift, one.document, one.locator, one.start, one.end, one.quote)
            for one in draft.citations
        ]
        conflicts += [
            Conflict((one.citations[0] + shift, one.citations[1] + shift)) for one in draft.conflicts
        ]
        passages += draft.passages
    return Draft(
        kind,
        "\n\n".join(texts),
        tuple(sentences),
        tuple(citations),
        tuple(passages),
        conflicts=tuple(conflicts),
    )


def _shifted(text: str, shift: int) -> str:
    """A text with its citations renumbered; what is inside code keeps its brackets."""
    parts = re.split(r"(```.*?```)", text, flags=re.DOTALL)
    return "".join(
        part if part.startswith("```") else re.sub(r"\[(\d{1,3})\]", lambda m: f"[{int(m[1]) + shift}]", part)
        for part in parts
    )


def _shown(line: Line, n: int) -> str:
    head = f"{line.head}\n" if line.head else ""
    if line.text.startswith("```"):
        return f"{head}{line.text}\n[{n}]\n"
    return f"{head}{'  ' * line.indent}- {line.text} [{n}]" if line.bullet else f"{head}{line.text} [{n}]"


def _flat(text: str) -> str:
    return " ".join(text.split())
