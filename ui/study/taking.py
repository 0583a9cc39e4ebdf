"""A quiz or a review at the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from rag.study.export.markup import source_line, text_for_terminal
from rag.study.grading import lettered
from rag.study.items import Item, ItemKind, is_self_judged

if TYPE_CHECKING:
    from rich.console import Console

    from rag.study.deck import Answered, Deck

_HELP = "Answer, or: s skip · w this item is wrong · q quit"


def ask_all(deck: Deck, items: Sequence[Item]) -> None:
    """Ask items one after the other, and judge, record and explain each answer."""
    from ui.console import result_console

    console = result_console()
    console.print(_HELP, style="dim")
    right = asked = 0
    for number, item in enumerate(items, 1):
        title = " · ".join(filter(None, (f"{number} of {len(items)}", item.hint)))
        console.rule(title, align="left", style="dim", characters="─")
        _show(console, item)
        given = typer.prompt("Your answer", default="", show_default=False).strip()
        if given == "q":
            break
        if given == "s":
            continue
        if given == "w":
            deck.store.report(item.id, "reported in a quiz")
            console.print("Removed; it will not be asked again.")
            continue
        answered = _answered(console, deck, item, given)
        right, asked = right + answered.verdict.right, asked + 1
        _explain(console, item, answered)
    console.rule(style="dim")
    console.print(f"{right} of {asked} right." if asked else "Nothing was answered.")


def _answered(console: Console, deck: Deck, item: Item, given: str) -> Answered:
    """Record an answer; what no code can judge, the reader judges beside the key."""
    from rag.study.scheduling import Grade

    now = datetime.now(UTC)
    if is_self_judged(item):
        console.print(f"Key: {text_for_terminal(item.answer)}", markup=False)
        knew = typer.confirm("Was your answer right?", default=False)
        return deck.answer(item, given, now, Grade.GOOD if knew else Grade.AGAIN)
    return deck.answer(item, given, now)


def _show(console: Console, item: Item) -> None:
    console.print(text_for_terminal(item.question), markup=False)
    for letter, choice in lettered(item.choices):
        console.print(f"  {letter}) {text_for_terminal(choice)}", markup=False)
    if item.unit and not item.choices:
        console.print(f"  (in {item.unit}, or with a unit of your own)", style="dim", markup=False)
    if item.kind is ItemKind.CODE:
        console.print("  (spaces do not count)", style="dim")


def _explain(console: Console, item: Item, answered: Answered) -> None:
    verdict = answered.verdict
    key = text_for_terminal(f"{item.answer} {item.unit}".strip())
    if verdict.right:
        console.print("Right.", style="green")
    else:
        console.print(f"Not right. Key: {key}", style="red", markup=False)
    console.print(f"  {text_for_terminal(item.explanation)}", markup=False)
    console.print(f"  {source_line(item)}", style="dim", markup=False)
    if answered.due is not None:
        console.print(f"  comes back {_when(answered.due)}", style="dim")


def _when(due: datetime) -> str:
    """Return when a card is due in words: in minutes, hours or days."""
    seconds = (due - datetime.now(UTC)).total_seconds()
    if seconds < 5400:
        return f"in {max(1, round(seconds / 60))} min"
    return f"in {round(seconds / 3600)} h" if seconds < 129_600 else f"in {round(seconds / 86_400)} days"
