"""Log in, log out, and the page of one's own account."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from rag.errors import InputError, SettingsError
from rag.library.question_log import QuestionLog
from ui.accounts.cookies import cookie_of, set_cookie
from ui.accounts.login_limit import LoginLimit
from ui.accounts.person import Person
from ui.accounts.store import SESSION_TIME, AccountStore
from ui.web.forms import form_of, go_to, page, person_of
from ui.web.language import gettext as _
from ui.web.language import ngettext

_log = logging.getLogger("lectern.accounts")
_MOST_NAME_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class Doors:
    """The accounts, the name of the session cookie, the limit of tries, and the logs.

    `names` is True if the teacher sees who asked.
    """

    accounts: AccountStore
    cookie: str
    limit: LoginLimit
    logs: Callable[[], Sequence[QuestionLog]]
    names: bool

    def delete_questions(self, person: Person) -> None:
        """Delete a person's questions from the logs of all courses."""
        for log in self.logs():
            log.delete_of(person.id)


def add_account_pages(app: FastAPI, doors: Doors) -> None:
    """Add `/login`, `/logout` and `/account`.

    There is nothing to log in to before the first account.
    """

    def has_accounts() -> None:
        if not doors.accounts.required:
            raise HTTPException(404)

    @app.get("/login", include_in_schema=False, dependencies=[Depends(has_accounts)])
    def login_page(request: Request) -> Response:
        return page(request, "login", user="", problem="")

    @app.post("/login", include_in_schema=False, dependencies=[Depends(has_accounts)])
    async def log_in(request: Request) -> Response:
        fields = await _fields(request)
        if isinstance(fields, str):
            return page(request, "login", status=403, user="", problem=fields)
        return await run_in_threadpool(_logged_in, doors, request, fields)

    @app.post("/logout", include_in_schema=False)
    async def log_out(request: Request) -> Response:
        fields = await _fields(request)
        if isinstance(fields, str):
            return _account(doors, request, status=403, problem=fields)
        await run_in_threadpool(doors.accounts.end_session, cookie_of(request.scope, doors.cookie))
        return go_to("/login", set_cookie(request.scope, doors.cookie, "", 0))

    @app.get("/account", include_in_schema=False)
    def account_page(request: Request) -> Response:
        return _account(doors, request)

    @app.post("/account/questions", include_in_schema=False)
    async def delete_questions(request: Request) -> Response:
        fields = await _fields(request)
        if isinstance(fields, str):
            return _account(doors, request, status=403, problem=fields)
        await run_in_threadpool(doors.delete_questions, person_of(request))
        return _account(doors, request, done=_("Your questions are no longer in the log."))

    @app.post("/account", include_in_schema=False)
    async def change_password(request: Request) -> Response:
        fields = await _fields(request)
        if isinstance(fields, str):
            return _account(doors, request, status=403, problem=fields)
        return await run_in_threadpool(_changed, doors, request, fields)


async def _fields(request: Request) -> dict[str, str] | str:
    """Return the fields of a form, or the sentence why it was refused."""
    try:
        return await form_of(request)
    except InputError as exc:
        return str(exc)


def _logged_in(doors: Doors, request: Request, fields: dict[str, str]) -> Response:
    name, password = fields.get("name", "").strip(), fields.get("password", "")
    address = request.client.host if request.client else "-"
    tried = name[:_MOST_NAME_CHARACTERS]
    if wait := doors.limit.try_now(tried, address):
        problem = _waiting(wait)
        response = page(request, "login", status=429, user=name, problem=problem)
        response.headers["retry-after"] = str(math.ceil(wait))
        return response
    person = doors.accounts.verified(name, password)
    if person is None:
        _log.info("wrong name or password from %s", address)
        return page(request, "login", status=401, user=name, problem=_("The name or the password is wrong."))
    doors.limit.right(tried, address)
    token = doors.accounts.begin_session(person)
    _log.info("user:%s logged in from %s", person.id, address)
    return go_to("/", set_cookie(request.scope, doors.cookie, token, int(SESSION_TIME.total_seconds())))


def _changed(doors: Doors, request: Request, fields: dict[str, str]) -> Response:
    """Change the password of the person who sends the form with the old one."""
    person = person_of(request)
    address = request.client.host if request.client else "-"
    if not person.has_account:
        return _account(
            doors,
            request,
            status=400,
            problem=_("This server has no accounts, and everything on it is yours."),
        )
    if wait := doors.limit.try_now(person.name, address):
        problem = _waiting(wait)
        return _account(doors, request, status=429, problem=problem)
    if doors.accounts.verified(person.name, fields.get("password", "")) is None:
        return _account(doors, request, status=401, problem=_("The old password is wrong."))
    doors.limit.right(person.name, address)
    try:
        doors.accounts.set_password(person.name, fields.get("new", ""))
    except SettingsError as exc:
        return _account(doors, request, status=400, problem=str(exc))
    return go_to("/login", set_cookie(request.scope, doors.cookie, "", 0))


def _account(
    doors: Doors, request: Request, *, status: int = 200, problem: str = "", done: str = ""
) -> Response:
    logged = sum(log.count_of(person_of(request).id) for log in doors.logs())
    values: dict[str, Any] = {"problem": problem, "done": done, "logged": logged, "named": doors.names}
    return page(request, "account", status=status, **values)


def _waiting(seconds: float) -> str:
    return ngettext(
        "Too many wrong passwords. Wait %(n)s second and try again.",
        "Too many wrong passwords. Wait %(n)s seconds and try again.",
        math.ceil(seconds),
    )
