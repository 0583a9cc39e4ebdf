"""An answer as JSON and as text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rag.answer.texts import UNCONFIRMED_LEAD
from rag.note_warnings import warning_record
from rag.types import Answer, AnswerKind, Citation, Hit, Sentence
from ui.answer_marks import (
    EXTRACT_TITLE,
    SentenceMark,
    how_near,
    likelihood,
    nearest_lines,
    placed_sentences,
    quotes_by_passage,
    sentence_mark,
    unconfirmed_text,
    unmarked,
)
from ui.console import plain
from ui.omissions import omission_text
from ui.unread_content import unread_lines

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text


def hit_record(hit: Hit) -> dict[str, Any]:
    """Return a hit in the form of the interface."""
    chunk = hit.chunk
    return {
        "document": chunk.document,
        "locator": chunk.label,
        "start": chunk.start,
        "end": chunk.end,
        "score": hit.score,
        "text": chunk.text,
        "chunk": chunk.id,
        "why": plain(hit.why),
    }


def answer_record(identifier: str, answer: Answer) -> dict[str, Any]:
    """Return an answer in the form of the interface."""
    return {
        "id": identifier,
        "question": answer.question,
        "standalone_question": answer.standalone_question,
        "answer": answer.text,
        "abstained": answer.abstained,
        "sentences": plain(answer.sentences),
        "citations": plain(answer.citations),
        "hits": [hit_record(hit) for hit in answer.hits],
        "timings": plain(answer.timings),
        "receipt": plain(answer.receipt),
        "left_out": [omission_text(omission) for omission in answer.omissions],
        "kind": answer.kind.value,
        "answers_question": answer.answers_question,
        "conflicts": plain(answer.conflicts),
        "unread": [
            {"document": one.document, **warning_record(warning)}
            for one in answer.unread
            for warning in one.warnings
        ],
        "scope": plain(answer.scope),
        "details": plain(answer.details),
    }


def answer_panel(answer: Answer) -> RenderableType:
    """Return the answer with its marks, passages and cost, for a terminal."""
    from rich.console import Group
    from rich.text import Text

    match answer.kind:
        case AnswerKind.TALK | AnswerKind.STUDY:
            return Text(answer.text, style="bold")
        case _ if answer.abstained:
            parts = _refusal_lines(answer)
        case AnswerKind.EXTRACT if answer.citations:
            parts = _extract_lines(answer)
        case _:
            parts = _answer_lines(answer)
    return Group(*parts, *_notices(answer), Text(), Text(_cost(answer), style="dim"))


def _answer_lines(answer: Answer) -> list[RenderableType]:
    """The text with a mark behind each sentence, then the passages it cites."""
    from rich.text import Text

    cited: dict[tuple[int, str], Citation] = {(c.n, c.quote): c for c in answer.citations}
    passages = [_passage(f"[{c.n}] ", c.locator, c.quote) for c in cited.values()]
    return [_marked_text(answer), Text(), *passages, *([Text()] if passages else [])]


def _marked_text(answer: Answer) -> Text:
    from rich.text import Text

    text = unmarked(answer)
    placed = placed_sentences(text, answer.sentences)
    if placed is None:
        return Text(answer.text, style="bold")
    marked, at = Text(), 0
    for start, sentence in placed:
        end = start + len(sentence.text)
        marked.append(text[at:end], "bold")
        if any(map(str.isalnum, sentence.text)):
            gap = "\n" if sentence.text.endswith("```") else " "
            marked.append(f"{gap}({_mark_words(sentence)})", _mark_style(sentence))
        at = end
    return marked.append(text[at:], "bold")


def _mark_words(sentence: Sentence) -> str:
    mark = sentence_mark(sentence)
    numbers = "".join(f"[{n}]" for n in sentence.citations)
    return mark.value if mark is SentenceMark.NOT_FOUND else f"{mark} {numbers}"


def _mark_style(sentence: Sentence) -> str:
    return "yellow" if sentence_mark(sentence) is SentenceMark.NOT_FOUND else "dim"


def _extract_lines(answer: Answer) -> list[RenderableType]:
    """The title of an extract, its quotes by passage, and what a model added."""
    from rich.text import Text

    quotes = [
        _quote(f"[{each.n}] {each.locator}", [sentence.text for sentence, _ in each.quotes])
        for each in quotes_by_passage(answer)
    ]
    written = unconfirmed_text(answer)
    below = [Text(UNCONFIRMED_LEAD, style="yellow"), Text(), Text(written), Text()] if written else []
    return [Text(EXTRACT_TITLE, style="bold underline"), Text(), *quotes, *below]


def _refusal_lines(answer: Answer) -> list[RenderableType]:
    """The refusal, how near the notes come, and the nearest lines."""
    from rich.text import Text

    parts: list[RenderableType] = [Text(answer.text, style="bold"), Text(how_near(answer), style="dim")]
    if answer.hits:
        parts += [Text(), Text("Nearest in your notes:", style="bold underline"), Text()]
    return parts + [
        _quote(f"[{n}] {hit.chunk.label}", [line])
        for n, (hit, line) in enumerate(nearest_lines(answer.hits), 1)
    ]


def _quote(head: str, texts: list[str]) -> RenderableType:
    """Quotes of one passage below its place, a bar before each line."""
    from rich.text import Text

    lines = [line for text in texts for line in text.splitlines()]
    return Text.assemble((head, "cyan"), *(("\n  │ " + line, "") for line in lines), "\n")


def _notices(answer: Answer) -> list[RenderableType]:
    """Lines on doubt, disagreement, sentences not found, and what was left out."""
    from rich.text import Text

    lines = [
        f"Your notes disagree: [{one}] and [{other}]"
        for one, other in (conflict.citations for conflict in answer.conflicts)
    ]
    lines += [
        f"Not found in the passages: {s.text} ({s.reason})"
        for s in answer.sentences
        if sentence_mark(s) is SentenceMark.NOT_FOUND
    ]
    lines += [f"Left out: {omission}" for omission in map(omission_text, answer.omissions)]
    lines += [f"Not read: {line}" for line in unread_lines(answer)]
    word = likelihood(answer)
    doubt = [Text(f"Answers the question: {word} ({answer.answers_question:.2f})")] if word else []
    return [*doubt, *(Text(line, style="yellow") for line in lines)]


def _passage(mark: str, locator: str, text: str) -> RenderableType:
    from rich.padding import Padding
    from rich.text import Text

    short = " ".join(text.split())
    if len(short) > 240:
        short = short[:240].rsplit(" ", 1)[0] + " ..."
    return Padding(Text.assemble((mark + locator, "cyan"), "\n", (short, "dim")), (0, 0, 0, 2))


def _cost(answer: Answer) -> str:
    timings = answer.timings
    first = (
        f", first word after {timings.first_token_seconds:.1f} s"
        if timings.first_token_seconds is not None
        else ""
    )
    return (
        f"{timings.total_seconds:.1f} s (search and reading {timings.retrieve_seconds:.2f} s{first}; "
        f"{timings.prompt_tokens} + {timings.answer_tokens} tokens)"
    )
