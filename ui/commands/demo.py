"""`lectern demo`: the example course, read and asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ui.options import ConfigOption

_QUESTION = "When do we sit the final?"
_PLACES = ("ui/example_course", "examples/course")
"""The course in a wheel and in a clone."""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("demo")(demo)


def demo(
    question: Annotated[
        str,
        typer.Argument(
            metavar="QUESTION", help="A question about signals, sensors and data, or about the course."
        ),
    ] = _QUESTION,
    library: Annotated[
        str | None,
        typer.Option(
            "--library",
            metavar="DIR",
            help="Library folder, or an address (default: `demo` in the platform's data folder).",
            show_default=False,
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Read the example course and answer a question about it.

    Its library is a folder of its own, so your notes stay apart from it. Then it prints what to try next.
    """
    from ui.application import load
    from ui.commands.ask import ask
    from ui.commands.ingest import ingest
    from ui.console import log_console

    place = library or str(demo_library())
    shown = load(place, config).place  # wrong settings are reported before anything is read
    log = log_console()
    log.print(f"Reading the example course into {shown}...", soft_wrap=True)
    ingest([example_course()], library=place, config=config)
    log.print(f"\n{question}", style="bold", soft_wrap=True, markup=False)
    ask(question, library=place, config=config)
    named = f' --library "{shown}"'
    log.print(
        f'\nAsk another question:     lectern demo "What is the Nyquist rate?"\n'
        f"The same in the browser:  lectern chat{named}\n"
        f"Your own notes:           lectern ingest FOLDER, then lectern ask QUESTION",
        soft_wrap=True,
        markup=False,
        highlight=False,
    )


def demo_library() -> Path:
    """Return the folder of the example course's library."""
    from platformdirs import user_data_path

    return user_data_path("lectern", appauthor=False) / "demo"


def example_course() -> Path:
    """Return the folder of the example course.

    Raises:
        LibraryMissing: this installation has none.
    """
    from rag.errors import LibraryMissing

    root = Path(__file__).resolve().parents[2]
    for place in _PLACES:
        if (root / place).is_dir():
            return root / place
    raise LibraryMissing(
        f"This installation has no example course: expected {_PLACES[0]} or {_PLACES[1]} in {root}. Install Lectern again."
    )
