"""The web server: the page, its two files of our own, exports, and the guard in front of them, on one address.

Uvicorn is run by hand instead of through Gradio's `launch`, so that a busy port is one sentence, nothing is probed over the
network at the start, and our headers stand before everything Gradio serves.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import webbrowser
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from rag.errors import ServerError
from rag.settings import ChatSettings
from rag.telemetry import switch_off_telemetry
from ui.web.export import conversation_markdown, file_name
from ui.web.security import Guard, is_loopback

if TYPE_CHECKING:
    from fastapi import FastAPI

    from ui.web.desk import Desk

STATIC = Path(__file__).parent / "static"
# Set over whatever the person's environment says: they would open the page to others.
_CLOSED = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_RUN_HISTORY": "False",
    "GRADIO_SHARE": "False",
    "GRADIO_ALLOWED_PATHS": "",
}


def silence() -> None:
    """Switches off what Gradio and the Hugging Face client would send; must come before Gradio is imported."""
    switch_off_telemetry()
    os.environ.update(_CLOSED)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")


def bound_socket(settings: ChatSettings) -> socket.socket:
    """A socket that listens on the address and port of the settings, so that no second server can take them meanwhile.

    Raises:
        ServerError: the port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((settings.host, settings.port))
        bound.listen()
    except OSError as exc:
        bound.close()
        raise ServerError(_bind_message(settings, exc)) from exc
    return bound


def build_app(desk: Desk) -> FastAPI:
    """The whole web application for a desk."""
    import gradio
    from fastapi import FastAPI
    from fastapi.responses import FileResponse, Response
    from fastapi.staticfiles import StaticFiles

    from ui.web.page import build_page
    from ui.web.theme import theme

    settings = desk.settings.chat
    local = is_loopback(settings.host)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/lectern/static", StaticFiles(directory=STATIC))

    @app.get("/favicon.ico", include_in_schema=False)
    def favicon() -> FileResponse:
        return FileResponse(STATIC / "lectern.svg", media_type="image/svg+xml")

    @app.get("/lectern/export/{conversation}", include_in_schema=False)
    def export(conversation: str) -> Response:
        exchanges = desk.conversations.exchanges(conversation)
        if not exchanges:
            return Response("There is no such conversation.", status_code=404, media_type="text/plain")
        disposition = f'attachment; filename="{file_name(exchanges)}"'
        text = conversation_markdown(exchanges)
        return Response(text, media_type="text/markdown", headers={"content-disposition": disposition})

    gradio.mount_gradio_app(
        app,
        build_page(desk, local=local),
        path="/",
        server_name=settings.host,
        server_port=settings.port,
        theme=theme(),
        head=_head(),
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        show_error=False,
        max_file_size=settings.max_upload_bytes,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
    )
    app.add_middleware(Guard, loopback_only=local)
    return app


def serve(desk: Desk, *, browser: bool, opened: Callable[[str], None]) -> None:
    """Serves the page until it is interrupted. `opened` is called with the address once it answers.

    Raises:
        ServerError: the port is taken, or the address is not this machine's.
    """
    import uvicorn

    bound = bound_socket(desk.settings.chat)
    address = _address(desk.settings.chat.host, bound.getsockname()[1])
    # Gradio keeps what is uploaded in a folder that all users of a machine share, unless it is told of another.
    temporary = TemporaryDirectory(prefix="lectern-")
    os.environ["GRADIO_TEMP_DIR"] = temporary.name

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            opened(address)
            desk.load()
            if browser:
                webbrowser.open(address)

    config = uvicorn.Config(
        build_app(desk), log_level="warning", access_log=False, timeout_graceful_shutdown=2
    )
    server = Server(config)
    # An open page holds a request that only ends with the server: to cancel it is no error to tell.
    logging.getLogger("uvicorn.error").addFilter(lambda record: not server.should_exit)
    signal.signal(
        signal.SIGTERM, _leave
    )  # uvicorn ends and hands the signal on; the folder must still be emptied
    with bound, temporary:
        server.run(sockets=[bound])


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _head() -> str:
    """What is added to the page's head: our style and script, and where Gradio keeps KaTeX."""
    katex, style = _katex()
    return "".join(
        (
            '<link rel="stylesheet" href="/lectern/static/lectern.css">',
            f'<link rel="stylesheet" href="{style}"><meta name="lectern-katex-style" content="{style}">'
            if style
            else "",
            f'<meta name="lectern-katex" content="{katex}">' if katex else "",
            '<script type="module" src="/lectern/static/lectern.js"></script>',
        )
    )


def _katex() -> tuple[str, str]:
    """The addresses of the KaTeX module and style that the installed Gradio serves; empty where it has none.

    Without them formulas are shown as their source.
    """
    import gradio

    assets = Path(gradio.__file__).parent / "templates" / "frontend" / "assets"
    found = [sorted(assets.glob(pattern)) for pattern in ("katex-*.js", "katex-*.css")]
    return tuple(f"/assets/{files[0].name}" if files else "" for files in found)  # type: ignore[return-value]


def _address(host: str, port: int) -> str:
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def _bind_message(settings: ChatSettings, exc: OSError) -> str:
    if exc.errno == errno.EADDRINUSE:
        return (
            f"Port {settings.port} on {settings.host} is in use, perhaps by another `lectern chat`. Close that one, or "
            f"choose another port: lectern chat --port {settings.port + 1 if settings.port < 65535 else 7861}"
        )
    if exc.errno == errno.EACCES:
        return f"Port {settings.port} needs more rights than you have. Choose one above 1023: lectern chat --port 7860"
    return f"{settings.host} is not an address of this machine ({exc.strerror}). Use --host 127.0.0.1."


def warning(settings: ChatSettings) -> str:
    """What to say when the page can be reached from other machines; empty when it cannot."""
    if is_loopback(settings.host):
        return ""
    return (
        f"The page listens on {settings.host} without a password: everyone who reaches this machine can read the notes and "
        "the conversations and add notes. Adding folders by path and choosing an adapter are switched off."
    )
