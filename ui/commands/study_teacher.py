"""`lectern study items|approve|edit|import`: a teacher's work on the items."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ui.options import ConfigOption, JsonOption, LibraryOption, ScopeOption

if TYPE_CHECKING:
    from rich.table import Table

    from rag.study.items import Item
    from rag.study.store import Kept

IdsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID...", help="Ids of items; eight digits are enough.", show_default=False),
]

COLUMN_GAP, NARROWEST = 2, 10
"""Characters between two columns of a table, and the fewest of a cut one."""


def register(study: typer.Typer) -> None:
    """Add the verbs."""
    study.command("items")(items)
    study.command("approve")(approve)
    study.command("edit")(edit)
    study.command("import")(import_csv)


def items(
    scope: ScopeOption = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the items that were made, with id, kind, state and question."""
    from rag.search.scope import records_inside
    from rag.study.item_json import item_record
    from ui.application import Application, load
    from ui.console import print_result, result_console, to_json
    from ui.study.making import open_deck, parsed_scope

    deck = open_deck(Application(load(library, config)))
    chosen = parsed_scope(scope or [])
    inside = {record.path for record in records_inside(deck.notes.library, chosen)}
    kept = [one for one in deck.store.kept() if not chosen or one.item.citation.document in inside]
    if as_json:
        for one in kept:
            state = {"approved": one.approved, "edited": one.edited, "reported": one.reported}
            print_result(to_json(item_record(one.item) | state))
        return
    rows = [(one.item.id[:8], one.item.topic.value, _state(one), one.item) for one in kept]
    table = _items_table(rows, result_console().width)
    result_console().print(table)
    print_result(f"{len(kept)} items, {sum(one.approved for one in kept)} approved.")


def _items_table(rows: Sequence[tuple[str, str, str, Item]], width: int) -> Table:
    """Return the table of items: id, kind, state, question and key.

    On a narrow screen questions and keys are cut and the ids are not: other verbs ask for them.
    """
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    left = width
    for place, name in enumerate(("id", "kind", "state")):
        table.add_column(name, no_wrap=True)
        left -= max(len(name), *(len(str(row[place])) for row in rows), 0) + COLUMN_GAP
    key = max(NARROWEST, left // 3)
    for name, most in (("question", left - key - COLUMN_GAP), ("key", key)):
        table.add_column(name, no_wrap=True, overflow="ellipsis", max_width=max(NARROWEST, most))
    for identity, kind, state, item in rows:
        texts = (" ".join(text.split()) for text in (item.question, item.answer))
        table.add_row(identity, kind, state, *texts)
    return table


def approve(
    ids: IdsArgument = None,
    every: Annotated[bool, typer.Option("--all", help="Approve every item that nobody removed.")] = False,
    revoke: Annotated[bool, typer.Option("--revoke", help="Take the approval back.")] = False,
    library: LibraryOption = None,
    config: ConfigOption = None,
) -> None:
    """Approve items, so that exports and golden sets can be limited to them."""
    from ui.application import Application, load
    from ui.console import print_result
    from ui.study.making import open_deck

    if not ids and not every:
        raise typer.BadParameter("give one id or more, or --all")
    deck = open_deck(Application(load(library, config)))
    chosen = [deck.store.item(identity).item.id for identity in ids or ()]
    if every:
        chosen = [one.item.id for one in deck.store.kept()]
    number = deck.store.approve(chosen, not revoke)
    print_result(f"{number} items {'no longer ' if revoke else ''}approved.")


def edit(
    identity: Annotated[str, typer.Argument(metavar="ID", help="An item's id; eight digits are enough.")],
    question: Annotated[
        str | None, typer.Option("--question", help="The new question.", show_default=False)
    ] = None,
    answer: Annotated[str | None, typer.Option("--answer", help="The new key.", show_default=False)] = None,
    explanation: Annotated[
        str | None, typer.Option("--explanation", help="The new explanation.", show_default=False)
    ] = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
) -> None:
    """Change an item; it stays changed when items are made again.

    A new key takes the place of the old one among the choices.
    """
    from dataclasses import replace

    from ui.application import Application, load
    from ui.console import print_result
    from ui.study.making import open_deck

    if question is None and answer is None and explanation is None:
        raise typer.BadParameter("give --question, --answer or --explanation")
    deck = open_deck(Application(load(library, config)))
    item = deck.store.item(identity).item
    key = answer if answer is not None else item.answer
    choices = tuple(dict.fromkeys(key if choice == item.answer else choice for choice in item.choices))
    changed = replace(
        item,
        question=question or item.question,
        answer=key,
        answers=item.answers if key == item.answer else (key,),
        choices=choices,
        explanation=explanation or item.explanation,
    )
    deck.store.edit(changed)
    print_result(f"{item.id} was changed.")


def import_csv(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A file that --format csv wrote, edited.", show_default=False),
    ],
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take back items that were edited in a spreadsheet.

    Nothing is changed if a row is wrong.
    """
    from rag.errors import DatasetError
    from rag.study.export.spreadsheet import read_csv
    from ui.application import Application, load
    from ui.console import print_result, to_json
    from ui.study.making import open_deck

    try:
        rows = read_csv(file.read_text("utf-8-sig"))
    except UnicodeDecodeError as exc:
        raise DatasetError(f"{file} is not UTF-8; save it as CSV UTF-8 in the spreadsheet.") from exc
    deck = open_deck(Application(load(library, config)))
    known = {one.item.id: one for one in deck.store.kept()}
    unknown = [row for row in rows if row.id not in known]
    if unknown:
        raise DatasetError(
            f"Line {unknown[0].line} of {file}: the library has no item {unknown[0].id!r}. Nothing was changed."
        )
    changed = 0
    for row in rows:
        new = row.applied(known[row.id].item)
        if new != known[row.id].item:
            deck.store.edit(new)
            changed += 1
    approved = deck.store.approve([row.id for row in rows if row.approved])
    deck.store.approve([row.id for row in rows if not row.approved], False)
    record = {"rows": len(rows), "changed": changed, "approved": approved}
    print_result(
        to_json(record) if as_json else f"{len(rows)} rows: {changed} items changed, {approved} approved."
    )


def _state(one: Kept) -> str:
    if one.reported is not None:
        return "removed"
    return ", ".join(name for name, true in (("approved", one.approved), ("edited", one.edited)) if true)
