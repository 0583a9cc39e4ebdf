"""The notes panel as HTML: what is in the library, what could not be read and why, and how far an ingest is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

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
        f'<table><caption>{_count(len(documents), "document")}, {_count(passages, "passage")}</caption><thead><tr>'
        '<th scope="col">Name</th><th scope="col">Kind</th><th scope="col" class="count">Passages</th>'
        f'<th scope="col"><span class="spoken">Remove</span></th></tr></thead><tbody>{rows}</tbody></table>'
    )
    return f'<section class="library" aria-label="In the library">{table if documents else ""}{_failures_html(failures)}</section>'


def progress_html(stage: str, done: int, total: int) -> str:
    """A progress bar with its stage in words; `total` 0 while it is not known."""
    value = f' value="{done}" max="{total}"' if total else ""
    counted = f" ({done} of {total})" if total else ""
    return (
        f'<div class="progress" role="status"><label>{escape(stage)}{counted}'
        f'<progress{value}></progress></label></div>'
    )


def report_html(report: Mapping[str, object]) -> str:
    """What an ingest did, in one sentence, then every file that failed or came with a warning."""
    counts = {name: int(str(report.get(name, 0))) for name in ("added", "updated", "unchanged", "removed")}
    said = [f"{count} {name}" for name, count in counts.items() if count] or ["nothing to do"]
    seconds = float(str(report.get("seconds", 0.0)))
    return (
        f'<div class="report" role="status"><p>{escape(", ".join(said))} in {seconds:.1f} s.</p>'
        f'{_problems_html("Not read", report.get("failed"))}{_problems_html("Read, but", report.get("warnings"))}</div>'
    )


def problem_html(message: str) -> str:
    """One error in the notes panel."""
    return f'<div class="report problem" role="alert"><p>{escape(message)}</p></div>'


def _row_html(document: DocumentRecord) -> str:
    path = escape(document.path)
    title = f'<span class="title">{escape(document.title)}</span>' if document.title not in ("", document.path) else ""
    return (
        f'<tr><th scope="row"><span class="path">{path}</span>{title}</th><td>{_KIND_NAMES[document.kind]}</td>'
        f'<td class="count">{document.chunks}</td><td><details class="remove"><summary aria-label="Remove {path}">Remove'
        f'</summary><button type="button" data-action="remove" data-document="{path}">Yes, take it out</button></details>'
        "</td></tr>"
    )


def _failures_html(failures: Sequence[FailureRecord]) -> str:
    return _problems_html("Could not be read", [{"path": f.path, "reason": f.reason} for f in failures])


def _problems_html(heading: str, problems: object) -> str:
    if not isinstance(problems, Sequence) or isinstance(problems, str) or not problems:
        return ""
    items = "".join(
        f'<li><strong>{escape(str(problem["path"]))}</strong>: {escape(str(problem["reason"]))}</li>' for problem in problems
    )
    return f'<div class="problems"><h3>{escape(heading)}</h3><ul>{items}</ul></div>'


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
