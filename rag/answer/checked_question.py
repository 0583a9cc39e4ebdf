"""The check of a question before anything is done with it."""

from __future__ import annotations

from rag.errors import QuestionError
from rag.settings import AnswerSettings


def checked_question(question: str, settings: AnswerSettings) -> str:
    """Return a question without the white space around it.

    Raises:
        QuestionError: it is empty or too long.
    """
    stripped = question.strip()
    if not stripped:
        raise QuestionError("The question is empty. Ask something about your notes.")
    if len(stripped) > settings.max_question_chars:
        raise QuestionError(
            f"The question has {len(stripped):,} characters; at most {settings.max_question_chars:,} are "
            "accepted. Shorten it, or put the long text into a note and ingest that."
        )
    return stripped
