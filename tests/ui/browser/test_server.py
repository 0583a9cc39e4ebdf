"""The server behind the page: its port, other sites, its sockets."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser_pages import ROOT, Server, Visit

from tests.patience import PATIENCE_SECONDS

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


def test_a_server_stopped_under_an_open_page_says_nothing_of_it(
    browser: Browser, library: Path, tmp_path: Path
) -> None:
    log = tmp_path / "sockets.txt"
    log.touch()
    stopped = Server(library, log)
    page = Visit(browser, stopped.address).page
    assert stopped.close() == ""
    page.context.close()


def test_a_busy_port_is_one_sentence(server: Server, tmp_path: Path) -> None:
    port = server.address.rpartition(":")[2]
    command = [
        sys.executable,
        "-m",
        "ui.cli",
        "chat",
        "--port",
        port,
        "--no-browser",
        "--library",
        str(tmp_path),
    ]
    result = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
    )
    assert result.returncode == 1
    assert f"Port {port} on 127.0.0.1 is in use" in result.stderr
    assert "--port" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_foreign_page_cannot_reach_the_server(server: Server) -> None:
    host, port = server.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
        assert connection.recv(64).startswith(b"HTTP/1.1 421")


class _Elsewhere(BaseHTTPRequestHandler):
    """A page on another site; `localhost` is another one than 127.0.0.1."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>Elsewhere</title>")

    def log_message(self, *given: Any) -> None:
        pass


def test_another_page_can_link_to_ours_and_nothing_more(browser: Browser, server: Server) -> None:
    elsewhere = ThreadingHTTPServer(("127.0.0.1", 0), _Elsewhere)
    threading.Thread(target=elsewhere.serve_forever, daemon=True).start()
    for host in ("localhost", "127.0.0.1"):  # cross-site, and same-site but for the port
        page = browser.new_page()
        for path in ("/gradio_api/file=https://evil.example", "/gradio_api/queue/data?session_hash=a"):
            page.goto(f"http://{host}:{elsewhere.server_port}")
            page.evaluate("(url) => { location = url; }", server.address + path)
            page.wait_for_selector("text=Another web page asked for this")
        page.goto(f"http://{host}:{elsewhere.server_port}")
        page.evaluate("(url) => { location = url; }", server.address)
        page.wait_for_selector(".welcome, .exchange")
        page.close()
    elsewhere.shutdown()
    elsewhere.server_close()


def test_the_servers_opened_no_socket_outside_the_loopback(server: Server, talker: Server) -> None:
    seen = [line for each in (server, talker) for line in each.log.read_text(encoding="utf-8").splitlines()]
    assert [line for line in seen if "127.0.0.1" not in line and "::1" not in line] == []


def test_a_page_on_the_network_asks_for_its_password(
    browser: Browser, library: Path, serve: Callable[..., Server], tmp_path: Path
) -> None:
    password = tmp_path / "password"
    password.write_text("owls at night\n", encoding="utf-8")
    running = serve(library, "--host", "0.0.0.0", "--password-file", str(password))
    stranger = browser.new_context()
    assert stranger.request.get(running.address).status == 401
    stranger.close()
    owner = {"username": "ann", "password": "owls at night"}
    visit = Visit(browser, running.address, http_credentials=owner)
    visit.ask.answered("What is the Nyquist rate?")
    visit.close()
