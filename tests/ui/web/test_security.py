"""The guard: headers, the nonce of every script, and no foreign host."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from ui.web.security import Guard, host_of, is_loopback, policy

PAGE = b"<html><script>a()</script><SCRIPT>b()</SCRIPT><script type=module src=x></script></html>"


async def page(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", str(len(PAGE)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": PAGE[:20], "more_body": True})
    await send({"type": "http.response.body", "body": PAGE[20:]})


async def stream(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"content-type", b"text/event-stream"), (b"Content-Security-Policy", b"default-src *")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"data: <script>\n\n", "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def get(
    app: Any, host: str = "127.0.0.1:7860", loopback_only: bool = True, origin: str = ""
) -> tuple[int, dict[str, str], bytes, int]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    given = [(b"host", host.encode()), *([(b"origin", origin.encode())] if origin else [])]
    scope = {"type": "http", "path": "/", "headers": given}
    asyncio.run(Guard(app, loopback_only=loopback_only)(scope, None, send))  # type: ignore[arg-type]
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(message["body"] for message in sent[1:]), len(sent)


def test_every_script_of_a_page_has_the_nonce_of_its_policy() -> None:
    _, headers, body, _ = get(page)
    nonce = re.search(r"'nonce-([^']+)'", headers["content-security-policy"])
    assert nonce is not None
    assert body.count(f'<script nonce="{nonce[1]}"'.encode()) == 2
    assert int(headers["content-length"]) == len(body)
    assert get(page)[1]["content-security-policy"] != headers["content-security-policy"]


def test_the_policy_allows_nothing_from_outside() -> None:
    for directive in policy("n").split("; "):
        assert set(directive.split()[1:]) <= {
            "'self'", "'none'", "data:", "blob:", "'nonce-n'", "'unsafe-eval'", "'unsafe-inline'"
        }  # fmt: skip
    assert "script-src 'self' 'nonce-n' 'unsafe-eval'" in policy("n")


def test_a_stream_is_passed_on_as_it_comes_with_our_policy() -> None:
    _, headers, body, messages = get(stream)
    assert messages == 3
    assert body == b"data: <script>\n\n"
    assert headers["content-security-policy"].startswith("default-src 'self'")
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "10.0.0.7:7860", ""]
)
def test_a_foreign_host_is_refused_on_a_loopback_server(host: str) -> None:
    assert get(page, host)[0] == 421
    assert get(page, host, loopback_only=False)[0] == 200


@pytest.mark.parametrize("host", ["localhost:7860", "127.0.0.1", "[::1]:7860", "LOCALHOST"])
def test_our_own_names_are_served(host: str) -> None:
    assert get(page, host)[0] == 200


def test_a_request_of_another_page_is_refused() -> None:
    assert get(page, origin="http://127.0.0.1:7860")[0] == 200
    assert get(page, "localhost:7860", origin="http://localhost:7860")[0] == 200
    for origin in ("http://evil.example", "http://127.0.0.1:9999", "null", "http://localhost:7860"):
        assert get(page, origin=origin)[0] == 403


def test_hosts_without_their_ports() -> None:
    assert [host_of(h) for h in ("a:1", "[::1]:1", "::1", "a")] == ["a", "::1", "::1", "a"]
    assert is_loopback("127.8.9.1")
    assert not is_loopback("0.0.0.0")
