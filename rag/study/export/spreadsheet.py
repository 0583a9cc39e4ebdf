"""Items as CSV for a spreadsheet, and back after they were edited there."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.errors import DatasetError
from rag.study.items import Item, ItemKind

CHOICE_COLUMNS = ("choice_1", "choice_2", "choice_3", "choice_4")
COLUMNS = (
    "id", "kind", "topic", "question", *CHOICE_COLUMNS, "answer", "other_spellings", "unit", "explanation", "approved",
    "document", "locator", "quote",
)  # fmt: skip
_YES = frozenset(("yes", "y", "true", "1", "x", "ja", "sí", "si", "oui"))
_NO = frozenset(("", "no", "n", "false", "0", "nein", "non"))


@dataclass(frozen=True, slots=True)
class EditedRow:
    """A row of an edited file: its line and the columns that may change."""

    line: int
    id: str
    question: str
    choices: tuple[str, ...]
    answer: str
    answers: tuple[str, ...]
    explanation: str
    approved: bool

    def applied(self, item: Item) -> Item:
        """Return the item with the row's changes."""
        kind = ItemKind.CHOICE if self.choices else item.kind
        return replace(
            item,
            question=self.question,
            choices=self.choices,
            answer=self.answer,
            answers=tuple(dict.fromkeys((self.answer, *self.answers))),
            explanation=self.explanation,
            kind=ItemKind.SHORT if kind is ItemKind.CHOICE and not self.choices else kind,
        )


def csv_text(items: Sequence[Item], title: str = "", approved: frozenset[str] = frozenset()) -> str:
    """Return the items as CSV with a head, marked as UTF-8 for spreadsheets. `title` is not written."""
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(COLUMNS)
    for item in items:
        choices = [*item.choices, *[""] * len(CHOICE_COLUMNS)][: len(CHOICE_COLUMNS)]
        others = "; ".join(answer for answer in item.answers if answer != item.answer)
        citation = item.citation
        table.writerow(
            [
                item.id,
                item.kind,
                item.topic,
                item.question,
                *choices,
                item.answer,
                others,
                item.unit,
                item.explanation,
                "yes" if item.id in approved else "",
                citation.document,
                citation.locator,
                citation.quote,
            ]
        )
    return "\ufeff" + written.getvalue()


def read_csv(text: str) -> list[EditedRow]:
    """Return the rows of an edited file.

    Raises:
        DatasetError: a column is missing, or a row has no question, no key, or a key that is no choice.
    """
    text = text.lstrip("\ufeff")
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)  # spreadsheets of some countries write semicolons
    table = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    missing = [name for name in ("id", "question", "answer") if name not in (table.fieldnames or ())]
    if missing:
        raise DatasetError(
            f"The file has no column {missing[0]!r}; expected those that `lectern study quiz --format csv` writes."
        )
    return [_row(table.line_num, row) for row in table]


def _row(line: int, row: dict[str, str | None]) -> EditedRow:
    def cell(name: str) -> str:
        return (row.get(name) or "").strip()

    choices = tuple(dict.fromkeys(choice for name in CHOICE_COLUMNS if (choice := cell(name))))
    if not cell("id") or not cell("question") or not cell("answer"):
        raise DatasetError(f"Line {line} has no id, question or answer; each row needs all three.")
    if choices and cell("answer") not in choices:
        raise DatasetError(
            f"Line {line}: the answer {cell('answer')!r} is none of its choices; copy it from one of them."
        )
    approved = cell("approved").casefold()
    if approved not in _YES | _NO:
        raise DatasetError(f"Line {line}: approved is {cell('approved')!r}; expected yes or nothing.")
    others = tuple(one.strip() for one in cell("other_spellings").split(";") if one.strip())
    return EditedRow(
        line,
        cell("id"),
        cell("question"),
        choices,
        cell("answer"),
        others,
        cell("explanation"),
        approved in _YES,
    )
