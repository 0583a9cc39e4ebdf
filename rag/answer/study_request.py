"""The reply to a request for a quiz or cards: where they are made."""

from __future__ import annotations

from rag.answer.found import Draft
from rag.answer.notes import Notes
from rag.answer.scope_by_place import named_part
from rag.answer.scope_in_words import named_by_title
from rag.search.scope import Scope
from rag.types import AnswerKind

REPLY = (
    "I make quizzes and cards from your notes, each with a checked key and its source. Open the page “Study”, or run "
    "`lectern study quiz{scope}` in a terminal; `lectern study cards{scope}` makes cards that come back when they are due."
)


def study_draft(question: str, notes: Notes | None, scope: Scope | None) -> Draft:
    """Return the reply as a draft without sources.

    Documents that the request names are put into the commands.
    """
    named = None
    if notes is not None:
        named = named_part(question, notes, scope) or named_by_title(question, notes, scope)
    within = f' --scope "document:{named.documents[0]}"' if named else ""
    about = f"From “{named.label}”: " if named else ""
    return Draft(AnswerKind.STUDY, about + REPLY.format(scope=within))
