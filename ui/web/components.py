"""Shared components of the page: our own HTML, its clicks, and error messages.

Clicks inside our HTML carry a `data-action`, which becomes a Gradio event of that name with the button's other `data-`
values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, TypeVar

import gradio as gr

from rag.errors import InputError, LecternError
from ui.accounts.person import PERSON, Person
from ui.web.language import gettext as _

Handler = TypeVar("Handler", bound=Callable[..., Any])

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""For every event: no veil over what it changes, and no endpoint for others."""
EACH: dict[str, Any] = QUIET | {"trigger_mode": "multiple"}
"""The same, for an event of which every click counts.

Gradio's browser part drops a click while the same event still ends, which is after its view is seen.
"""


def html(value: str = "", **given: Any) -> gr.HTML:
    """Return our own HTML, without the look that Gradio gives to lists and buttons."""
    return gr.HTML(value, apply_default_css=False, **given)


def forwarding(*actions: str) -> str:
    """Return JavaScript that turns a click on `[data-action=…]` into an event."""
    names = ", ".join(f"'{action}'" for action in actions)
    return (
        "element.addEventListener('click', (event) => {"
        " const button = event.target.closest('[data-action]');"
        f" if (button && [{names}].includes(button.dataset.action)) trigger(button.dataset.action, {{...button.dataset}});"
        "});"
    )


def session(request: gr.Request) -> str:
    """Return the browser tab of an event."""
    return str(request.session_hash or "")


def person_behind(request: gr.Request) -> Person:
    """Return the person behind an event, as the gate found it.

    Raises:
        InputError: the request did not pass the gate.
    """
    found = getattr(request.request, "scope", {}).get(PERSON)
    if not isinstance(found, Person):
        raise InputError(_("Log in first: open / for the page."))
    return found


def data(event: gr.EventData, name: str) -> str:
    """Return a `data-` value of the button that was clicked.

    It is empty when it is missing (a request made by hand).
    """
    given = event._data if isinstance(event._data, dict) else {}
    return str(given.get(name, ""))


def errors_shown(handler: Handler) -> Handler:
    """Return the handler with expected errors shown to the person as one sentence."""

    @wraps(handler)
    def call(*given: Any, **named: Any) -> Any:
        try:
            return handler(*given, **named)
        except LecternError as exc:
            raise shown_error(exc) from exc

    return call  # type: ignore[return-value]


def errors_shown_while(handler: Handler) -> Handler:
    """Return `errors_shown` for a handler that yields."""

    @wraps(handler)
    def call(*given: Any, **named: Any) -> Iterator[Any]:
        try:
            yield from handler(*given, **named)
        except LecternError as exc:
            raise shown_error(exc) from exc

    return call  # type: ignore[return-value]


def shown_error(error: LecternError) -> gr.Error:
    """Return the error as Gradio shows it to the person: its one sentence."""
    return gr.Error(str(error), duration=None, title=_("That did not work"), print_exception=False)
