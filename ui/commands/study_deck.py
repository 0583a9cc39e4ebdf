"""`lectern study review|answer|coverage|plan`: cards and progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ui.options import ConfigOption, JsonOption, LibraryOption, ScopeOption

if TYPE_CHECKING:
    from datetime import datetime

    from rich.table import Table

    from rag.study.store import CardRow

MOST_DAYS = 730
"""Longest plan, so that a slip in the year does not make one for centuries."""
NARROWEST = 10
"""Fewest characters of a name in the table of the progress."""
GRADES = ("again", "hard", "good", "easy")
IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="An item's id; its first eight digits are enough.")
]


def register(study: typer.Typer) -> None:
    """Add the verbs."""
    study.command("review")(review)
    study.command("answer")(answer)
    study.command("coverage")(coverage)
    study.command("plan")(plan)


def review(
    scope: ScopeOption = None,
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="Most cards asked.")] = 50,
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the cards that are due (FSRS); with --json list them instead.

    A card is due again when about one in ten readers would have forgotten it.
    """
    import sys
    from datetime import UTC, datetime

    from rag.study.items import as_card
    from ui.application import Application, load
    from ui.console import log_console, print_result, to_json
    from ui.study.making import open_deck, parsed_scope
    from ui.study.taking import ask_all

    deck = open_deck(Application(load(library, config)))
    now = datetime.now(UTC)
    due = deck.due(now, parsed_scope(scope or []))[:count]
    listed = as_json or not sys.stdin.isatty()
    if not due and not as_json:
        show = log_console().print if listed else print_result  # stdout has one JSON object a line
        show(_next_due(deck.store.cards()))
        return
    if listed:
        for card in due:
            print_result(to_json(_card(card) | {"source": deck.freshness(card.item)}))
        return
    ask_all(deck, [as_card(card.item) for card in due])


def answer(
    identity: IdArgument,
    given: Annotated[
        str, typer.Argument(metavar="TEXT", help="Your answer: a choice, its letter, or words.")
    ] = "",
    grade: Annotated[
        str | None,
        typer.Option(
            "--grade", metavar="GRADE", help="Judge yourself: again, hard, good or easy.", show_default=False
        ),
    ] = None,
    wrong_item: Annotated[
        bool, typer.Option("--wrong-item", help="The item itself is wrong: remove it and never ask it again.")
    ] = False,
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer one item, and see the verdict, the key and the source."""
    from datetime import UTC, datetime

    from rag.study.scheduling import Grade
    from ui.application import Application, load
    from ui.console import print_result, to_json
    from ui.study.making import open_deck

    if grade is not None and grade not in GRADES:
        raise typer.BadParameter(f"the grade is {grade!r}; expected one of {', '.join(GRADES)}")
    deck = open_deck(Application(load(library, config)))
    item = deck.store.item(identity).item
    if wrong_item:
        deck.store.report(item.id, given or "reported")
        print_result(to_json({"id": item.id, "removed": True}) if as_json else f"{item.id} was removed.")
        return
    chosen = Grade(GRADES.index(grade) + 1) if grade else None
    found = deck.answer(item, given, datetime.now(UTC), chosen)
    if as_json:
        record = {
            "id": item.id,
            "given": given,
            "right": found.verdict.right,
            "judged_by": found.verdict.judge,
        }
        record |= {"score": found.verdict.score, "answer": item.answer, "explanation": item.explanation}
        print_result(
            to_json(record | {"citation": item.citation, "due": found.due and found.due.isoformat()})
        )
        return
    print_result("Right." if found.verdict.right else f"Not right. Key: {item.answer} {item.unit}".rstrip())
    print_result(f"{item.explanation}\n{item.citation.locator}")


def coverage(
    scope: ScopeOption = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show for each section the answers, the cards due and what is known."""
    from datetime import UTC, datetime

    from rag.study.progress import coverage as progress_of
    from ui.application import Application, load
    from ui.console import print_result, result_console, to_json
    from ui.study.making import open_deck, parsed_scope

    deck = open_deck(Application(load(library, config)))
    found = progress_of(deck.notes, deck.store, parsed_scope(scope or []), datetime.now(UTC))
    if as_json:
        for one in found:
            print_result(to_json(one))
        return
    table = _progress_table(result_console().width)
    for one in found:
        if one.items or one.cards:
            known = "" if one.mastery is None else f"{one.mastery:.0%}"
            numbers = [str(number or "") for number in (one.items, one.asked, one.right, one.cards, one.due)]
            table.add_row(one.document, one.section, *numbers, known)
    result_console().print(table)
    untouched = sum(not one.items for one in found)
    print_result(f"{len(found)} sections, {untouched} of them without an item yet.")


def _progress_table(width: int) -> Table:
    """Return the empty table of the progress.

    On a narrow screen its names give way to its numbers.
    """
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    numbers = ("items", "asked", "right", "cards", "due", "known")
    room = max(NARROWEST, (width - sum(len(name) + 2 for name in numbers) - 2) // 2)
    for name in ("document", "section"):
        table.add_column(name, no_wrap=True, overflow="ellipsis", max_width=room)
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def plan(
    exam: Annotated[str, typer.Option("--exam", metavar="DATE", help="Day of the exam, as 2027-01-31.")],
    scope: ScopeOption = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Plan the days up to an exam: new cards and cards that come back."""
    from datetime import UTC, date, datetime

    from rag.search.scope import records_inside
    from rag.study.progress import plan as planned
    from ui.application import Application, load
    from ui.console import print_result, result_console, to_json
    from ui.study.making import open_deck, parsed_scope

    try:
        day = date.fromisoformat(exam)
    except ValueError as exc:
        raise typer.BadParameter(f"the date is {exam!r}; expected year-month-day, as 2027-01-31") from exc
    now = datetime.now(UTC)
    if day <= now.date():
        raise typer.BadParameter(f"the exam is on {exam}, which is not after today ({now.date()})")
    if (day - now.date()).days > MOST_DAYS:
        raise typer.BadParameter(f"the exam is on {exam}; a plan reaches {MOST_DAYS} days at most")
    deck = open_deck(Application(load(library, config)))
    inside = {record.path for record in records_inside(deck.notes.library, parsed_scope(scope or []))}
    cards = [card for card in deck.store.cards() if card.item.citation.document in inside]
    seen = set(deck.last_answers())
    new = [card.item for card in cards if card.item.id not in seen]
    days = planned([card for card in cards if card.item.id in seen], new, now, day)
    if as_json:
        for one in days:
            record = {
                "date": one.date.isoformat(),
                "new": one.new,
                "reviews": one.reviews,
                "sections": one.sections,
            }
            print_result(to_json(record))
        return
    if not cards:
        print_result("There are no cards yet. Make some with: lectern study cards -n 50")
        return
    from rich.table import Table

    table = Table("day", "new", "repeat", "sections", box=None, pad_edge=False)
    for one in days:
        table.add_row(
            f"{one.date:%a} {one.date}", str(one.new or ""), str(one.reviews or ""), ", ".join(one.sections)
        )
    result_console().print(table)


def _card(card: CardRow) -> dict[str, Any]:
    from rag.study.item_json import item_record
    from rag.study.items import as_card

    return item_record(as_card(card.item)) | {"due": card.due.isoformat()}


def _next_due(cards: list[CardRow]) -> str:
    if not cards:
        return "There are no cards yet. Make some with: lectern study cards"
    due: datetime = min(card.due for card in cards)
    return f"No card is due. {len(cards)} cards wait; the next is due on {due:%Y-%m-%d at %H:%M} UTC."
