"""/api/search, /api/ask and /api/documents on a real server."""

from __future__ import annotations

import json
from typing import Any

import httpx

QUESTION = "What reduces spectral leakage?"


def events(response: httpx.Response) -> list[tuple[str, Any]]:
    found = []
    for block in response.text.strip().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines())
        found.append((lines["event"], json.loads(lines["data"])))
    return found


def test_a_search_has_the_fields_of_the_command_line(site: Any) -> None:
    response = site.http.post("/api/search", json={"question": QUESTION, "k": 2})
    assert response.status_code == 200
    body = response.json()
    assert body["id"] == response.headers["x-request-id"]
    assert [hit["document"] for hit in body["hits"]] == ["lecture-02-leakage.md"] * 2
    best = body["hits"][0]
    assert best["text"] == "A window reduces spectral leakage."
    assert (best["start"], best["end"]) == (74, 108)
    assert set(best) == {"document", "locator", "start", "end", "score", "text", "chunk", "why"}
    assert best["why"]["matched_terms"] == ["reduces", "leakage", "spectral"]


def test_a_search_within_a_scope_and_a_course(site: Any) -> None:
    inside = site.http.post("/api/search", json={"question": "frequencies", "scope": "lecture:1"}).json()
    assert {hit["document"] for hit in inside["hits"]} == {"lecture-01-sampling.md"}
    other = site.http.post("/api/search", json={"question": "owl", "course": "birds"}).json()
    assert {hit["document"] for hit in other["hits"]} == {"owls.md"}


def test_an_answer_comes_as_events(site: Any) -> None:
    response = site.http.post("/api/ask", json={"question": QUESTION})
    assert response.headers["content-type"].startswith("text/event-stream")
    happened = events(response)
    assert [name for name, _ in happened] == ["rewritten", "searched", "retrieved", "token", "done"]
    searched, retrieved, done = happened[1][1], happened[2][1], happened[4][1]
    assert {hit["document"] for hit in searched["hits"]} >= {"lecture-02-leakage.md"}
    assert retrieved["hits"][0]["document"] == "lecture-02-leakage.md"
    assert done["kind"] == "answer"
    assert done["answer"].startswith("A window reduces spectral leakage.")
    assert done["citations"][0]["document"] == "lecture-02-leakage.md"
    assert done["id"] == response.headers["x-request-id"]


def test_an_answer_comes_as_one_object(site: Any) -> None:
    asked = {"question": QUESTION, "stream": False}
    answer = site.http.post("/api/ask", json=asked).json()
    streamed = events(site.http.post("/api/ask", json={"question": QUESTION}))[-1][1]
    for body in (answer, streamed):
        for changing in ("id", "timings"):
            del body[changing]
    assert answer == streamed


def test_documents_are_listed_and_shown(site: Any) -> None:
    listed = site.http.get("/api/documents").json()
    assert listed["course"] == "signals"
    assert [one["path"] for one in listed["documents"]] == ["lecture-01-sampling.md", "lecture-02-leakage.md"]
    assert "source" not in listed["documents"][0]  # a path on the server's disk
    shown = site.http.get("/api/documents/owls.md", params={"course": "birds"}).json()
    assert shown["text"] == "The owl hunts at night.\n\nThe barn owl has a white face."
    assert [shown["text"][b["start"] : b["end"]] for b in shown["blocks"]][
        1
    ] == "The barn owl has a white face."
