"""/openapi.json describes the API, and every example in it works."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

PATHS = {
    "/v1/models", "/v1/models/{model}", "/v1/chat/completions", "/v1/embeddings",
    "/api/search", "/api/ask", "/api/documents", "/api/documents/{path}", "/api/status",
}  # fmt: skip


@pytest.fixture
def schema(site: Any) -> Any:
    return site.http.get("/openapi.json").json()


def resolved(schema: Any, part: Any) -> Any:
    while "$ref" in part:
        part = schema["components"]["schemas"][part["$ref"].rsplit("/", 1)[-1]]
    return part


def bodies(schema: Any) -> Iterator[tuple[str, Any, Any]]:
    for path, methods in schema["paths"].items():
        for method in methods.values():
            if "requestBody" in method:
                body = method["requestBody"]["content"]["application/json"]["schema"]
                yield path, method, resolved(schema, body)


def test_every_path_is_described(schema: Any) -> None:
    assert set(schema["paths"]) == PATHS
    for methods in schema["paths"].values():
        for method in methods.values():
            assert method["summary"]
            assert method["description"]
            assert resolved(schema, method["responses"]["200"]["content"]["application/json"]["schema"])
            failed = method["responses"]["429"]["content"]["application/json"]["schema"]
            assert resolved(schema, failed)["title"] == "ErrorAnswer"


def test_every_example_works(site: Any, schema: Any) -> None:
    from ui.api.note_types import AnswerRecord, SearchAnswer
    from ui.api.openai_types import ChatCompletion, EmbeddingList

    types: dict[str, Any] = {
        "/v1/chat/completions": ChatCompletion, "/v1/embeddings": EmbeddingList,
        "/api/search": SearchAnswer, "/api/ask": AnswerRecord,
    }  # fmt: skip
    tried = 0
    for path, _, body in bodies(schema):
        assert body["examples"], path
        for example in body["examples"]:
            response = site.http.post(path, json=example)
            assert response.status_code == 200, (path, example, response.text)
            if response.headers["content-type"] == "application/json":
                types[path].model_validate(response.json())
            else:
                assert "text/event-stream" in response.headers["content-type"]
                assert "error" not in response.text.split('"answer"')[0]
            tried += 1
    assert tried == 9


def test_streamed_chunks_are_as_described(site: Any) -> None:
    import json

    from ui.api.openai_types import ChatChunk

    body = {"model": "lectern", "messages": [{"role": "user", "content": "owl"}], "stream": True,
            "stream_options": {"include_usage": True}}  # fmt: skip
    lines = [line for line in site.http.post("/v1/chat/completions", json=body).text.splitlines() if line]
    chunks = [ChatChunk.model_validate(json.loads(line.removeprefix("data: "))) for line in lines[:-1]]
    assert chunks[-2].lectern is not None
    assert chunks[-1].usage is not None
