"""`lectern library`: a library as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ui.options import JsonOption

if TYPE_CHECKING:
    from rag.library.copying import CopyReport

app = typer.Typer(
    help="Copy a library between a folder and a PostgreSQL server, or drop it.", no_args_is_help=True
)
_FORM = "A folder, or postgresql://USER@HOST/DATABASE#COURSE."


def register(parent: typer.Typer) -> None:
    """Add the verbs."""
    parent.add_typer(app, name="library")


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


@app.command("drop")
def drop(
    library: Annotated[
        str, typer.Argument(metavar="LIBRARY", help=f"Library to drop. {_FORM}", show_default=False)
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; needed without a terminal.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove a course with its documents, passages, vectors and feedback.

    A course of a server is gone afterwards; in a folder an empty library stays. Notes, conversations, study cards, accounts,
    uploads and the log of questions are not touched, and neither are other courses.
    """
    from contextlib import closing

    from rag.errors import InputError
    from rag.library.opening import open_library
    from ui.application import load
    from ui.console import log_console, print_result, to_json

    place = load(library)
    with closing(open_library(place.library, place.server)) as store:
        log = log_console()
        with store.writing():
            counts = {
                "documents": len(store.documents()),
                "passages": store.chunk_count(),
                "feedback": len(store.feedback()),
            }
            words = f"{counts['documents']} documents, {counts['passages']} passages and {counts['feedback']} verdicts"
            if not yes:
                question = f"Remove {words} of {place.place}? This cannot be undone."
                if not log.is_terminal:
                    raise InputError(f"{question} Without a terminal, confirm it with --yes.")
                typer.confirm(question, abort=True, err=True)
            store.drop()
    if as_json:
        print_result(to_json({"library": place.place, **counts, "files": place.library}))
        return
    print_result(f"{words} of {place.place} removed. Files beside the notes are still in {place.library}.")


def _copied(report: CopyReport) -> str:
    before = f" ({report.already_there} more were there before)" if report.already_there else ""
    return f"{report.documents} documents{before}, {report.passages} passages and {report.feedback} verdicts"
