"""The progress of an ingest on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.report import IngestEvent, Listener


@contextmanager
def ingest_progress() -> Iterator[Listener]:
    """Yield a listener that draws a bar on stderr; silent without a terminal."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from ui.console import log_console

    console = log_console()
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("files · {task.fields[chunks]:,} passages · {task.fields[rate]:.0f}/s"),
        TimeElapsedColumn(),
        TextColumn("· left"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        bar = progress.add_task("Looking", total=None, chunks=0, rate=0.0)

        def show(event: IngestEvent) -> None:
            progress.update(
                bar,
                description=_what(event),
                total=event.files_total,
                completed=event.files_done,
                chunks=event.chunks_done,
                rate=event.chunks_done / event.seconds if event.seconds > 0 else 0.0,
            )

        yield show


def _what(event: IngestEvent) -> str:
    from ingest.report import Stage

    if event.stage is Stage.INDEXING:
        return "Writing the index"
    return "Reading and embedding"
