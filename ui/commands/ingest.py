"""`lectern ingest`: notes into the library."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ui.options import ConfigOption, JsonOption, LibraryOption

if TYPE_CHECKING:
    from ingest.executor import IngestExecutor
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
    watch: Annotated[bool, typer.Option("--watch", help="Watch for changes until Ctrl-C.")] = False,
    ray: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Read and embed on the Ray cluster at HOST:PORT, or `local` to start Ray on this machine.",
            show_default=False,
        ),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Read notes into the library.

    Read are Markdown, notebooks, PDF, Word, slides, HTML, tables (CSV, Excel), e-books, LaTeX,
    reStructuredText, Org, AsciiDoc, OpenDocument, RTF, subtitles, e-mails, text and source files, also inside
    .zip archives, and pictures with the extra `ocr`.
    Files that have not changed are left as they are; notes whose file is gone are removed. A file that cannot
    be read is reported and never stops the rest; files of other kinds and hidden ones are counted and named.
    """
    from ui.application import Application, load

    application = Application(load(library, config))
    with _executor(application, paths, ray) as executor:
        _show(_run(application, paths, executor), as_json)
        if watch:
            _follow(application, paths, as_json, executor)


@contextmanager
def _executor(application: Application, paths: list[Path], address: str) -> Iterator[IngestExecutor | None]:
    """Yield the executor on a Ray cluster; None without an address.

    Wrong paths are reported before the cluster is asked.
    """
    if not address:
        yield None
        return
    from ingest.discover import discover
    from ingest.on_ray.executor import ray_executor
    from ui.console import log_console

    discover(paths)
    with ray_executor(address, application.settings, application.embedder) as executor:
        yield executor
        if executor.losses:
            log_console().print(
                f"{executor.losses} workers of the Ray cluster were lost; their work was done again.",
                style="yellow",
            )


def _run(application: Application, paths: list[Path], executor: IngestExecutor | None) -> IngestReport:
    """Ingest once.

    Wrong paths or a missing model are reported before a library is made.
    """
    from ingest.discover import discover
    from ingest.on_ray.connection import off_stdout
    from ingest.pipeline import ingest_notes
    from ui.ingest_progress import ingest_progress

    found, embedder = discover(paths), application.embedder
    quiet = off_stdout() if executor else nullcontext()
    with ingest_progress() as listener, quiet:
        return ingest_notes(
            application.open_library(), found, embedder, application.settings, listener, executor
        )


def _follow(
    application: Application, paths: list[Path], as_json: bool, executor: IngestExecutor | None
) -> None:
    """Ingest again after each burst of changes.

    After an error (the folder is gone, the disk full) it goes on.
    """
    from ingest.watch import changes
    from rag.errors import LecternError
    from ui.console import log_console

    log = log_console()
    log.print(f"Watching {', '.join(map(str, paths))}; Ctrl-C stops.", style="dim")
    for _ in changes(paths):
        try:
            report = _run_when_free(application, paths, executor)
        except LecternError as exc:
            log.print(f"lectern: {exc}", style="red")
            continue
        if report.added + report.updated + report.removed + report.renamed or report.failed:
            _show(report, as_json)


def _run_when_free(
    application: Application, paths: list[Path], executor: IngestExecutor | None
) -> IngestReport:
    """Ingest once no other process writes.

    A burst of changes during another process's ingest would be lost until the next change.
    """
    from rag.errors import LibraryBusy
    from ui.console import log_console

    reported = False
    while True:
        try:
            return _run(application, paths, executor)
        except LibraryBusy as exc:
            if not reported:
                log_console().print(f"lectern: {exc} Trying again until then.", style="yellow", markup=False)
            reported = True
            time.sleep(_RETRY_SECONDS)


def _show(report: IngestReport, as_json: bool) -> None:
    from rich.text import Text

    from ingest.skipped import by_kind
    from ui.console import log_console, print_result, to_json

    if as_json:
        print_result(to_json(report.as_json()))
        return
    log = log_console()
    _complain("not read", report.failed, "red")
    _complain("note", report.warnings, "yellow")
    for group in by_kind(report.skipped):
        log.print(Text.assemble(("passed over ", "cyan" if group.kind.advice else "dim"), str(group)))
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
