"""The queue is bounded, and a client that leaves stops the model."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from http.client import HTTPConnection
from typing import Any

import openai
import pytest

from tests.patience import PATIENCE_SECONDS
from ui.api.errors import ApiError
from ui.api.note_types import QueueStatus
from ui.api.rate_limit import RateLimit
from ui.api.work_queue import WorkQueue

QUESTION = "What reduces spectral leakage?"
CHAT = {"model": "lectern", "messages": [{"role": "user", "content": QUESTION}], "stream": True}
WORDS = 10 * PATIENCE_SECONDS
"""Words of an answer that a client leaves: one each tenth of a second."""


def test_one_more_than_fits_is_refused_at_once() -> None:
    async def run() -> None:
        queue, go = WorkQueue("answers", 1, 2), threading.Event()
        running = [
            asyncio.create_task(queue.run(lambda number=number: (go.wait(PATIENCE_SECONDS), number)[1]))
            for number in range(3)
        ]
        await asyncio.sleep(0)
        with pytest.raises(ApiError, match="3 requests run or wait already") as refused:
            await queue.run(lambda: 3)
        assert refused.value.status == 429
        assert int(refused.value.headers["retry-after"]) >= 1
        assert queue.status() == QueueStatus(inside=3, peak=3, most=3)
        go.set()
        assert await asyncio.gather(*running) == [0, 1, 2]
        assert await queue.run(lambda: 4) == 4
        queue.close()

    asyncio.run(run())


def test_a_client_that_leaves_while_it_waits_frees_its_place() -> None:
    async def run() -> None:
        queue, go = WorkQueue("answers", 1, 1), threading.Event()
        first = asyncio.create_task(queue.run(lambda: go.wait(PATIENCE_SECONDS)))
        second = asyncio.create_task(queue.run(lambda: pytest.fail("it must not run")))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        assert queue.inside == 1
        go.set()
        assert await first
        queue.close()

    asyncio.run(run())


def test_a_stream_passes_items_and_errors_on_in_order() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("broken")

    async def run() -> None:
        queue = WorkQueue("answers", 1, 0)
        stream = queue.stream(items)
        assert [await anext(stream), await anext(stream)] == [1, 2]
        with pytest.raises(ValueError, match="broken"):
            await anext(stream)
        queue.close()

    asyncio.run(run())


def test_closing_a_stream_closes_its_iterator() -> None:
    closed, go = threading.Event(), threading.Semaphore(0)

    def items() -> Iterator[int]:
        try:
            for number in range(100):
                yield number
                go.acquire(timeout=PATIENCE_SECONDS)
        finally:
            closed.set()

    async def run() -> None:
        queue = WorkQueue("answers", 1, 0)
        async with aclosing(queue.stream(items)) as stream:
            assert await anext(stream) == 0
            assert queue.inside == 1
        go.release()
        assert await asyncio.to_thread(closed.wait, PATIENCE_SECONDS)
        queue.close()

    asyncio.run(run())


def test_a_full_server_answers_429(make_site: Callable[..., Any], waiting_model: Callable[..., Any]) -> None:
    waiting = waiting_model(words=1)
    site = make_site(waiting.model, parallel=1, queue_length=1)
    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(site.http.post, "/v1/chat/completions", json=CHAT) for _ in range(2)]
        assert waiting.begun.wait(PATIENCE_SECONDS)
        while site.service.answers.inside < 2:
            threading.Event().wait(0.01)
        full = site.http.post("/v1/chat/completions", json=CHAT)
        assert full.status_code == 429
        assert full.json()["error"]["code"] == "queue_full"
        assert int(full.headers["retry-after"]) >= 1
        client = openai.OpenAI(base_url=f"{site.url}/v1", api_key="any", max_retries=0)
        with client, pytest.raises(openai.RateLimitError, match=r"api\.queue_length"):
            client.chat.completions.create(**CHAT)
        # Searches have a queue of their own.
        assert site.http.post("/api/search", json={"question": QUESTION}).status_code == 200
        waiting.go.release(10)
        assert [done.result().status_code for done in running] == [200, 200]
    answers = site.http.get("/api/status").json()["answers"]
    assert (answers["peak"], answers["most"]) == (2, 2)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/ask"])
@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_stops_the_model(
    path: str, stream: bool, make_site: Callable[..., Any], waiting_model: Callable[..., Any]
) -> None:
    waiting = waiting_model(words=WORDS)
    site = make_site(waiting.model, parallel=1)
    body = (CHAT if path.startswith("/v1") else {"question": QUESTION}) | {"stream": stream}
    client = HTTPConnection("127.0.0.1", site.port, timeout=PATIENCE_SECONDS)
    client.request("POST", path, json.dumps(body), {"content-type": "application/json"})
    assert waiting.begun.wait(PATIENCE_SECONDS)
    if stream:
        waiting.go.release()
        response = client.getresponse()
        while b"word0" not in response.readline():
            pass
        response.close()
    client.close()
    for _ in range(WORDS):  # the model stops at one of its next words, before its last one
        waiting.go.release()
        if waiting.stopped.wait(0.1):
            break
    assert waiting.stopped.is_set()
    assert waiting.shown < WORDS
    while site.service.answers.inside:  # its place is free again
        threading.Event().wait(0.01)


def test_a_client_that_leaves_the_queue_is_never_asked_for(
    make_site: Callable[..., Any], waiting_model: Callable[..., Any]
) -> None:
    waiting = waiting_model(words=1)
    site = make_site(waiting.model, parallel=1, queue_length=1)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(site.http.post, "/v1/chat/completions", json=CHAT)
        assert waiting.begun.wait(PATIENCE_SECONDS)
        client = HTTPConnection("127.0.0.1", site.port, timeout=PATIENCE_SECONDS)
        client.request("POST", "/v1/chat/completions", json.dumps(CHAT), {"content-type": "application/json"})
        while site.service.answers.inside < 2:
            threading.Event().wait(0.01)
        client.close()
        while site.service.answers.inside > 1:  # its place is free while the first one is still answered
            threading.Event().wait(0.01)
        waiting.go.release(2)
        assert running.result().status_code == 200
    assert waiting.shown == 1


def test_an_error_in_the_middle_of_a_stream_is_its_last_event(
    make_site: Callable[..., Any], scripted_model: type
) -> None:
    from langchain_core.messages import AIMessageChunk
    from langchain_core.outputs import ChatGenerationChunk

    from rag.errors import ModelFailed

    class Dying(scripted_model):  # type: ignore[misc]
        def _stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
            yield ChatGenerationChunk(message=AIMessageChunk("A window "))
            raise ModelFailed("the model failed while generating: out of memory")

    site = make_site(Dying(replies=[]))
    client = openai.OpenAI(base_url=f"{site.url}/v1", api_key="any", max_retries=0)
    with client, client.chat.completions.create(**CHAT) as stream:
        shown = next(chunk.choices[0].delta.content for chunk in stream if chunk.choices[0].delta.content)
        with pytest.raises(openai.APIError, match="out of memory"):
            next(stream)
    assert shown == "A window "
    assert "event: error" in site.http.post("/api/ask", json={"question": QUESTION}).text
    whole = site.http.post("/v1/chat/completions", json=CHAT | {"stream": False})
    assert (whole.status_code, whole.json()["error"]["type"]) == (500, "server_error")


def test_tokens_are_sent_as_the_model_writes_them(
    make_site: Callable[..., Any], waiting_model: Callable[..., Any]
) -> None:
    waiting = waiting_model(words=3)
    site = make_site(waiting.model)
    with site.http.stream("POST", "/v1/chat/completions", json=CHAT) as response:
        lines = (line for line in response.iter_lines() if line)
        for number in range(3):
            waiting.go.release()  # the next word is only made now
            assert next(line for line in lines if "word" in line).count(f"word{number} ") == 1
        rest = list(lines)
    assert rest[-1] == "data: [DONE]"


def test_the_rate_of_one_client_is_limited() -> None:
    now = [0.0]
    limit = RateLimit(60, clock=lambda: now[0])
    assert [limit.wait_seconds("a") for _ in range(10)] == [0.0] * 10  # ten seconds' worth at once
    assert limit.wait_seconds("a") == pytest.approx(1.0)
    assert limit.wait_seconds("b") == 0.0
    now[0] = 1.0
    assert limit.wait_seconds("a") == 0.0
    assert limit.wait_seconds("a") == pytest.approx(1.0)
    assert RateLimit(0).wait_seconds("a") == 0.0


def test_the_rate_over_http(make_site: Callable[..., Any]) -> None:
    site = make_site(requests_per_minute=12)
    statuses = [site.http.get("/v1/models").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    refused = site.http.get("/v1/models")
    assert refused.json()["error"]["code"] == "rate_limited"
    assert 1 <= int(refused.headers["retry-after"]) <= 5
