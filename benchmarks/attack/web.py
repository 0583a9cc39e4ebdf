"""Requests of strangers and of other web pages.

None gets a secret, changes anything or keeps the server busy.

The real server listens on a loopback address and is spoken to byte by byte.
"""

from __future__ import annotations

import base64
import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from benchmarks.attack.course import make_library, write_notes
from benchmarks.attack.tally import Tally
from rag.errors import ModelMissing
from rag.library.library import Library
from rag.settings import AccessSettings, ChatSettings, Settings
from ui.access import Access

SECRET = "the-secret-that-nobody-may-read-42"
PASSWORD = "owls at night"
_FOREIGN = (
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "10.0.0.7",
    "",
    "evil.example:7860",
)


@dataclass(frozen=True, slots=True)
class _Try:
    """One request, and the statuses with which it is refused."""

    kind: str
    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    refused: frozenset[int] = frozenset({400, 403, 404, 405, 413, 421, 422})


class _Application:
    """A library without models; the requests need none."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings()
        self._library, self.server = Library.open(folder), None

    def open_library(self) -> Library:
        """Return the library."""
        return self._library

    @property
    def embedder(self) -> None:
        """Raise the error of a missing model."""
        raise ModelMissing("There is no embedding model here.")

    def chain(self) -> None:
        """Raise the error of a missing model."""
        raise ModelMissing("There is no chat model here.")


def attack(tries: int, seed: int = 0) -> Tally:
    """Send requests that must be refused to a local page, and to one with a password."""
    generator, tally = random.Random(seed), Tally("web requests")
    with TemporaryDirectory(prefix="attack-") as name:
        place = Path(name)
        (place / "secret.md").write_text(SECRET, encoding="utf-8")
        write_notes(place / "notes", 2)
        make_library(place / "library", place / "notes")
        with running(place, Access("127.0.0.1", AccessSettings())) as (port, _):
            local = list(_local_tries(place, port))
            generator.shuffle(local)
            for number in range(tries * 2 // 3):
                _send(port, local[number % len(local)], tally)
            _still_serves(port, {}, tally)
        with running(place, Access("0.0.0.0", AccessSettings(password=PASSWORD))) as (port, _):
            strange = list(_password_tries(port, generator))
            for number in range(tries - tries * 2 // 3 - 2):
                _send(port, strange[number % len(strange)], tally)
            _still_serves(port, {"Authorization": basic("ann", PASSWORD)}, tally)
    return tally


def _local_tries(place: Path, port: int) -> Iterator[_Try]:
    secret = str(place / "secret.md")
    targets = (
        secret,
        "/etc/passwd",
        f"{place}/uploads/../secret.md",
        "/proc/self/environ",
        "https://evil.example/a.html",
    )
    for target in targets:
        for written in (
            target,
            quote(target, safe=""),
            quote(quote(target, safe=""), safe=""),
            "//" + target.lstrip("/"),
        ):
            yield _Try("a file by its path", "GET", f"/gradio_api/file={written}")
        yield _Try("another address", "GET", f"/gradio_api/proxy={quote(target, safe='')}")
        event = {
            "fn_index": 1,
            "data": [[{"path": target, "meta": {"_type": "gradio.FileData"}}]],
            "session_hash": "x",
        }
        page = {"Origin": "http://evil.example", "Content-Type": "application/json"}
        yield _Try("a forged event", "POST", "/gradio_api/queue/join", page, json.dumps(event).encode())
    for path in ("/..%2f..%2fetc/passwd", "/lectern/static/..%2f..%2fserver.py", "/assets/../../../../etc/passwd",
                 "/lectern/export/..%2f..%2fsecret.md", "/static/%2e%2e/%2e%2e/etc/passwd"):  # fmt: skip
        yield _Try("a path that climbs", "GET", path)
    for host in _FOREIGN:
        for path in ("/", "/lectern/export/c1", "/gradio_api/queue/data?session_hash=x"):
            yield _Try("DNS rebinding", "GET", path, {"Host": host})
    for site in ("cross-site", "same-site"):
        for path in ("/lectern/export/c1", "/gradio_api/queue/data?session_hash=x", "/theme.css"):
            yield _Try("a read of another page", "GET", path, {"Sec-Fetch-Site": site})
        yield _Try(
            "a frame",
            "GET",
            "/",
            {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        )
    for origin in (
        "http://evil.example",
        "null",
        f"http://127.0.0.1:{port + 1}",
        f"https://127.0.0.1:{port}.evil.example",
    ):
        for path in ("/gradio_api/queue/join", "/gradio_api/run/predict", "/gradio_api/upload"):
            yield _Try(
                "a form of another page",
                "POST",
                path,
                {"Origin": origin, "Content-Type": "text/plain"},
                b"{}",
            )
    for path in (
        "/config",
        "/gradio_api/info",
        "/gradio_api/openapi.json",
        "/docs",
        "/monitoring",
        "/login",
        "/gradio_api/component_server",
    ):
        yield _Try("an address that is not needed", "GET", path)
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        yield _Try("another method", method, "/gradio_api/queue/join")
    huge = b'{"data": "' + b"x" * 2_000_000 + b'"}'
    for path in ("/gradio_api/queue/join", "/gradio_api/run/predict"):
        yield _Try("too long a body", "POST", path, {"Content-Type": "application/json"}, huge)


def _password_tries(port: int, generator: random.Random) -> Iterator[_Try]:
    refused = frozenset({401, 421, 429})
    for path in (
        "/",
        "/lectern/export/c1",
        "/theme.css",
        "/gradio_api/queue/data?session_hash=x",
        "/gradio_api/file=/etc/passwd",
    ):
        yield _Try("without a password", "GET", path, refused=refused)
    for host in ("evil.example", "notes.example.edu"):
        right = {"Host": host, "Authorization": basic("ann", PASSWORD)}
        yield _Try("DNS rebinding with the password", "GET", "/", right, refused=refused)
    for header in (
        "Basic",
        "Basic !!!",
        "Bearer",
        "Bearer ",
        f"Digest {PASSWORD}",
        PASSWORD,
        basic("ann", ""),
        basic(PASSWORD, "ann"),
    ):
        yield _Try("a malformed password", "GET", "/", {"Authorization": header}, refused=refused)
    while True:
        guess = PASSWORD[: generator.randrange(len(PASSWORD))] + generator.choice("abcXYZ!\0")
        yield _Try("a wrong password", "GET", "/", {"Authorization": basic("ann", guess)}, refused=refused)
        if generator.random() < 0.02:
            return


def _send(port: int, attempt: _Try, tally: Tally) -> None:
    """Send one request and judge the answer."""
    what = f"{attempt.kind}: {attempt.method} {attempt.path[:80]} {attempt.headers}"
    try:
        status, text = _answer(port, attempt)
    except (ConnectionError, HTTPException):
        tally.add(f"{attempt.kind} (closed)")
        return
    except OSError as exc:
        tally.add("no answer", f"{what}: {exc}")
        return
    if SECRET in text or "root:" in text:
        tally.add("secret read", what)
    else:
        tally.add(attempt.kind, "" if status in attempt.refused else f"{what}: status {status}")


def _answer(port: int, attempt: _Try) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.putrequest(attempt.method, attempt.path, skip_host="Host" in attempt.headers)
        for name, value in attempt.headers.items():
            connection.putheader(name, value)
        if attempt.body is not None:
            connection.putheader("Content-Length", str(len(attempt.body)))
        connection.endheaders(attempt.body)
        response = connection.getresponse()
        return response.status, response.read(100_000).decode("utf-8", "replace")
    finally:
        connection.close()


def _still_serves(port: int, headers: dict[str, str], tally: Tally) -> None:
    """Count a failure if the page is gone after the attacks."""
    status, _ = _answer(port, _Try("the page itself", "GET", "/", headers))
    known = status == 200 or (status == 429 and bool(headers))  # after many guesses its own person waits too
    tally.add("the page itself", "" if known else f"the page answers {status} after the attacks")


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@contextmanager
def running(place: Path, access: Access) -> Iterator[tuple[int, Any]]:
    """Yield the port of a running page; it listens on a loopback address in any case."""
    import uvicorn

    from ui.addresses import bound_socket
    from ui.web.desk import Desk
    from ui.web.server import build_app, silence

    silence()
    uploads = place / "uploads"
    uploads.mkdir(exist_ok=True)
    desk = Desk(_Application(place / "library"))  # type: ignore[arg-type]
    desk.load()
    app = build_app(desk, access, uploads)
    bound = bound_socket(ChatSettings(port=0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    try:
        yield bound.getsockname()[1], server
    finally:
        server.should_exit = True
        thread.join(10)
        bound.close()
