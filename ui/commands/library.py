"""`lectern library`: a library as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ui.options import JsonOption

if TYPE_CHECKING:
    from rag.library.copying import CopyReport

app = typer.Typer(help="Copy a library between a folder and a PostgreSQL server.", no_args_is_help=True)
_FORM = "A folder, or postgresql://USER@HOST/DATABASE#COURSE."


def register(parent: typer.Typer) -> None:
    """Add the verbs."""
    parent.add_typer(app, name="library")


@app.callback()
def _verbs() -> None:
    """Keep `copy` a verb of its own although it is the only one."""


@app.command("copy")
def copy(
    source: Annotated[
        str, typer.Argument(metavar="FROM", help=f"Library to copy. {_FORM}", show_default=False)
    ],
    target: Annotated[
        str, typer.Argument(metavar="TO", help=f"Library to make. {_FORM}", show_default=False)
    ],
    as_json: JsonOption = False,
) -> None:
    """Copy the notes of a library with their index, tags and feedback.

    A TO that has another library is refused; a copy that was interrupted goes on where it ended. Conversations, study cards,
    accounts, uploads and the log of questions are files beside the notes and are not copied; the message names their folders.
    """
    import time
    from contextlib import closing

    from rag.errors import InputError
    from rag.library.copying import copy_library
    from rag.library.opening import open_library
    from rag.search.index import keep_index
    from ui.application import load
    from ui.console import print_result, progress, to_json

    here, there = load(source), load(target)
    if here.place == there.place:
        raise InputError(f"FROM and TO are both {here.place}. Name another place as TO.")
    started = time.monotonic()
    with (
        closing(open_library(here.library, here.server)) as original,
        closing(open_library(there.library, there.server, create=True)) as made,
        progress(unit="documents") as bar,
        made.writing(),
    ):
        task = bar.add_task("Copying", total=None)
        report = copy_library(
            original, made, lambda done, total: bar.update(task, completed=done, total=total)
        )
        made.keep_words()
        keep_index(made)
    seconds = round(time.monotonic() - started, 3)
    if as_json:
        places = {
            "from": here.place,
            "to": there.place,
            "from_folder": here.library,
            "to_folder": there.library,
        }
        numbers = {
            "documents": report.documents,
            "passages": report.passages,
            "already_there": report.already_there,
            "failures": report.failures,
            "feedback": report.feedback,
        }
        print_result(to_json(places | numbers | {"seconds": seconds}))
        return
    print_result(
        f"{_copied(report)} copied to {there.place}, {seconds:.1f} s. Conversations, study cards, accounts, uploads and the log of "
        f"questions were not: those of the original are in {here.library}, those of the copy will be in {there.library}."
    )


def _copied(report: CopyReport) -> str:
    before = f" ({report.already_there} more were there before)" if report.already_there else ""
    return f"{report.documents} documents{before}, {report.passages} passages and {report.feedback} verdicts"
