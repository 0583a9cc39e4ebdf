"""OpenAI's own client and LangChain's, curl and Open WebUI's requests, against a real server."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import numpy as np
import openai
import pytest

from tests.patience import PATIENCE_SECONDS

QUESTION = "What reduces spectral leakage?"
ANSWER = "A window reduces spectral leakage."


@pytest.fixture
def client(site: Any) -> Any:
    with openai.OpenAI(base_url=f"{site.url}/v1", api_key="any", max_retries=0) as made:
        yield made


def test_the_models_are_the_courses_and_the_embedder(client: openai.OpenAI) -> None:
    listed = client.models.list().data
    assert [model.id for model in listed] == [
        "lectern",
        "lectern/signals",
        "lectern/birds",
        "lectern-embedding",
    ]
    assert client.models.retrieve("lectern/birds").model_extra["lectern"] == {
        "course": "birds", "documents": 1, "answers": "quotes",
    }  # fmt: skip


def test_openai_chat(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="lectern", messages=[{"role": "user", "content": QUESTION}])
    assert ANSWER in answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    checked = answer.model_extra["lectern"]
    assert checked["course"] == "signals"
    assert checked["ignored"] == []
    assert checked["citations"][0]["quote"] == ANSWER
    assert answer._request_id == answer.id.removeprefix("chatcmpl-")


def test_openai_stream(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="lectern",
        messages=[{"role": "user", "content": QUESTION}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert chunks[0].choices[0].delta.role == "assistant"
    checked = chunks[-2].model_extra["lectern"]
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert text == checked["answer"]
    assert ANSWER in text
    assert chunks[-1].choices == []
    assert chunks[-1].usage.total_tokens == 0  # quotes need no language model
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_conversation_with_a_scope_and_a_course(client: openai.OpenAI) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": [{"type": "text", "text": "When does the owl hunt?"}]},
    ]
    answer = client.chat.completions.create(
        model="lectern",
        messages=messages,
        temperature=0,
        extra_body={"course": "birds", "scope": ["document:owls.md"]},
    )
    assert "The owl hunts at night." in answer.choices[0].message.content
    checked = answer.model_extra["lectern"]
    assert checked["ignored"] == ["system message", "temperature"]
    assert checked["receipt"]["scope"] == "document owls.md"
    same = client.chat.completions.create(model="lectern/birds", messages=messages[-1:])
    assert "The owl hunts at night." in same.choices[0].message.content


def test_a_greeting_streams_its_text(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model="lectern", messages=[{"role": "user", "content": "Hello!"}], stream=True
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == chunks[-1].model_extra["lectern"]["answer"] != ""


def test_openai_embeddings(client: openai.OpenAI, site: Any) -> None:
    texts = ["A window reduces spectral leakage.", "owl", "many words " * 20]
    # The client asks for base64 unless it is given a format.
    as_bytes = client.embeddings.create(model="lectern-embedding", input=texts)
    as_numbers = client.embeddings.create(model="lectern-embedding", input=texts, encoding_format="float")
    expected = site.application.embedder.embed_passages(texts)
    for answer in (as_bytes, as_numbers):
        assert np.array_equal(np.array([one.embedding for one in answer.data], np.float32), expected)
        assert [one.index for one in answer.data] == [0, 1, 2]
        assert answer.usage.total_tokens == 5 + 1 + 40
        assert answer.model_extra["lectern"]["cut"] == [2]


def test_langchain_openai(site: Any) -> None:
    from langchain_openai import ChatOpenAI, OpenAIEmbeddings

    model = ChatOpenAI(model="lectern", base_url=f"{site.url}/v1", api_key="any", max_retries=0)  # type: ignore[arg-type]
    assert ANSWER in str(model.invoke(QUESTION).content)
    assert ANSWER in "".join(str(chunk.content) for chunk in model.stream(QUESTION))
    embeddings = OpenAIEmbeddings(
        model="lectern-embedding", base_url=f"{site.url}/v1", api_key="any", check_embedding_ctx_length=False
    )  # type: ignore[call-arg]
    assert np.allclose(embeddings.embed_query("owl"), site.application.embedder.embed_query("owl"))


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl(site: Any) -> None:
    body = json.dumps(
        {"model": "lectern", "stream": True, "messages": [{"role": "user", "content": QUESTION}]}
    )
    shown = subprocess.run(
        ["curl", "-sSN", f"{site.url}/v1/chat/completions", "-H", "content-type: application/json", "-d", body],
        capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True,
    ).stdout  # fmt: skip
    lines = [line for line in shown.splitlines() if line]
    assert all(line.startswith("data: ") for line in lines)
    assert lines[-1] == "data: [DONE]"
    assert json.loads(lines[-2].removeprefix("data: "))["lectern"]["citations"][0]["quote"] == ANSWER


def test_open_webui(site: Any) -> None:
    """Its requests to an OpenAI-compatible server: the connection's check, then a chat.

    Source: https://docs.openwebui.com/getting-started/quick-start/connect-a-provider/starting-with-openai-compatible
    (`GET /models` with a Bearer token verifies a connection), and its connection's POST to `/chat/completions`.
    """
    headers = {"authorization": "Bearer sk-any", "content-type": "application/json"}
    listed = site.http.get("/v1/models", headers=headers)
    assert listed.json()["data"][0]["id"] == "lectern"
    body = {
        "stream": True,
        "model": "lectern",
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": QUESTION},
        ],
        "stream_options": {"include_usage": True},
        "temperature": 0.8,
        "max_tokens": 128,
        "tool_ids": [],
    }
    with site.http.stream("POST", "/v1/chat/completions", headers=headers, json=body) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        data = [line.removeprefix("data: ") for line in response.iter_lines() if line]
    assert data[-1] == "[DONE]"
    chunks = [json.loads(line) for line in data[:-1]]
    assert ANSWER in "".join(c["choices"][0]["delta"].get("content", "") for c in chunks if c["choices"])
    assert chunks[-2]["lectern"]["ignored"] == ["system message", "max_tokens", "temperature"]
