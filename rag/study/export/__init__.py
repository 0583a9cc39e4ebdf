"""Study items for Anki, Moodle, spreadsheets, Markdown and paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from rag.study.items import Item


class Form(StrEnum):
    """A form in which items leave Lectern."""

    JSON = "json"
    GIFT = "gift"
    MOODLE = "moodle"
    ANKI = "anki"
    CSV = "csv"
    MARKDOWN = "markdown"
    HTML = "html"


SUFFIXES = {
    ".apkg": Form.ANKI, ".gift": Form.GIFT, ".xml": Form.MOODLE, ".csv": Form.CSV, ".md": Form.MARKDOWN,
    ".html": Form.HTML, ".json": Form.JSON, ".jsonl": Form.JSON,
}  # fmt: skip
"""The form that the suffix of a file name selects where none is given."""


def exported(form: Form, items: Sequence[Item], title: str, approved: frozenset[str] = frozenset()) -> bytes:
    """Return items in a form other than JSON, as the content of a file.

    `title` names the quiz or the deck; `approved` are the ids that a table marks as approved.
    """
    from rag.study.export.anki import anki_package
    from rag.study.export.gift import gift_text
    from rag.study.export.markdown import markdown_text
    from rag.study.export.moodle import moodle_xml
    from rag.study.export.printable import printable_html
    from rag.study.export.spreadsheet import csv_text

    writers: dict[Form, Callable[[Sequence[Item], str], str | bytes]] = {
        Form.GIFT: gift_text,
        Form.MOODLE: moodle_xml,
        Form.ANKI: anki_package,
        Form.CSV: lambda items, title: csv_text(items, title, approved),
        Form.MARKDOWN: markdown_text,
        Form.HTML: printable_html,
    }
    made = writers[form](items, title)
    return made if isinstance(made, bytes) else made.encode("utf-8")
