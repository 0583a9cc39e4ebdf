"""`lectern ingest`: notes into the library."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ui.options import ConfigOption, JsonOption, LibraryOption

if TYPE_CHECKING:
    from ingest.report import Complaint, IngestReport
    from ui.application import Application

_SHOWN_COMPLAINTS = 20
_RETRY_SECONDS = 2.0


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("ingest")(ingest)


def ingest(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files and folders of notes.")],
    library: LibraryOption = None,
    config: ConfigOption = None,
    watch: Annotated[bool, typer.Option("--watch", help="Stay and follow changes until Ctrl-C.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Read notes into the library: Markdown, notebooks, PDF, Word, slides, HTML, text and source files.

    Only what changed is read again; notes whose file is gone are taken out. A file that cannot be read is reported and
    never stops the rest.
    """
    from ui.application import Application, load

    application = Application(load(library, config))
    _show(_run(application, paths), as_json)
    if watch:
        _follow(application, paths, as_json)


def _run(application: Application, paths: list[Path]) -> IngestReport:
    """One ingest. Wrong paths or a missing model are told before a library is made."""
    from ingest.discover import discover
    from ingest.pipeline import ingest_notes
    from ui.ingest_progress import ingest_progress

    found, embedder = discover(paths), application.embedder
    with ingest_progress() as listener:
        return ingest_notes(application.open_library(), found, embedder, application.settings, listener)


def _follow(application: Application, paths: list[Path], as_json: bool) -> None:
    """Ingests again after each burst of changes; an error (the folder is gone, the disk full) is told and outlived."""
    from ingest.watch import changes
    from rag.errors import LecternError
    from ui.console import log_console

    log = log_console()
    log.print(f"Following {', '.join(map(str, paths))}; Ctrl-C stops.", style="dim")
    for _ in changes(paths):
        try:
            report = _run_when_free(application, paths)
        except LecternError as exc:
            log.print(f"lectern: {exc}", style="red")
            continue
        if report.added + report.updated + report.removed + report.renamed or report.failed:
            _show(report, as_json)


def _run_when_free(application: Application, paths: list[Path]) -> IngestReport:
    """One ingest, once no other process writes: a burst that met one would be lost until the next change."""
    from rag.errors import LibraryBusy
    from ui.console import log_console

    told = False
    while True:
        try:
            return _run(application, paths)
        except LibraryBusy as exc:
            if not told:
                log_console().print(f"lectern: {exc} Trying again until then.", style="yellow", markup=False)
            told = True
            time.sleep(_RETRY_SECONDS)


def _show(report: IngestReport, as_json: bool) -> None:
    from ui.console import log_console, print_result, to_json

    if as_json:
        print_result(to_json(report.as_json()))
        return
    log = log_console()
    _complain("not read", report.failed, "red")
    _complain("note", report.warnings, "yellow")
    done = [
        f"{count} {word}"
        for count, word in (
            (report.added, "added"),
            (report.updated, "updated"),
            (report.renamed, "renamed"),
            (report.removed, "removed"),
            (report.unchanged, "unchanged"),
            (len(report.failed), "not read"),
        )
        if count
    ]
    print_result(
        f"{', '.join(done) or 'nothing to do'}: {report.documents} documents, {report.chunks} passages, "
        f"{report.seconds:.1f} s"
    )
    if report.failed:
        log.print("The rest is in the library; `lectern doctor` names these files again.", style="dim")


def _complain(word: str, complaints: tuple[Complaint, ...], style: str) -> None:
    from rich.text import Text

    from ui.console import log_console

    log = log_console()
    for complaint in complaints[:_SHOWN_COMPLAINTS]:
        log.print(Text.assemble((f"{word} ", style), (complaint.path, "bold"), f": {complaint.reason}"))
    if len(complaints) > _SHOWN_COMPLAINTS:
        log.print(f"... and {len(complaints) - _SHOWN_COMPLAINTS} more; --json names all.", style="dim")
