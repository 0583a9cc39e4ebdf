"""A wrong answer becomes a golden question of the library."""

from __future__ import annotations

import json
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from eval.golden.feedback import Verdict, golden_from_answer, parse_verdict
from eval.golden.golden_file import GoldenQuestion, GoldSpan, append_golden
from rag.errors import InputError, LecternError
from rag.library.backup import GOLDEN
from ui.accounts.person import Person
from ui.console import to_json
from ui.teacher.rendering import teacher_page
from ui.web.conversation import Exchange, history_of
from ui.web.courses.desks import CourseDesks, PerCourse
from ui.web.courses.path import course_in
from ui.web.forms import form_of, person_of
from ui.web.language import gettext as _
from ui.web.language import noted
from ui.web.views.passage_view import passage_html

if TYPE_CHECKING:
    from markupsafe import Markup

    from rag.types import Hit
    from ui.web.desk import Desk
    from ui.web.personal import Personal

_WORDS = {
    Verdict.WRONG_ANSWER: noted("The answer is wrong"),
    Verdict.WRONG_SOURCE: noted("The answer is right, its source is wrong"),
    Verdict.MISSING: noted("It is in the notes and was not found"),
    Verdict.SHOULD_HAVE_REFUSED: noted("It is not in the notes: Lectern should have said so"),
    Verdict.GOOD: noted("It is right, and shall stay so"),
}
_ADDRESS = "/lectern/golden/{exchange}"
_SEARCHED = 10
_ONE_AT_A_TIME = Lock()


def add_golden_pages(app: FastAPI, desks: CourseDesks, personal: PerCourse[Personal]) -> None:
    """Add the form that makes a golden question of one of the teacher's own exchanges."""

    def makers(request: Request) -> _GoldenQuestions:
        course = course_in(request.scope)
        return _GoldenQuestions(desks.desk(course), personal.of(course))

    @app.get(_ADDRESS, include_in_schema=False)
    def form(request: Request, exchange: str, words: str = "") -> Response:
        return _form(request, makers(request), exchange, words=words)

    @app.post(_ADDRESS, include_in_schema=False)
    async def save(request: Request, exchange: str) -> Response:
        fields = await form_of(request)
        try:
            saved = await run_in_threadpool(makers(request).save, person_of(request), exchange, fields)
        except LecternError as exc:
            return _form(request, makers(request), exchange, status=400, problem=str(exc), fields=fields)
        return teacher_page(
            request,
            "golden_saved",
            conversation=makers(request).conversation(person_of(request), exchange),
            saved=saved,
        )


def _form(
    request: Request,
    makers: _GoldenQuestions,
    exchange: str,
    *,
    words: str = "",
    status: int = 200,
    problem: str = "",
    fields: dict[str, str] | None = None,
) -> Response:
    asked = makers.exchange(person_of(request), exchange)
    given = fields or {}
    answer = asked.answer
    refused = answer is not None and answer.abstained
    chosen = given.get("verdict") or asked.verdict or (Verdict.MISSING if refused else Verdict.WRONG_ANSWER)
    if chosen == Verdict.GOOD and not given:
        chosen = Verdict.WRONG_ANSWER
    values = {
        "asked": asked,
        "verdicts": _WORDS,
        "chosen": str(chosen),
        "passages": makers.drawn(makers.passages(asked, words)),
        "passage": given.get("passage", ""),
        "right_answer": given.get("answer", ""),
        "words": words,
        "problem": problem,
        "conversation": makers.conversation(person_of(request), exchange),
    }
    return teacher_page(request, "golden", status=status, **values)


class _GoldenQuestions:
    """The exchanges of a teacher, and the golden questions that are made of them."""

    def __init__(self, desk: Desk, personal: Personal) -> None:
        self._desk = desk
        self._personal = personal

    def exchange(self, person: Person, identity: str) -> Exchange:
        """Return one of the person's exchanges.

        Raises:
            InputError: there is none of that id with an answer.
        """
        found = self._personal.chat(person).conversations.exchange(identity)
        if found is None or found.answer is None:
            raise InputError(
                _("This answer is not here any more. Ask the question again and correct the new one.")
            )
        return found

    def conversation(self, person: Person, identity: str) -> str:
        """Return the conversation of one of the person's exchanges."""
        return self._personal.chat(person).conversations.conversation_of(identity)

    def passages(self, asked: Exchange, words: str) -> list[Hit]:
        """Return the passages of an exchange, or those that other words find."""
        if not words.strip():
            return list(asked.hits)
        return list(self._desk.application.searcher.search(words, _SEARCHED))

    def drawn(self, hits: list[Hit]) -> list[tuple[Hit, Markup]]:
        """Return passages, each as the sources panel shows it, without pictures."""
        layouts = self._desk.layouts(hits)
        return [(hit, passage_html(hit.chunk.text, layouts[hit.chunk.id])) for hit in hits]

    def save(self, person: Person, identity: str, fields: dict[str, str]) -> GoldenQuestion:
        """Add the golden question to the library's file, and keep the verdict.

        Raises:
            InputError: something that the verdict needs is missing.
            DatasetError: the question is in the file already, or it cannot be written.
        """
        asked, verdict = self.exchange(person, identity), parse_verdict(fields.get("verdict", ""))
        store = self._personal.chat(person).conversations
        conversation, earlier = store.conversation_of(identity), []
        for one in store.exchanges(conversation):
            if one.id == identity:
                break
            earlier.append(one)
        made = golden_from_answer(
            json.loads(to_json(asked.answer)),
            verdict,
            history=history_of(earlier),
            right_answer=fields.get("answer", ""),
            gold=self._span(fields.get("passage", "")),
        )
        with _ONE_AT_A_TIME:
            append_golden(self._desk.library.folder / GOLDEN, made)
        self._desk.library.add_feedback(asked.question, to_json(asked.answer), verdict.value, "")
        store.save(conversation, replace(asked, verdict=verdict))
        return made

    def _span(self, passage: str) -> list[GoldSpan]:
        """Return the marked passage as the notes have it now; none without a mark.

        `passage` is `START-END-DOCUMENT`.
        """
        if not passage:
            return []
        start, _dash, rest = passage.partition("-")
        end, _dash, name = rest.partition("-")
        document = self._desk.document(name)
        if document is None or not (start.isdecimal() and end.isdecimal()):
            raise InputError(
                _("The marked passage is not in the notes any more. Search for it and mark it again.")
            )
        first, last = int(start), int(end)
        text = document.text[first:last]
        if not text:
            raise InputError(
                _("The marked passage is not in the notes any more. Search for it and mark it again.")
            )
        return [GoldSpan(document=name, start=first, end=last, text=text)]
