"""The language of the web app: its catalogues, and the language of a request.

The catalogues are the files `locale/*.po`. The language is the one chosen in the page's menu, kept in a cookie,
else the first one of the browser's `Accept-Language` that has a catalogue, else English.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import cache
from gettext import NullTranslations
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any

from ui.asgi import App, Receive, Scope, Send
from ui.web.catalogue import Catalogue

LOCALES = Path(__file__).parent / "locale"
LANGUAGES = {"en": "English", "de": "Deutsch", "es": "Español", "zh": "中文", "ar": "العربية"}
"""The languages of the page by code, each by its own name."""
LANGUAGE = "LANGUAGE"
"""The marked message that becomes the code of the language."""
DIRECTION = "DIRECTION"
"""The marked message that becomes `ltr` or `rtl`."""
COOKIE = "lectern-language"


def noted(message: str) -> str:
    """Return a message as it is; it is translated where it is shown."""
    return message


SCRIPT_WORDS = {
    "copied": noted("Copied"),
    "answering": noted("Answering…"),
    "found": noted("%(n)s found"),
    "failed": noted("That did not work"),
    "dismiss": noted("Dismiss"),
}
"""The words of `static/lectern.js`."""
_RIGHT_TO_LEFT = frozenset({"ar"})
_COMMA_LANGUAGES = frozenset({"de", "es"})
"""The languages with a comma before the decimals and points between thousands."""
_SWAPPED = str.maketrans(",.", ".,")
_DAYS = {
    "de": ("{day}. {month}", "Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez."),
    "es": ("{day} {month}", "ene feb mar abr may jun jul ago sept oct nov dic"),
    "zh": ("{month}{day}日", "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月"),
    "ar": ("{day} {month}", "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر"),
}
"""The form of a day and the short names of the months. Source: Unicode CLDR, skeleton `MMMd`."""
_OPEN, _CLOSE = "\ue000", "\ue001"
_MARKED = re.compile(f"{_OPEN}([^{_CLOSE}]*){_CLOSE}")
_current: ContextVar[str] = ContextVar("lectern-language", default="en")


def gettext(message: str, **values: Any) -> str:
    """Return a message in the current language, each `%(name)s` replaced by its value."""
    text = _catalogue(_current.get()).gettext(message) if message else ""
    return text % values if values else text


def ngettext(one: str, many: str, n: int, **values: Any) -> str:
    """Return the message for a number in the current language; `%(n)s` is the number."""
    return _catalogue(_current.get()).ngettext(one, many, n) % {"n": number(n), **values}


def number(value: float, digits: int = 0) -> str:
    """Return a number with `digits` decimals, as the current language writes it."""
    plain = f"{value:,.{digits}f}"
    return plain.translate(_SWAPPED) if current() in _COMMA_LANGUAGES else plain


def day_of_month(moment: datetime) -> str:
    """Return a day and its month's short name, as the current language writes them."""
    if current() == "en":
        return f"{moment.day} {moment:%b}"
    form, months = _DAYS[current()]
    return form.format(day=moment.day, month=months.split()[moment.month - 1])


def marked(message: str) -> str:
    """Return a message of the page's frame with marks around it.

    Gradio builds the frame once for all languages; `unmarked` translates it for each request.
    """
    return f"{_OPEN}{message}{_CLOSE}"


def unmarked(value: Any) -> Any:
    """Return a copy of a JSON value with every marked message in the current language."""
    if isinstance(value, str):
        return _MARKED.sub(_replaced, value) if _OPEN in value else value
    if isinstance(value, Mapping):
        return {key: unmarked(each) for key, each in value.items()}
    return [unmarked(each) for each in value] if isinstance(value, list | tuple) else value


def current() -> str:
    """Return the code of the current language."""
    return _current.get()


def direction(language: str) -> str:
    """Return `rtl` for a language that is written from right to left, else `ltr`."""
    return "rtl" if language in _RIGHT_TO_LEFT else "ltr"


@contextmanager
def using(language: str) -> Iterator[None]:
    """Make a language the current one."""
    token = _current.set(language)
    try:
        yield
    finally:
        _current.reset(token)


def use(headers: Mapping[str, str]) -> None:
    """Make the language that a request asks for the current one of this task."""
    _current.set(asked_for(headers))


def asked_for(headers: Mapping[str, str]) -> str:
    """Return the language that the headers of a request ask for."""
    chosen = _chosen(headers.get("cookie", ""))
    return chosen or _accepted(headers.get("accept-language", "")) or "en"


class LanguageOfRequest:
    """ASGI middleware that makes the language of a request the current one."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request in its language."""
        if scope["type"] == "http":
            use({name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]})
        await self._app(scope, receive, send)


def _replaced(mark: re.Match[str]) -> str:
    if mark[1] == DIRECTION:
        return direction(current())
    return current() if mark[1] == LANGUAGE else gettext(mark[1])


def _chosen(cookies: str) -> str:
    try:
        morsel = SimpleCookie(cookies).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel and morsel.value in LANGUAGES else ""


def _accepted(header: str) -> str:
    """Return the language of highest weight that has a catalogue, the first of equals."""
    best, highest = "", 0.0
    for entry in header.split(","):
        tag, _, parameter = entry.strip().partition(";")
        code = tag.strip().lower().partition("-")[0]
        try:
            weight = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if code in LANGUAGES and weight > highest:
            best, highest = code, weight
    return best


@cache
def _catalogue(language: str) -> NullTranslations:
    if language == "en":
        return NullTranslations()
    return Catalogue(LOCALES / f"{language}.po")
