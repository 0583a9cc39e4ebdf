"""The notes panel."""

from __future__ import annotations

import re
from dataclasses import replace

from ingest.kinds import UnreadKind
from ingest.report import Complaint, IngestEvent, IngestReport, Stage
from ingest.skipped import Skipped
from rag.library.rows import DocumentRecord, FailureRecord
from rag.note_warnings import NoteWarning, WarningCode
from rag.types import DocumentKind
from ui.web.ingesting.jobs import JobStage, JobState
from ui.web.views.notes_view import library_html, problem_html, progress_html, report_html, result_html

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


def test_unread_content_is_beside_its_document_and_in_the_report() -> None:
    chart = NoteWarning(WarningCode.CHARTS, (2,), count=1, unit="slide")
    harmless = NoteWarning(WarningCode.REPLACED_CHARACTERS, count=1, encoding="utf-8")
    html = library_html([replace(RECORD, warnings=(chart, harmless))], [])
    assert '<span class="unread">Not read: slide 2: a chart without text</span>' in html
    assert "unread" not in library_html([replace(RECORD, warnings=(harmless,))], [])
    complaint = Complaint("d.pptx", str(chart), chart)
    report = IngestReport(1, 0, 0, 0, 0, (), (), (complaint,), 1, 3, 1.0)
    assert "<strong>d.pptx</strong>: slide 2: a chart without text" in report_html(report)
    assert report.as_json()["warnings"] == [
        {
            "path": "d.pptx",
            "code": "charts",
            "unit": "slide",
            "places": [2],
            "reason": "slide 2: a chart without text",
        }
    ]


def test_progress_counts_files_and_passages() -> None:
    event = IngestEvent(Stage.EMBEDDED, 3, 7, 512, 1600, 4.0, "a.md")
    html = progress_html(JobState(JobStage.READING, event, 130.0))
    assert "about 3 minutes left" in html
    assert 'data-action="cancel_ingest"' in html
    assert "Cancelling" in progress_html(JobState(), cancelling=True)
    assert "3 of 7 files, 512 of 1,600 passages" in html
    assert re.search(r'<progress value="3" max="7">', html)
    assert "<progress>" in progress_html(
        JobState(JobStage.READING, IngestEvent(Stage.FOUND, 0, 7, 0, 0, 0.0))
    )


def test_a_cancelled_ingest_says_what_stays() -> None:
    event = IngestEvent(Stage.SAVED, 3, 7, 512, 1600, 4.0, "a.md")
    html = result_html(JobState(JobStage.CANCELLED, event))
    assert "Cancelled: 3 of 7 files were dealt with and stay in the library; the rest was not read." in html
    assert 'data-action="resume_ingest"' in html
    assert "Nothing was changed" in result_html(JobState(JobStage.CANCELLED))
    assert "&lt;x&gt;" in result_html(JobState(JobStage.FAILED, error="<x>"))


def test_a_report_says_what_was_done_and_what_was_not() -> None:
    kind = UnreadKind("pictures", "write <what> they show")
    skipped = (Skipped("a.png", kind), Skipped("b.png", kind))
    report = IngestReport(2, 0, 1, 0, 0, skipped, (Complaint("x.pdf", "It is encrypted."),), (), 3, 30, 1.25)
    html = report_html(report)
    assert "2 added, 1 unchanged in 1.2 s." in html
    assert "<strong>x.pdf</strong>: It is encrypted." in html
    assert "<li>2 pictures (a.png, b.png): write &lt;what&gt; they show</li>" in html
    nothing = IngestReport(0, 0, 0, 0, 0, (), (), (), 3, 30, 1.25)
    assert "Nothing was added." in report_html(nothing)
    assert "&lt;x&gt;" in problem_html("<x>")
