"""The guard: headers, the nonce of every script, only the page's addresses, and nothing for other pages."""

from __future__ import annotations

import asyncio
import base64
import re
from pathlib import Path
from typing import Any

import pytest

from rag.settings import AccessSettings
from ui.access import Access
from ui.web.security import MOST_JSON_BYTES, Guard, policy

PAGE = b"<html><script>a()</script><SCRIPT>b()</SCRIPT><script type=module src=x></script></html>"

LOCAL = Access("127.0.0.1", AccessSettings())
OPEN = Access("0.0.0.0", AccessSettings(password="owls at night"))
BASIC = "Basic " + base64.b64encode(b"ann:owls at night").decode()


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


async def nothing() -> Any:
    return {"type": "http.request", "body": b"", "more_body": False}


def get(
    app: Any, host: str = "127.0.0.1:7860", access: Access = LOCAL, path: str = "/", method: str = "GET",
    uploads: Path = Path("/nowhere"), **given: str,
) -> tuple[int, dict[str, str], bytes, int]:  # fmt: skip
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    headers = {"host": host} | {name.replace("_", "-"): value for name, value in given.items()}
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "headers": encoded, "client": ("10.0.0.9", 1)}
    guard = Guard(app, access=access, uploads=uploads)
    asyncio.run(guard(scope, nothing, send))
    got = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], got, b"".join(message["body"] for message in sent[1:]), len(sent)


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
    _, headers, body, messages = get(stream, path="/gradio_api/queue/data")
    assert messages == 3
    assert body == b"data: <script>\n\n"
    assert headers["content-security-policy"].startswith("default-src 'self'")
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "10.0.0.7:7860", ""]
)
def test_a_foreign_host_is_refused_on_a_loopback_server(host: str) -> None:
    assert get(page, host)[0] == 421


@pytest.mark.parametrize("host", ["localhost:7860", "127.0.0.1", "[::1]:7860", "LOCALHOST"])
def test_our_own_names_are_served(host: str) -> None:
    assert get(page, host)[0] == 200


def test_a_request_of_another_page_is_refused() -> None:
    assert get(page, origin="http://127.0.0.1:7860")[0] == 200
    assert get(page, "localhost:7860", origin="http://localhost:7860")[0] == 200
    for origin in ("http://evil.example", "http://127.0.0.1:9999", "null", "http://localhost:7860"):
        assert get(page, origin=origin)[0] == 403


def test_only_the_page_itself_has_a_nonce() -> None:
    status, headers, body, _ = get(page, path="/assets/evil.html")
    assert (status, body) == (200, PAGE)
    assert "nonce" not in headers["content-security-policy"]
    assert "script-src 'self' 'unsafe-eval'" in headers["content-security-policy"]


def test_an_uploaded_file_is_a_download_that_runs_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(PAGE)
    status, headers, body, _ = get(page, path=f"/gradio_api/file={tmp_path}/a.html", uploads=tmp_path)
    assert (status, body) == (200, PAGE)
    assert headers["content-disposition"].startswith("attachment")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"


@pytest.mark.parametrize(
    "name",
    ["https://evil.example/a.html", "HTTPS://evil.example", "https%3A%2F%2Fevil.example", "ftp://evil.example", "file:///etc/passwd",
     "data:text/html,x", "javascript:x", "//evil.example/a", "\\\\evil.example\\a", "/\\evil.example/a", "\\/evil.example/a",
     "/etc/passwd", "/proc/self/environ", "{uploads}", "{uploads}/../secret.md", "{uploads}/link.md", "{uploads}/a\0.md", "a.md"],
)  # fmt: skip
def test_nothing_but_an_upload_is_served_as_a_file(name: str, tmp_path: Path) -> None:
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    (tmp_path / "secret.md").write_text("42", encoding="utf-8")
    (uploads / "link.md").symlink_to(tmp_path / "secret.md")
    path = "/gradio_api/file=" + name.replace("{uploads}", str(uploads))
    status, headers, body, _ = get(page, path=path, uploads=uploads)
    assert (status, body) == (404, b"There is nothing at this address: open / for the page.")
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/gradio_api/proxy=https://evil.example"), ("HEAD", "/gradio_api/proxy=https://evil.example"),
     ("GET", "/gradio_api/info"), ("GET", "/config"), ("GET", "/gradio_api/file/etc/passwd"), ("GET", "/monitoring"),
     ("POST", "/gradio_api/component_server"), ("POST", "/gradio_api/vibe-code"), ("POST", "/gradio_api/run/other"),
     ("GET", "/gradio_api/queue/join"), ("POST", "/"), ("OPTIONS", "/"), ("DELETE", "/"), ("GET", "//"), ("GET", "/assets/"),
     ("POST", "/gradio_api/process_recording"), ("GET", "/gradio_api/deep_link"), ("GET", "/gradio_api/upload")],
)  # fmt: skip
def test_an_address_that_the_page_does_not_need_is_not_found(method: str, path: str) -> None:
    assert get(page, method=method, path=path)[0] == 404


IN_A_TAB = {"sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
IN_A_FRAME = {"sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"}


@pytest.mark.parametrize("site", ["cross-site", "same-site", "Cross-Site", "unheard-of"])
def test_another_site_may_only_open_the_page_in_a_tab(site: str) -> None:
    assert get(page, sec_fetch_site=site, **IN_A_TAB)[0] == 200
    assert get(page, sec_fetch_site=site, **IN_A_FRAME)[0] == 403
    assert get(page, sec_fetch_site=site, sec_fetch_mode="no-cors", sec_fetch_dest="script")[0] == 403
    assert get(page, sec_fetch_site=site)[0] == 403
    assert get(page, method="POST", sec_fetch_site=site, **IN_A_TAB)[0] == 403
    for path in ("/gradio_api/file=https://evil.example", "/gradio_api/queue/data", "/lectern/export/a"):
        assert get(page, path=path, sec_fetch_site=site, **IN_A_TAB)[0] == 403


def test_the_page_the_person_and_a_client_without_a_site_are_served() -> None:
    for headers in ({"sec_fetch_site": "same-origin"}, {"sec_fetch_site": "none"}, {}):
        for path in ("/", "/theme.css", "/lectern/export/a", "/gradio_api/queue/data"):
            assert get(page, path=path, **headers)[0] == 200
        assert get(page, method="POST", path="/gradio_api/run/predict", **headers)[0] == 200


def test_the_body_of_an_event_is_bounded() -> None:
    """A question of 20 MB was read, saved and refused after that."""
    got: list[bytes] = []

    async def event(scope: Any, receive: Any, send: Any) -> None:
        got.append((await receive())["body"])
        assert (await receive())["type"] == "http.disconnect"
        await page(scope, receive, send)

    def post(path: str, size: int) -> int:
        parts = [b"x" * min(100_000, size - start) for start in range(0, size, 100_000)]
        messages: list[Any] = [
            {"type": "http.request", "body": part, "more_body": number < len(parts)}
            for number, part in enumerate(parts, 1)
        ]
        sent: list[Any] = []

        async def receive() -> Any:
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"host", b"127.0.0.1")]
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "headers": headers,
            "client": ("127.0.0.1", 1),
        }
        guard = Guard(event, access=LOCAL, uploads=Path("/nowhere"))
        asyncio.run(guard(scope, receive, send))
        return int(sent[0]["status"])

    for path in ("/gradio_api/queue/join", "/gradio_api/run/predict"):
        assert post(path, 20_000_000) == 413
        assert post(path, MOST_JSON_BYTES + 1) == 413
        assert got == []
        assert post(path, MOST_JSON_BYTES) == 200
        assert len(got.pop()) == MOST_JSON_BYTES


def test_a_web_socket_is_closed() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    guard = Guard(page, access=LOCAL, uploads=Path("/nowhere"))
    asyncio.run(guard({"type": "websocket", "path": "/", "headers": []}, None, send))  # type: ignore[arg-type]
    assert sent == [{"type": "websocket.close"}]


def test_a_page_that_others_reach_asks_for_the_password_first() -> None:
    for path in ("/", "/lectern/export/a", "/gradio_api/queue/data", "/assets/a.js", "/config"):
        status, headers, body, _ = get(page, "10.0.0.7:7860", OPEN, path)
        assert (status, headers["www-authenticate"][:5], b"password" in body) == (401, "Basic", True)
    assert get(page, "10.0.0.7:7860", OPEN, authorization=BASIC)[0] == 200
    assert get(page, "10.0.0.7:7860", OPEN, authorization=BASIC, origin="http://evil.example")[0] == 403
    assert (
        get(page, "evil.example:7860", OPEN, authorization=BASIC, origin="http://evil.example:7860")[0] == 421
    )


def test_too_many_wrong_passwords_are_named_as_such() -> None:
    strict = Access("0.0.0.0", AccessSettings(password="owls at night"))
    wrong = "Basic " + base64.b64encode(b"ann:guess").decode()
    found = [get(page, "10.0.0.7", strict, authorization=wrong) for _ in range(21)]
    assert [status for status, *_ in found] == [401] * 20 + [429]
    assert found[-1][1]["retry-after"] == "60"
    assert b"Wait a minute" in found[-1][2]


def test_a_picture_of_the_notes_can_run_nothing() -> None:
    status, headers, *_ = get(page, path="/lectern/picture/" + "0a" * 16)
    assert status == 200
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "key",
    [
        "",
        "..",
        "../../etc/passwd",
        "%2e%2e/x",
        "0" * 31,
        "0" * 33,
        "A" * 32,
        "/etc/passwd",
        "0" * 32 + "/x",
        "x.png",
    ],
)
def test_no_other_address_of_a_picture_is_served(key: str) -> None:
    assert get(page, path=f"/lectern/picture/{key}")[0] == 404
