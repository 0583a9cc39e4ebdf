"""The command line: `lectern VERB`. The one place where expected errors become a message and an exit status.

Command modules are imported here, so none of them may import anything heavy outside its functions.
"""

from __future__ import annotations

import importlib
import os
import sys
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer

_INTERRUPTED = 130
COMMANDS = ("ingest", "search", "ask", "chat", "documents", "doctor", "models", "finetune", "settings")
"""Modules of `ui.commands` in the order of the help; each has `register(app)`."""
EVAL_COMMANDS = ("eval", "eval_benchmarks")
"""Modules of `ui.commands` that add verbs to `lectern eval`."""


def build_app() -> typer.Typer:
    """The Typer application with every verb."""
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
    """Run the command line and exit: 0 done, 1 an expected error, 2 wrong usage, 130 interrupted."""
    from rag.errors import LecternError, disk_message
    from rag.telemetry import switch_off_telemetry

    switch_off_telemetry()
    try:
        build_app()()
    except LecternError as exc:
        _fail(str(exc))
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped.\n")
        _leave_at_once()
    except SystemExit as exc:  # Typer has turned Ctrl-C into this
        if exc.code == _INTERRUPTED:
            _leave_at_once()
        raise
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except OSError as exc:
        _fail(disk_message(exc))
    sys.exit(0)


def _leave_at_once() -> NoReturn:
    """Ends without the interpreter's clearing up, which would wait for an engine that still loads in a thread of its own."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(_INTERRUPTED)


def _print_version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"lectern {version('lectern')}\n")
        raise typer.Exit


def _root(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and leave.", is_eager=True, callback=_print_version
        ),
    ] = False,
) -> None:
    """Only the options of `lectern` itself."""


def _fail(message: str) -> NoReturn:
    sys.stderr.write(f"lectern: {message}\n")
    sys.exit(1)


if __name__ == "__main__":
    main()
