"""Every bad request gets one clear sentence in OpenAI's form, and nothing else happens."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest

from tests.patience import PATIENCE_SECONDS

USER = [{"role": "user", "content": "What reduces spectral leakage?"}]
CHAT = "/v1/chat/completions"


def error(response: httpx.Response, status: int, code: str) -> Any:
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert body["error"]["code"] == code
    assert response.headers["x-request-id"]
    assert "\n" not in body["error"]["message"]
    assert "Traceback" not in response.text
    return body["error"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"question": ', "The body is not JSON: "),
        (b"not json", "The body is not JSON: "),
        (b'{"question": "\xff"}', "cannot be read as JSON in UTF-8"),
        (b"[" * 100_000, "cannot be read as JSON"),
    ],
)
def test_wrong_json(site: Any, body: bytes, says: str) -> None:
    response = site.http.post("/api/search", content=body, headers={"content-type": "application/json"})
    assert says in error(response, 400, "invalid_json")["message"]


@pytest.mark.parametrize("body", [b"", b"[]", b'"text"', b"null"])
def test_a_body_that_is_no_object(site: Any, body: bytes) -> None:
    response = site.http.post("/api/search", content=body, headers={"content-type": "application/json"})
    assert "not a JSON object" in error(response, 400, "invalid_request")["message"]


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/api/search", {}, "question"),
        ("/api/search", {"question": 3}, "question"),
        ("/api/search", {"question": "a", "k": 0}, "k"),
        ("/api/search", {"question": "a", "limit": 3}, "limit"),
        ("/api/ask", {"question": "a", "history": [{"role": "system", "content": "x"}]}, "history.0.role"),
        (CHAT, {"model": "lectern", "messages": []}, "messages"),
        (CHAT, {"messages": USER}, "model"),
        (
            "/v1/embeddings",
            {"model": "lectern-embedding", "input": "a", "encoding_format": "hex"},
            "encoding_format",
        ),
    ],
)
def test_a_field_that_is_wrong_is_named(site: Any, path: str, body: Any, param: str) -> None:
    found = error(site.http.post(path, json=body), 400, "invalid_request")
    assert found["param"] == param
    assert param in found["message"]


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "says"),
    [
        (CHAT, {"model": "gpt-4o", "messages": USER}, 404, "model_not_found", "this server has: lectern, "),
        ("/v1/embeddings", {"model": "ada", "input": "a"}, 404, "model_not_found", "lectern-embedding"),
        ("/v1/embeddings", {"model": "lectern-embedding", "input": [1, 2]}, 400, "unsupported", "check_embedding_ctx"),
        ("/v1/embeddings", {"model": "lectern-embedding", "input": [" "]}, 400, "invalid_request", "none of them empty"),
        ("/v1/embeddings", {"model": "lectern-embedding", "input": []}, 400, "invalid_request", "1 to 2,048 texts"),
        ("/v1/embeddings", {"model": "lectern-embedding", "input": "a", "dimensions": 8}, 400, "unsupported", "64"),
        (CHAT, {"model": "lectern", "messages": USER, "course": "art"}, 404, "course_not_found", "signals, birds"),
        (CHAT, {"model": "lectern/birds", "messages": USER, "course": "signals"}, 400, "course_mismatch", "birds"),
        (CHAT, {"model": "lectern", "messages": USER, "scope": "lecture:9"}, 400, "invalid_scope", "lecture 9"),
        (CHAT, {"model": "lectern", "messages": USER, "scope": "lecture:x"}, 400, "invalid_scope", "lecture:NUMBER"),
        (CHAT, {"model": "lectern", "messages": USER, "tools": [{"type": "function"}]}, 400, "unsupported", "tools"),
        (CHAT, {"model": "lectern", "messages": USER, "n": 2}, 400, "unsupported", "one answer"),
        (CHAT, {"model": "lectern", "messages": USER, "response_format": {"type": "json_object"}}, 400, "unsupported", "text"),
        (CHAT, {"model": "lectern", "messages": [*USER, {"role": "assistant", "content": "a"}]}, 400, "no_question", "user"),
        (CHAT, {"model": "lectern", "messages": [{"role": "tool", "content": "a"}, *USER]}, 400, "unsupported", "tool"),
        (CHAT, {"model": "lectern", "messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400, "unsupported", "text"),
        (CHAT, {"model": "lectern", "messages": [{"role": "user", "content": " "}]}, 400, "invalid_input", "empty"),
        ("/api/ask", {"question": "a" * 9000}, 400, "invalid_input", "at most 8,000"),
        ("/api/search", {"question": "owl", "scope": "document:none.md"}, 400, "invalid_scope", "document none.md"),
        ("/api/ask", {"question": "owl", "course": "art"}, 404, "course_not_found", "signals, birds"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered(site: Any, path: str, body: Any, status: int, code: str, says: str) -> None:
    assert says in error(site.http.post(path, json=body), status, code)["message"]
    if path in (CHAT, "/api/ask"):  # a stream that cannot begin is the same error, not a stream
        error(site.http.post(path, json=body | {"stream": True}), status, code)


def test_unknown_addresses_and_methods(site: Any) -> None:
    error(site.http.get("/v1/nothing"), 404, "not_found")
    error(site.http.get("/api/documents/none.md"), 404, "not_found")
    error(site.http.get("/v1/models/none"), 404, "model_not_found")
    error(site.http.get("/api/search"), 405, "wrong_method")
    error(site.http.delete("/api/documents/owls.md"), 405, "wrong_method")


def test_a_body_of_another_type(site: Any) -> None:
    for kind in ("application/x-www-form-urlencoded", "text/plain"):
        response = site.http.post(
            "/api/search", content=b'{"question": "owl"}', headers={"content-type": kind}
        )
        assert kind in error(response, 415, "unsupported_media_type")["message"]


def test_a_body_of_10_megabytes(site: Any) -> None:
    body = {"question": "a" * 10_000_000}
    found = error(site.http.post("/api/search", json=body), 413, "body_too_large")
    assert "1,000,000" in found["message"]
    client = openai.OpenAI(base_url=f"{site.url}/v1", api_key="any", max_retries=0)
    # It sees the reason too, and not a broken pipe.
    with client, pytest.raises(openai.APIStatusError, match="1,000,000"):
        client.chat.completions.create(
            model="lectern", messages=[{"role": "user", "content": "a" * 10_000_000}]
        )

    def pieces() -> Any:  # of unknown length
        yield b'{"question": "'
        for _ in range(20):
            yield b"a" * 100_000

    response = site.http.post("/api/search", content=pieces(), headers={"content-type": "application/json"})
    error(response, 413, "body_too_large")


def test_another_site_and_another_name(make_site: Callable[..., Any]) -> None:
    site = make_site(origins="app://obsidian.md, http://localhost:3000")
    asked: dict[str, Any] = {"json": {"question": "owl"}}
    foreign = {"origin": "http://evil.example"}
    error(site.http.post("/api/search", headers=foreign, **asked), 403, "foreign_origin")
    error(site.http.get("/v1/models", headers={"sec-fetch-site": "cross-site"}), 403, "foreign_origin")
    error(site.http.get("/v1/models", headers={"host": "evil.example"}), 421, "wrong_host")
    error(
        site.http.options("/api/search", headers=foreign | {"access-control-request-method": "POST"}),
        403,
        "foreign_origin",
    )
    listed = {"origin": "app://obsidian.md", "sec-fetch-site": "cross-site"}
    answer = site.http.post("/api/search", headers=listed, **asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "app://obsidian.md"
    leave = site.http.options(
        "/api/search",
        headers=listed
        | {"access-control-request-method": "POST", "access-control-request-headers": "authorization"},
    )
    assert leave.status_code == 200
    assert leave.headers["access-control-allow-origin"] == "app://obsidian.md"


def test_an_unexpected_error_shows_nothing_of_itself(
    site: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*given: Any, **named: Any) -> Any:
        raise RuntimeError("the secret of /home/me")

    monkeypatch.setattr(site.application.searcher, "search", broken)
    response = site.http.post("/api/search", json={"question": "owl"}, headers={"x-request-id": "mine-1"})
    found = error(response, 500, "internal_error")
    assert "secret" not in response.text
    assert found["type"] == "server_error"
    assert response.headers["x-request-id"] == "mine-1"
    assert "mine-1 failed" in caplog.text  # the reason is in the log, under the id
    assert "the secret of /home/me" in caplog.text


def logged(caplog: pytest.LogCaptureFixture, count: int) -> list[str]:
    """Return the lines of the API's log once there are `count`; a line follows its answer."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        lines = [record.getMessage() for record in caplog.records if record.name == "lectern.api"]
        if len(lines) >= count or time.monotonic() > end:
            return lines
        time.sleep(0.01)


def test_the_log_has_no_question_and_no_key(
    make_site: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    site = make_site()
    caplog.set_level(logging.DEBUG, "lectern")
    secret = site.keys.add("script")
    headers = {"authorization": f"Bearer {secret}"}
    site.http.post("/api/ask", json={"question": "private words"}, headers=headers)
    site.http.get("/api/documents?course=private", headers=headers)
    site.http.post(
        "/api/ask", json={"question": "private words"}, headers={"authorization": "Bearer lk-wrong"}
    )
    lines = logged(caplog, 3)
    assert [line.split()[1:5] for line in lines] == [
        ["key:script", "POST", "/api/ask", "200"],
        ["key:script", "GET", "/api/documents", "404"],
        ["-", "POST", "/api/ask", "401"],
    ]
    assert "private" not in "".join(lines)
    assert secret not in caplog.text
    assert "lk-wrong" not in caplog.text


def test_a_request_id_that_is_no_id_is_replaced(site: Any) -> None:
    for given in ("a b", "x" * 65, "<script>"):
        assert site.http.get("/v1/models", headers={"x-request-id": given}).headers["x-request-id"] != given
    assert json.loads(site.http.get("/openapi.json").text)["info"]["title"] == "Lectern"
