"""The reply to "quiz me"."""

from __future__ import annotations

from rag.answer.route import Route, route
from rag.answer.study_request import study_draft
from rag.types import AnswerKind


def test_a_request_for_a_quiz_leads_to_the_study_page() -> None:
    assert route("Quiz me on chapter 3", False).route is Route.STUDY
    draft = study_draft("quiz me", None, None)
    assert draft.kind is AnswerKind.STUDY and "“Study”" in draft.text and "`lectern study quiz`" in draft.text
    assert not draft.citations
