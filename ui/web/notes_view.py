"""The notes panel as HTML: what is in the library, what could not be read and why, and how far an ingest is."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ingest.report import Complaint, IngestEvent, IngestReport
from rag.records import DocumentRecord, FailureRecord
from rag.types import DocumentKind

_KIND_NAMES = {
    DocumentKind.MARKDOWN: "Markdown",
    DocumentKind.NOTEBOOK: "Notebook",
    DocumentKind.PDF: "PDF",
    DocumentKind.WORD: "Word",
    DocumentKind.SLIDES: "Slides",
    DocumentKind.HTML: "Web page",
    DocumentKind.TEXT: "Text",
}


def library_html(documents: Sequence[DocumentRecord], failures: Sequence[FailureRecord]) -> str:
    """The documents with their passages, each with a way to remove it, and below them the files that failed."""
    if not documents and not failures:
        return '<section class="library" aria-label="In the library"><p class="none">There are no notes yet.</p></section>'
    passages = sum(document.chunks for document in documents)
    rows = "".join(_row_html(document) for document in documents)
    table = (
        f"<table><caption>{_count(len(documents), 'document')}, {_count(passages, 'passage')}</caption><thead><tr>"
        '<th scope="col">Name</th><th scope="col">Kind</th><th scope="col" class="count">Passages</th>'
        f'<th scope="col"><span class="spoken">Remove</span></th></tr></thead><tbody>{rows}</tbody></table>'
    )
    return f'<section class="library" aria-label="In the library">{table if documents else ""}{_problems_html("Could not be read", failures)}</section>'


def waiting_html(message: str) -> str:
    """A progress bar of which only the beginning is known."""
    return f'<div class="progress" role="status"><label>{escape(message)}<progress></progress></label></div>'


def progress_html(event: IngestEvent) -> str:
    """How far an ingest is: files and passages, and the file it is at.

    The bar moves by files; until the first one is saved it only shows that something goes on.
    """
    said = f"{event.files_done} of {_count(event.files_total, 'file')}"
    if event.chunks_known:
        said += f", {event.chunks_done:,} of {_count(event.chunks_known, 'passage')}"
    at = f'<span class="at">{escape(event.path)}</span>' if event.path else ""
    value = f' value="{event.files_done}" max="{event.files_total}"' if event.files_done else ""
    return f'<div class="progress" role="status"><label>{said}<progress{value}></progress></label>{at}</div>'


def report_html(report: IngestReport) -> str:
    """What an ingest did, in one sentence, then every file that failed or came with a warning."""
    counts = {name: getattr(report, name) for name in ("added", "updated", "renamed", "unchanged", "removed")}
    said = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    done = f"{said} in {report.seconds:.1f} s." if said else "Nothing was added."
    return (
        f'<div class="report" role="status"><p>{done}</p>{_problems_html("Not read", report.failed)}'
        f"{_problems_html('Read, but', report.warnings)}</div>"
    )


def notice_html(message: str) -> str:
    """One sentence about what was done."""
    return f'<div class="report" role="status"><p>{escape(message)}</p></div>'


def problem_html(message: str) -> str:
    """One error in the notes panel."""
    return f'<div class="report problem" role="alert"><p>{escape(message)}</p></div>'


def _row_html(document: DocumentRecord) -> str:
    path = escape(document.path)
    title = (
        f'<span class="title">{escape(document.title)}</span>'
        if document.title not in ("", document.path)
        else ""
    )
    return (
        f'<tr><th scope="row"><span class="path">{path}</span>{title}</th><td>{_KIND_NAMES[document.kind]}</td>'
        f'<td class="count">{document.chunks}</td><td><details class="remove"><summary aria-label="Remove {path}">Remove'
        f'</summary><button type="button" data-action="remove" data-document="{path}">Yes, take it out</button></details>'
        "</td></tr>"
    )


def _problems_html(heading: str, problems: Sequence[FailureRecord] | Sequence[Complaint]) -> str:
    if not problems:
        return ""
    items = "".join(f"<li><strong>{escape(p.path)}</strong>: {escape(p.reason)}</li>" for p in problems)
    return f'<div class="problems"><h3>{escape(heading)}</h3><ul>{items}</ul></div>'


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
