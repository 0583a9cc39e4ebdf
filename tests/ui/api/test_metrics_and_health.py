"""`/metrics` and `/healthz` of the real API and the real web app."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from rag.errors import LibraryUnreachable, ModelBusy, ModelFailed
from tests.patience import PATIENCE_SECONDS
from ui.metrics.health import REMEMBERED_SECONDS, HealthFirst
from ui.metrics.questions import QuestionMetrics

_SAMPLE = re.compile(r'([a-z_]+)(?:\{([a-z]+)="((?:[^"\\]|\\.)*)"\})? (\S+)')


def read(text: str) -> dict[tuple[str, str], float]:
    """Return the samples by name and label's value; every line must be one of the format's."""
    samples: dict[tuple[str, str], float] = {}
    typed: dict[str, str] = {}
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# "):
            _, what, name, rest = line.split(" ", 3)
            assert what in ("HELP", "TYPE")
            if what == "TYPE":
                assert name not in typed
                typed[name] = rest
            continue
        found = _SAMPLE.fullmatch(line)
        assert found, line
        name, _, value, number = found.groups()
        base = re.sub("_(bucket|sum|count)$", "", name)
        assert name in typed or typed[base] == "histogram"
        assert (name, value or "") not in samples
        samples[name, value or ""] = float(number)
    return samples


def metrics_of(site: Any) -> dict[tuple[str, str], float]:
    response = site.http.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return read(response.text)


def test_questions_are_counted_by_hand(make_site: Callable[..., Any]) -> None:
    site = make_site(requests_per_minute=0)
    assert metrics_of(site)["lectern_answers_total", "answer"] == 0
    for question in ("What reduces spectral leakage?", "What is aliasing?", "Who won the cup in 1998?"):
        asked = site.http.post("/api/ask", json={"question": question, "stream": False})
        assert asked.status_code == 200
    assert site.http.post("/api/ask", json={"question": " "}).status_code == 400
    scope = {"question": "What is aliasing?", "scope": ["lecture:99"]}
    assert site.http.post("/api/ask", json=scope).status_code == 400
    text = site.http.get("/metrics").text
    assert not re.search("leakage|aliasing|cup|1998", text)
    found = read(text)
    answers = {kind: count for (name, kind), count in found.items() if name == "lectern_answers_total"}
    assert sum(answers.values()) == 3
    assert answers["none"] == 1
    assert found["lectern_errors_total", "QuestionError"] == 1
    assert found["lectern_errors_total", "invalid_scope"] == 1
    assert found["lectern_answer_seconds_count", ""] == found["lectern_answer_seconds_bucket", "+Inf"] == 3
    assert found["lectern_search_seconds_count", ""] == 3
    assert {key: found[key] for key in found if key[0] in ("lectern_documents", "lectern_passages")} == {
        ("lectern_documents", "signals"): 2,
        ("lectern_documents", "birds"): 1,
        ("lectern_passages", "signals"): 4,
        ("lectern_passages", "birds"): 2,
    }
    library = site.application.library
    assert found["lectern_generation", "signals"] == library.generation
    library.remove_document("lecture-01-sampling.md")
    later = metrics_of(site)
    assert later["lectern_passages", "signals"] == 2
    assert later["lectern_generation", "signals"] == found["lectern_generation", "signals"] + 1


def test_what_waits_and_what_finds_no_place(
    make_site: Callable[..., Any], waiting_model: Callable[..., Any]
) -> None:
    slow = waiting_model(1)
    site = make_site(slow.model, parallel=1, queue_length=1, requests_per_minute=0)
    body = {"question": "What reduces spectral leakage?", "stream": False}
    threads = [
        threading.Thread(target=lambda: site.http.post("/api/ask", json=body), daemon=True) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    while site.service.answers.inside < 2:
        threading.Event().wait(0.01)
    assert site.http.post("/api/ask", json=body).status_code == 429
    found = metrics_of(site)
    assert found["lectern_requests_waiting", "answers"] == 1
    assert found["lectern_errors_total", "queue_full"] == 1
    slow.go.release(2)
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    found = metrics_of(site)
    assert found["lectern_requests_waiting", "answers"] == 0
    assert found["lectern_first_token_seconds_count", ""] == 2


def test_seconds_are_those_of_the_clock() -> None:
    from rag.events import Done, Token

    now = [0.0]
    metrics = QuestionMetrics(lambda: now[0])
    answer: Any = SimpleNamespace(
        kind=SimpleNamespace(value="answer"), timings=SimpleNamespace(retrieve_seconds=0.02)
    )

    def events() -> Iterator[Any]:
        now[0] += 0.75
        yield Token("a")
        now[0] += 1.0
        yield Token("b")
        now[0] += 1.0
        yield Done(answer)

    list(metrics.measured(events))
    closed = metrics.measured(events)
    next(closed)
    closed.close()  # type: ignore[attr-defined]

    def fails() -> Iterator[Any]:
        raise ModelBusy("busy")

    with pytest.raises(ModelBusy):
        list(metrics.measured(fails))
    found = read("\n".join((*metrics.lines(), "")))
    assert found["lectern_first_token_seconds_sum", ""] == 1.5
    assert found["lectern_answer_seconds_sum", ""] == 2.75
    assert found["lectern_answer_seconds_bucket", "2.5"] == 0
    assert found["lectern_answer_seconds_bucket", "5"] == 1
    assert found["lectern_search_seconds_bucket", "0.01"] == 0
    assert found["lectern_search_seconds_bucket", "0.025"] == 1
    assert found["lectern_errors_total", "ModelBusy"] == 1


def test_metrics_need_a_key_where_the_api_does_and_health_needs_none(make_site: Callable[..., Any]) -> None:
    site = make_site(access__password="correct horse battery")
    assert site.http.get("/metrics").status_code == 401
    key = {"authorization": "Bearer correct horse battery"}
    assert site.http.get("/metrics", headers=key).status_code == 200
    healthy = site.http.get("/healthz", headers={"host": "anything.example"})
    assert (healthy.status_code, healthy.json()) == (200, {"status": "ok"})
    assert site.http.head("/healthz").status_code == 200
    assert site.http.post("/healthz").status_code == 405
    for foreign in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert site.http.get("/healthz", headers=foreign).status_code == 403


def test_health_names_no_file_and_no_address(
    make_site: Callable[..., Any], scripted_model: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Served(scripted_model):  # type: ignore[misc]
        def check_alive(self, timeout_seconds: float) -> None:
            if self.replies:
                raise ModelFailed("the server at http://10.0.0.11/v1 is gone")

    from ui.metrics.health import fault

    site = make_site(Served(replies=[]))
    application = site.application
    assert fault(application) == ""
    application._model.put(Served(replies=["x"]))
    assert fault(application) == "The language model does not answer; the log of the server has the reason."
    application._model.drop()
    assert fault(application) == "The language model is not loaded yet."

    def unreachable() -> Any:
        raise LibraryUnreachable("db.example.edu refuses tess")

    monkeypatch.setattr(application._library, "get", unreachable)
    answer = site.http.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["reason"] == "The library cannot be read; the log of the server has the reason."
    assert metrics_of(site)["lectern_library_readable", "signals"] == 0
    assert metrics_of(site)["lectern_library_readable", "birds"] == 1


def test_one_check_serves_all_who_ask_and_a_slow_one_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import asyncio

    checks: list[int] = []
    go, now = threading.Event(), [0.0]

    def fault() -> str:
        checks.append(1)
        go.wait(PATIENCE_SECONDS)
        return ""

    async def nobody(*args: Any) -> None:
        raise AssertionError

    health = HealthFirst(nobody, fault=fault, clock=lambda: now[0])

    async def status() -> int:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        await health({"type": "http", "path": "/healthz", "method": "GET", "headers": []}, nobody, send)  # type: ignore[arg-type]
        return int(sent[0]["status"])

    async def ask() -> None:
        monkeypatch.setattr("ui.metrics.health.ANSWER_SECONDS", 0.05)
        assert await asyncio.gather(*(status() for _ in range(20))) == [503] * 20
        monkeypatch.setattr("ui.metrics.health.ANSWER_SECONDS", PATIENCE_SECONDS)
        go.set()
        assert await status() == 200
        assert len(checks) == 1
        now[0] += REMEMBERED_SECONDS
        assert await asyncio.gather(*(status() for _ in range(20))) == [200] * 20
        assert len(checks) == 2

    asyncio.run(ask())


def test_a_question_is_counted_once_whatever_fails_before_its_chain(
    make_site: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site(requests_per_minute=0)

    def unreachable() -> Any:
        raise LibraryUnreachable("db.example.edu refuses tess")

    monkeypatch.setattr(site.application._library, "get", unreachable)
    body = {"question": "What is aliasing?", "stream": False}
    assert site.http.post("/api/ask", json=body).status_code == 503
    found = {key: value for key, value in metrics_of(site).items() if key[0] == "lectern_errors_total"}
    assert found == {("lectern_errors_total", "LibraryUnreachable"): 1}
