"""What both parts of the page build with: our own HTML, the clicks inside it, and errors told to the person.

Clicks inside our HTML carry a `data-action`, which becomes a Gradio event of that name with the button's other `data-`
values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, TypeVar

import gradio as gr

from rag.errors import LecternError

Handler = TypeVar("Handler", bound=Callable[..., Any])

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""For every event: no veil over what it changes, and no endpoint for others."""


def html(value: str = "", **given: Any) -> gr.HTML:
    """Our own HTML, without the look that Gradio gives to lists and buttons."""
    return gr.HTML(value, apply_default_css=False, **given)


def forwarding(*actions: str) -> str:
    """JavaScript that turns a click on `[data-action=…]` into the event of that name."""
    names = ", ".join(f"'{action}'" for action in actions)
    return (
        "element.addEventListener('click', (event) => {"
        " const button = event.target.closest('[data-action]');"
        f" if (button && [{names}].includes(button.dataset.action)) trigger(button.dataset.action, {{...button.dataset}});"
        "});"
    )


def session(request: gr.Request) -> str:
    """The browser tab an event comes from."""
    return str(request.session_hash or "")


def data(event: gr.EventData, name: str) -> str:
    """A `data-` value of the button that was clicked; empty when it is missing (a request made by hand)."""
    given = event._data if isinstance(event._data, dict) else {}
    return str(given.get(name, ""))


def told(handler: Handler) -> Handler:
    """The handler with expected errors shown to the person as their one sentence."""

    @wraps(handler)
    def call(*given: Any, **named: Any) -> Any:
        try:
            return handler(*given, **named)
        except LecternError as exc:
            raise _shown(exc) from exc

    return call  # type: ignore[return-value]


def told_while(handler: Handler) -> Handler:
    """`told` for a handler that yields."""

    @wraps(handler)
    def call(*given: Any, **named: Any) -> Iterator[Any]:
        try:
            yield from handler(*given, **named)
        except LecternError as exc:
            raise _shown(exc) from exc

    return call  # type: ignore[return-value]


def _shown(error: LecternError) -> gr.Error:
    return gr.Error(str(error), duration=None, title="That did not work", print_exception=False)
