"""Golden questions typed in, or made from saved or judged answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from pydantic import ValidationError

from eval.golden.feedback import golden_from_answer, parse_verdict
from eval.golden.gold_match import find_text, resolve_document
from eval.golden.golden_file import GoldenQuestion, GoldSpan, append_golden, question_id, read_golden
from rag.errors import DatasetError, InputError
from rag.json_text import parse_json
from ui.console import log_console, print_result

if TYPE_CHECKING:
    from ui.application import Application


def gold_spans(application: Application, document: str | None, text: str | None) -> list[GoldSpan]:
    """Return the span of `text` in a document of the library, as a list of one.

    It is empty when neither is given.

    Raises:
        InputError: there is no such document, or the text is not in it exactly once.
    """
    if document is None and text is None:
        return []
    if document is None or not (text or "").strip():
        raise typer.BadParameter("--document and --text belong together")
    path = resolve_document(document, [known.path for known in application.library.documents()])
    if path is None:
        raise InputError(
            f"The library has no one document {document!r}. `lectern documents list` shows what it has."
        )
    content = application.library.document(path).text
    found = find_text(text or "", content)
    if len(found) != 1:
        raise InputError(
            f"The text is {len(found)} times in {path}, expected once. Give the exact words, and enough of them."
        )
    start, end = found[0]
    return [GoldSpan(document=path, start=start, end=end, text=content[start:end])]


def question_from_words(
    question: str,
    answer: str | None,
    spans: list[GoldSpan],
    unanswerable: bool,
    tags: list[str],
    identifier: str | None,
) -> GoldenQuestion:
    """Return the question from the values that a person typed.

    Raises:
        InputError: there is neither an answer nor a place, and it is not marked unanswerable.
    """
    try:
        return GoldenQuestion(
            id=identifier or question_id(question),
            question=question,
            answer=answer,
            gold=tuple(spans),
            unanswerable=unanswerable,
            tags=tuple(tags),
        )
    except ValidationError as exc:
        reason = exc.errors()[0]["msg"].removeprefix("Value error, ")
        raise InputError(
            f"{reason[:1].upper()}{reason[1:]}: --answer, --document with --text, or --unanswerable."
        ) from exc


def read_answer(path: Path) -> dict[str, Any]:
    """Return an answer that `lectern ask --json` printed.

    Raises:
        DatasetError: the file is missing or has another content.
    """
    try:
        answer = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise DatasetError(
            f"{path} is not an answer ({exc}). Save one with `lectern ask ... --json > {path}`."
        ) from exc
    if not isinstance(answer, dict) or "question" not in answer:
        raise DatasetError(
            f"{path} is not an answer: it has no `question`. Save one with `lectern ask ... --json > {path}`."
        )
    return answer


def add_from_feedback(application: Application, file: Path) -> None:
    """Add every judged answer that has what a golden question needs; report the rest."""
    known = {question.id for question in read_golden(file)} if file.exists() else set()
    added = 0
    for feedback in application.library.feedback():
        try:
            answer = {**parse_json(feedback.answer_json), "question": feedback.question}
            made = golden_from_answer(answer, parse_verdict(feedback.verdict), right_answer=feedback.note)
        except InputError as exc:
            log_console().print(f"Left out: {exc}", style="yellow")
            continue
        if made.id not in known:
            append_golden(file, made)
            known.add(made.id)
            added += 1
    print_result(f"Added {added} questions to {file}.")
