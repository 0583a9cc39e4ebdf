"""How results and progress reach a terminal: results on stdout, everything else on stderr."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress


def to_json(value: Any) -> str:
    """One line of JSON for a result: dataclasses, enums, paths and numpy scalars become plain values."""
    return json.dumps(plain(value), ensure_ascii=False)


def plain(value: Any) -> Any:
    """The value as JSON types. Surrogates that a broken file left in a string are replaced."""
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
    """The console for tables and answers on stdout; numbers and paths are not coloured by guesswork."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False)


def log_console() -> Console:
    """The console for progress and notices on stderr."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def progress(console: Console | None = None, unit: str = "") -> Progress:
    """A progress display on stderr with count, rate and time left; gone when it ends, silent without a terminal."""
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
