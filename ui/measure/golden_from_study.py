"""Golden questions from the study items that a teacher approved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from eval.golden.golden_file import GoldenQuestion, GoldSpan, append_golden, read_golden
from ui.console import log_console, print_result

if TYPE_CHECKING:
    from rag.study.items import Item
    from ui.application import Application


def add_from_study(application: Application, file: Path) -> None:
    """Add every approved item whose sentence is still in the notes; report the rest."""
    from rag.study.deck import Freshness
    from ui.study.making import open_deck

    deck = open_deck(application)
    known = {question.id for question in read_golden(file)} if file.exists() else set()
    added = 0
    for kept in deck.store.kept():
        if not kept.approved or f"study-{kept.item.id}" in known:
            continue
        if deck.freshness(kept.item) is not Freshness.SAME:
            log_console().print(
                f"Left out: the notes of item {kept.item.id[:8]} have changed.", style="yellow"
            )
            continue
        append_golden(file, _golden(kept.item))
        added += 1
    print_result(f"Added {added} questions to {file}.")


def _golden(item: Item) -> GoldenQuestion:
    source = item.citation
    gold = GoldSpan(document=source.document, start=source.start, end=source.end, text=source.quote)
    return GoldenQuestion(
        id=f"study-{item.id}",
        question=item.question,
        answer=f"{item.answer} {item.unit}".strip(),
        gold=(gold,),
        tags=("study", item.topic.value),
    )
