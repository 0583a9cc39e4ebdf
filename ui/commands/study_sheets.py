"""`lectern study glossary|formulas|changes`: texts to learn from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ui.options import ConfigOption, JsonOption, LibraryOption, ScopeOption

OutOption = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Write Markdown to this file.", show_default=False),
]


def register(study: typer.Typer) -> None:
    """Add the verbs."""
    study.command("glossary")(glossary)
    study.command("formulas")(formulas)
    study.command("changes")(changes)


def glossary(
    scope: ScopeOption = None,
    out: OutOption = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the terms that the notes define, each with its definition and its place."""
    from rag.study.sheets import glossary as entries_of
    from rag.study.sheets import glossary_markdown
    from ui.application import Application, load
    from ui.console import log_console, print_result, to_json
    from ui.study.making import open_deck, parsed_scope, write_bytes

    deck = open_deck(Application(load(library, config)))
    entries = entries_of(deck.notes, parsed_scope(scope or []))
    if as_json:
        for entry in entries:
            print_result(to_json(entry))
    elif entries:
        write_bytes(glossary_markdown(entries, "Glossary").encode(), out, f"{len(entries)} terms")
    else:
        log_console().print("The notes mark no term and define none in a sentence of its own.")


def formulas(
    scope: ScopeOption = None,
    out: OutOption = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the displayed formulas, each with the sentence before it and its place."""
    from rag.study.sheets import formula_sheet, formulas_markdown
    from ui.application import Application, load
    from ui.console import log_console, print_result, to_json
    from ui.study.making import open_deck, parsed_scope, write_bytes

    deck = open_deck(Application(load(library, config)))
    found = formula_sheet(deck.notes, parsed_scope(scope or []))
    if as_json:
        for formula in found:
            print_result(to_json(formula))
    elif found:
        write_bytes(formulas_markdown(found, "Formulas").encode(), out, f"{len(found)} formulas")
    else:
        log_console().print("The notes have no displayed equation with one equals sign.")


def changes(
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="DATE",
            help="Compare with the notes as they were at the last look up to this day (default: the last look).",
            show_default=False,
        ),
    ] = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the sections that changed since the last look, and the items affected."""
    from datetime import UTC, date, datetime, time

    from rag.study.deck import Freshness
    from rag.study.sheets import changes as changes_of
    from ui.application import Application, load
    from ui.console import print_result, to_json
    from ui.study.making import open_deck

    now = datetime.now(UTC)
    try:
        day = datetime.combine(date.fromisoformat(since), time.max, UTC) if since else now
    except ValueError as exc:
        raise typer.BadParameter(f"the date is {since!r}; expected year-month-day, as 2027-01-31") from exc
    deck = open_deck(Application(load(library, config)))
    found = changes_of(deck.notes, deck.store, min(day, now), now)
    stale = [
        one.item
        for one in deck.store.kept()
        if one.reported is None and deck.freshness(one.item) is Freshness.CHANGED
    ]
    if as_json:
        record = {
            "since": found.since.isoformat() if found.since else None,
            **{name: [list(key) for key in getattr(found, name)] for name in ("new", "changed", "gone")},
            "items_without_source": [item.id for item in stale],
        }
        print_result(to_json(record))
        return
    if found.since is None:
        print_result(
            "This was the first look: the sections were noted, and the next look compares with them."
        )
    else:
        print_result(
            f"Since {found.since:%Y-%m-%d %H:%M} UTC: {len(found.new)} new, {len(found.changed)} changed, {len(found.gone)} gone."
        )
        for name in ("new", "changed", "gone"):
            for document, section in getattr(found, name):
                print_result(f"  {name:<8} {document} › {section}")
    for item in stale:
        print_result(f"  item {item.id[:8]}: its sentence is no longer in {item.citation.document}.")
