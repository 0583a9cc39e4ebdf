"""The line at the top of the page that says whether the models are ready."""

from __future__ import annotations

from html import escape

from ui.web.desk import Stage, Status


def status_html(status: Status) -> str:
    """The status as a small live region: a dot, and the same in words."""
    role = "alert" if status.stage is Stage.FAILED else "status"
    return f'<p class="status {status.stage}" role="{role}"><span class="dot" aria-hidden="true"></span>{escape(status.message)}</p>'
