"""The command line `lectern VERB`.

The one place where expected errors become a message and an exit status. Command modules are imported
here, so none of them may import anything heavy outside its functions.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from threading import Event
from types import FrameType
from typing import Annotated, NoReturn

import typer

_INTERRUPTED = 130
COMMANDS = (
    "setup",
    "demo",
    "ingest",
    "search",
    "ask",
    "chat",
    "serve",
    "keys",
    "users",
    "mcp",
    "documents",
    "doctor",
    "monitor",
    "backup",
    "library",
    "study",
    "models",
    "finetune",
    "settings",
)
"""Modules of `ui.commands` in the order of the help; each has `register(app)`."""
EVAL_COMMANDS = ("eval", "eval_benchmarks")
"""Modules of `ui.commands` that add verbs to `lectern eval`."""


def build_app() -> typer.Typer:
    """Return the Typer application with every verb."""
    app = typer.Typer(
        name="lectern",
        help="Ask your own course notes. Notes, index, language model and evaluation stay on this machine.",
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    evaluation = typer.Typer(
        help="Measure retrieval and answers offline, with uncertainty.", no_args_is_help=True
    )
    app.add_typer(evaluation, name="eval")
    for target, names in ((app, COMMANDS), (evaluation, EVAL_COMMANDS)):
        for name in names:
            importlib.import_module(f"ui.commands.{name}").register(target)
    return app


def main() -> NoReturn:
    """Run the command line and exit.

    Status 0: done; 1: an expected error; 2: wrong usage; 130: interrupted.
    """
    from rag.system.telemetry import switch_off_telemetry

    switch_off_telemetry()
    interrupted = _note_interrupts()
    try:
        build_app()()
    except SystemExit as exc:
        if exc.code == _INTERRUPTED:  # Typer has turned Ctrl-C into this
            _leave_at_once()
        raise
    except (KeyboardInterrupt, Exception) as exc:  # noqa: BLE001 - every error ends here
        if interrupted.is_set() or isinstance(exc, KeyboardInterrupt):
            sys.stderr.write("\nStopped.\n")
            _leave_at_once()
        _end(exc)
    sys.exit(0)


def _note_interrupts() -> Event:
    """Return the event that Ctrl-C sets beside raising `KeyboardInterrupt`.

    SQLite answers an interrupt inside one of its functions written in Python with an error of its own.
    """
    interrupted = Event()

    def note(number: int, frame: FrameType | None) -> None:
        interrupted.set()
        signal.default_int_handler(number, frame)

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, note)
    return interrupted


def _end(exc: Exception) -> NoReturn:
    """Exit with the sentence of an expected error; raise any other again."""
    from rag.errors import LecternError, disk_message
    from rag.extras import failed_import
    from ui.logs import log_error

    if isinstance(exc, BrokenPipeError):
        sys.stderr.close()
        sys.exit(0)
    log_error(exc)
    if isinstance(exc, LecternError):
        _fail(str(exc))
    if isinstance(exc, OSError):
        _fail(disk_message(exc))
    if isinstance(exc, ModuleNotFoundError) and (sentence := failed_import(exc.name or "")):
        _fail(sentence)
    raise exc


def _leave_at_once() -> NoReturn:
    """End without waiting for an engine that still loads in a thread of its own."""
    from rag.system.child_process import undo_unfinished

    undo_unfinished()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(_INTERRUPTED)


def _print_version(asked: bool) -> None:
    if asked:
        from ui.logs import installed_version

        sys.stdout.write(f"lectern {installed_version()}\n")
        raise typer.Exit


def _root(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and leave.", is_eager=True, callback=_print_version
        ),
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", help="Log what happens to stderr and to a file, whose path it prints."),
    ] = False,
) -> None:
    """Apply the options of `lectern` itself."""
    if verbose:
        from ui.logs import start_logging

        start_logging()


def _fail(message: str) -> NoReturn:
    sys.stderr.write(f"lectern: {message}\n")
    sys.exit(1)


if __name__ == "__main__":
    main()
