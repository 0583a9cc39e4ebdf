"""The line at the top of the page that shows if the models are ready."""

from __future__ import annotations

from markupsafe import Markup

from ui.web.desk import LoadingStage, Status
from ui.web.views.render import render


def status_html(status: Status) -> Markup:
    """Return the status as a small live region: a dot, and the same in words."""
    role = "alert" if status.stage is LoadingStage.FAILED else "status"
    return render("status", status=status, role=role)
