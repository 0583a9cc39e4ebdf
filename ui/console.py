"""Output on a terminal: results on stdout, everything else on stderr."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress


def to_json(value: Any) -> str:
    """Return one line of JSON for a result.

    Dataclasses, enums, paths and numpy scalars become plain values.
    """
    return json.dumps(plain(value), ensure_ascii=False)


def plain(value: Any) -> Any:
    """Return the value as JSON types.

    Surrogates that a broken file left in a string are replaced.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if hasattr(value, "item"):
        return value.item()
    return value


def print_result(text: str) -> None:
    """Write a result line to stdout at once, so that a pipe sees it."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def result_console() -> Console:
    """Return the console for tables and answers on stdout.

    It does not colour numbers and paths by guesswork, and text of notes is no markup: `[red]`, `a[:end:]` and
    `:package:` are printed as they are.
    """
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False, markup=False, emoji=False)


def log_console() -> Console:
    """Return the console for progress and notices on stderr."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def progress(console: Console | None = None, unit: str = "") -> Progress:
    """Return a progress display on stderr with count, rate and time left.

    It disappears when it ends, and shows nothing without a terminal.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = console or log_console()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


@contextmanager
def ticking(title: str, total: int, unit: str) -> Iterator[Callable[[], None]]:
    """Show a progress bar on stderr; the yielded function advances it by one."""
    with progress(unit=unit) as bar:
        task = bar.add_task(title, total=total)
        yield lambda: bar.advance(task)
