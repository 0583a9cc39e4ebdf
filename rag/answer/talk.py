"""Replies to messages that ask nothing of the notes: greetings, thanks, help."""

from __future__ import annotations

from rag.answer.found import Draft
from rag.answer.route import Route
from rag.answer.texts import texts_for
from rag.types import AnswerKind

TALK = frozenset({Route.GREETING, Route.THANKS, Route.HELP})
"""The routes that need no search and have a fixed reply."""


def talk_draft(route: Route, message: str) -> Draft:
    """Return the reply to a message of one of these routes, without sources."""
    texts = texts_for(message)
    reply = {Route.GREETING: texts.greeting, Route.THANKS: texts.thanks, Route.HELP: texts.help}[route]
    return Draft(AnswerKind.TALK, reply)
