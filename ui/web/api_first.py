"""The HTTP API under the web app's address."""

from __future__ import annotations

from ui.api.app import is_api_path
from ui.asgi import App, Receive, Scope, Send


class ApiFirst:
    """ASGI middleware that gives the API its paths and the page all others.

    The API has checks of its own (`ui.api.guard`): keys, and the same names and sites as the page.
    """

    def __init__(self, app: App, *, api: App) -> None:
        self._app = app
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        serves = scope["type"] == "http" and is_api_path(scope["path"])
        await (self._api if serves else self._app)(scope, receive, send)
