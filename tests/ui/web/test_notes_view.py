"""The notes panel."""

from __future__ import annotations

import re

from ingest.report import Complaint, IngestEvent, IngestReport, Stage
from rag.records import DocumentRecord, FailureRecord
from rag.types import DocumentKind
from ui.web.notes_view import library_html, problem_html, progress_html, report_html

RECORD = DocumentRecord(
    "<b>.md", "Owls & finches", DocumentKind.MARKDOWN, "", 10, 0, 1234, "/n/b.md", (), (), ""
)
FAILURE = FailureRecord("/n/x.pdf", "x.pdf", "It is encrypted <so>.", 1, 0, "")


def test_documents_and_failures_with_their_reasons() -> None:
    html = library_html([RECORD], [FAILURE])
    assert "1 document, 1,234 passages" in html
    assert "&lt;b&gt;.md" in html
    assert "Owls &amp; finches" in html
    assert "<strong>x.pdf</strong>: It is encrypted &lt;so&gt;." in html
    assert 'data-action="remove" data-document="&lt;b&gt;.md"' in html
    assert "There are no notes yet." in library_html([], [])


def test_progress_counts_files_and_passages() -> None:
    event = IngestEvent(Stage.EMBEDDED, 3, 7, 512, 1600, 4.0, "a.md")
    html = progress_html(event)
    assert "3 of 7 files, 512 of 1,600 passages" in html
    assert re.search(r'<progress value="3" max="7">', html)
    assert "<progress>" in progress_html(IngestEvent(Stage.FOUND, 0, 7, 0, 0, 0.0))


def test_a_report_says_what_was_done_and_what_was_not() -> None:
    report = IngestReport(2, 0, 1, 0, 0, 0, (Complaint("x.pdf", "It is encrypted."),), (), 3, 30, 1.25)
    html = report_html(report)
    assert "2 added, 1 unchanged in 1.2 s." in html
    assert "<strong>x.pdf</strong>: It is encrypted." in html
    nothing = IngestReport(0, 0, 0, 0, 0, 0, (), (), 3, 30, 1.25)
    assert "Nothing was added." in report_html(nothing)
    assert "&lt;x&gt;" in problem_html("<x>")
