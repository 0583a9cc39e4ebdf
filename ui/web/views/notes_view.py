"""The notes panel as HTML: the library, an ingest, notices and problems."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from ingest.report import IngestEvent, IngestReport
from ingest.skipped import by_kind
from rag.library.rows import DocumentRecord, FailureRecord
from rag.types import DocumentKind
from ui.unread_content import unread_text
from ui.web.ingesting.failures import key_of
from ui.web.ingesting.jobs import JobStage, JobState
from ui.web.kept_uploads import Waiting
from ui.web.language import gettext as _
from ui.web.language import ngettext, noted, number
from ui.web.views.render import render

_MINUTE = 60.0
_KIND_NAMES = {
    DocumentKind.MARKDOWN: "Markdown",
    DocumentKind.NOTEBOOK: noted("Notebook"),
    DocumentKind.PDF: "PDF",
    DocumentKind.WORD: "Word",
    DocumentKind.SLIDES: noted("Slides"),
    DocumentKind.HTML: noted("Web page"),
    DocumentKind.SPREADSHEET: noted("Table"),
    DocumentKind.EBOOK: noted("E-book"),
    DocumentKind.LATEX: "LaTeX",
    DocumentKind.MARKUP: noted("Markup"),
    DocumentKind.SUBTITLES: noted("Subtitles"),
    DocumentKind.EMAIL: noted("E-mail"),
    DocumentKind.PICTURE: noted("Picture"),
    DocumentKind.RECORDING: noted("Recording"),
    DocumentKind.TEXT: noted("Text"),
}


def library_html(documents: Sequence[DocumentRecord], failures: Sequence[FailureRecord]) -> Markup:
    """Return the documents with what was not read of each, then the files that failed."""
    passages = sum(document.chunks for document in documents)
    unread = {document.path: unread_text(document.warnings) for document in documents}
    return render(
        "library",
        documents=documents,
        failures=[(each, key_of(each.source)) for each in failures],
        kinds={kind: _(name) for kind, name in _KIND_NAMES.items()},
        unread={path: text for path, text in unread.items() if text},
        caption=f"{_documents(len(documents))}, {_passages(passages)}",
    )


def progress_html(state: JobState, *, cancelling: bool = False) -> Markup:
    """Return the progress of an ingest.

    It has files, passages, the time left, and the current file.

    The bar moves by files; until a passage is embedded or a file is saved it has no position and no counts.
    """
    event = state.event
    if cancelling:
        message = _("Cancelling…")
    elif state.stage is JobStage.QUEUED:
        message = _("Waiting for the ingest before this one…")
    else:
        begun = event is not None and (event.files_done or event.chunks_done)
        message = _counts(event) if event is not None and begun else _("Reading the notes…")
    return render(
        "progress",
        message=message,
        done=event.files_done if event else 0,
        total=event.files_total if event else 0,
        path=event.path if event else "",
        left=_time_left(state.left_seconds),
        cancelling=cancelling,
    )


def result_html(state: JobState) -> Markup:
    """Return the end of an ingest.

    It is its report, an error, or what a cancelled one saved.
    """
    if state.stage is JobStage.CANCELLED:
        return render("ingest_cancelled", message=_cancelled(state.event))
    if state.report is None:
        return problem_html(state.error)
    return report_html(state.report)


def watched_html(folders: Sequence[tuple[str, bool]]) -> Markup:
    """Return the watched folders, each with True if it is there; empty without one."""
    return render("watched", folders=folders) if folders else Markup()


def _counts(event: IngestEvent) -> str:
    done, total = number(event.files_done), event.files_total
    message = ngettext("%(done)s of %(n)s file", "%(done)s of %(n)s files", total, done=done)
    if event.chunks_known:
        done, total = number(event.chunks_done), event.chunks_known
        message += ", " + ngettext(
            "%(done)s of %(n)s passage", "%(done)s of %(n)s passages", total, done=done
        )
    return message


def _time_left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < _MINUTE:
        return _("less than a minute left")
    minutes = math.ceil(seconds / _MINUTE)
    return ngettext("about %(n)s minute left", "about %(n)s minutes left", minutes)


def _cancelled(event: IngestEvent | None) -> str:
    if event is None:
        return _("Cancelled before a file was read. Nothing was changed.")
    done, total = number(event.files_done), event.files_total
    return ngettext(
        "Cancelled: %(done)s of %(n)s file was dealt with and stays in the library; the rest was not read.",
        "Cancelled: %(done)s of %(n)s files were dealt with and stay in the library; the rest was not read.",
        total,
        done=done,
    )


def report_html(report: IngestReport) -> Markup:
    """Return the result of an ingest in one sentence, then what was not read."""
    counts = [
        (report.added, _("%(n)s added", n=number(report.added))),
        (report.updated, _("%(n)s updated", n=number(report.updated))),
        (report.renamed, _("%(n)s renamed", n=number(report.renamed))),
        (report.unchanged, _("%(n)s unchanged", n=number(report.unchanged))),
        (report.removed, _("%(n)s removed", n=number(report.removed))),
    ]
    done = ", ".join(words for count, words in counts if count)
    seconds = number(report.seconds, 1)
    summary = _("%(done)s in %(seconds)s s.", done=done, seconds=seconds) if done else _("Nothing was added.")
    return render(
        "ingest_report",
        summary=summary,
        failed=report.failed,
        warnings=report.warnings,
        skipped=by_kind(report.skipped),
    )


def taken_names_html(waiting: Sequence[Waiting]) -> Markup:
    """Return the question about each file whose name another file has; empty for none."""
    return render("taken_names", waiting=waiting) if waiting else Markup()


def notice_html(message: str) -> Markup:
    """Return one sentence about something that was done."""
    return render("notice", message=message, problem=False)


def problem_html(message: str) -> Markup:
    """Return one sentence about an error."""
    return render("notice", message=message, problem=True)


def _documents(count: int) -> str:
    return ngettext("%(n)s document", "%(n)s documents", count)


def _passages(count: int) -> str:
    return ngettext("%(n)s passage", "%(n)s passages", count)
