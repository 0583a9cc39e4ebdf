"""Moodle's GIFT format.

Source: docs.moodle.org, "GIFT format": the signs ~ = # { } : and the backslash are escaped by a backslash, a
blank line ends a question.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.study.export.markup import html_for_moodle, source_line
from rag.study.items import Item, ItemKind, Topic
from rag.study.numbers import value_of

_SPECIAL = re.compile(r"([~=#{}:])")


def gift_text(items: Sequence[Item], title: str) -> str:
    """Return the items as a GIFT file whose category is `title`."""
    return "\n\n".join([f"$CATEGORY: {_line(title)}", *map(_question, items)]) + "\n"


def _question(item: Item) -> str:
    head = [
        f"// [id:{item.id}] source: {_line(source_line(item))}",
        f"::{escaped(item.place)} {item.id[:6]}::[html]{escaped(html_for_moodle(item.question))} {{",
    ]
    feedback = f"####{escaped(html_for_moodle(f'{item.explanation} ({source_line(item)})'))}"
    return "\n".join([*head, *_answers(item), feedback, "}"])


def _answers(item: Item) -> list[str]:
    if item.choices:
        return [
            f"{'=' if choice == item.answer else '~'}{escaped(html_for_moodle(choice))}"
            for choice in item.choices
        ]
    value = value_of(item.answer)
    if value is not None:
        return [f"#{value}:{abs(value) / 100:f}"]
    if item.kind is ItemKind.CODE or item.topic is Topic.FORMULA:
        return []  # an essay, because a short answer has no lines and no two spellings of a formula are the same
    return [f"={escaped(answer)}" for answer in dict.fromkeys((item.answer, *item.answers))]


def escaped(text: str) -> str:
    r"""Return text on one line with GIFT's own signs escaped; a line break is `\n`."""
    return _SPECIAL.sub(r"\\\1", text.replace("\\", "\\\\")).replace("\n", "\\n")


def _line(text: str) -> str:
    return " ".join(text.split())
