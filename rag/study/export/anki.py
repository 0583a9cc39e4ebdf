"""Anki packages (`.apkg`), written by genanki.

A note's GUID comes from its item's id, so a second import updates the notes of the first and keeps their
schedule.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from rag.study.export.markup import html_for_moodle, source_line
from rag.study.grading import lettered
from rag.study.items import Item

MODEL_ID = 1_742_938_615
"""The id of the note type. It must stay, or an update becomes a second note type."""
FIELDS = ("Question", "Choices", "Answer", "Explanation", "Source", "Id")
_FRONT = "{{Question}}{{#Choices}}<div class=choices>{{Choices}}</div>{{/Choices}}"
_BACK = "{{FrontSide}}<hr id=answer><b>{{Answer}}</b><div class=why>{{Explanation}}</div><div class=source>{{Source}}</div>"
_STYLE = (
    ".card { font-family: sans-serif; font-size: 19px; text-align: left; max-width: 40em; margin: auto; } "
    ".choices { margin-top: .7em; } .why { margin-top: .7em; } .source { color: #777; font-size: .8em; margin-top: .7em; } "
    "pre { text-align: left; white-space: pre-wrap; }"
)


def anki_package(items: Sequence[Item], title: str) -> bytes:
    """Return the items as an Anki package with one deck, called `title`."""
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # genanki takes a formula's `<` for broken HTML; the fields are escaped here
        import genanki

        model = genanki.Model(
            MODEL_ID,
            "Lectern question",
            fields=[{"name": name} for name in FIELDS],
            templates=[{"name": "Question", "qfmt": _FRONT, "afmt": _BACK}],
            css=_STYLE,
        )
        deck = genanki.Deck(_deck_id(title), title)
        for item in items:
            deck.add_note(
                genanki.Note(
                    model=model,
                    fields=_fields(item),
                    guid=genanki.guid_for("lectern", item.id),
                    tags=_tags(item),
                )
            )
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "deck.apkg"
            genanki.Package(deck).write_to_file(str(file))
            return file.read_bytes()


def _fields(item: Item) -> list[str]:
    choices = "<br>".join(f"{letter}) {html_for_moodle(choice)}" for letter, choice in lettered(item.choices))
    answer = html_for_moodle(f"{item.answer} {item.unit}".strip())
    if "\n" in item.answer:
        answer = f"<pre>{answer}</pre>"
    shown: list[Any] = [item.question, choices, answer, item.explanation, source_line(item), item.id]
    return [text if place in (1, 2) else html_for_moodle(text) for place, text in enumerate(shown)]


def _tags(item: Item) -> list[str]:
    return ["lectern", item.topic.value, *("_".join(name.split()) for name in item.section[:1])]


def _deck_id(title: str) -> int:
    """Return a deck id of 31 bits that depends on the title alone."""
    return int.from_bytes(blake2b(title.encode(), digest_size=4).digest(), "big") >> 1 | 1
