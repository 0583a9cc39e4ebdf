"""The time that the API adds to a search and to the first token.

Each question is asked in process and over HTTP, one after the other and in changing order, so that a busy moment of the
machine meets both. The limits are for the difference of the 95th percentiles, which needs a quiet machine. The last column
is of the best of each question's repeats, which others on the machine hardly change.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import numpy as np

from rag.events import Token
from ui.application import Application, load

Timed = Callable[[str], float]
MOST_SEARCH_MS, MOST_TOKEN_MS = 10.0, 30.0


def print_overhead(url: str, library: Path, questions: Sequence[str], repeats: int) -> bool:
    """Print both tables and return whether the limits are kept."""
    application = Application(load(library))
    with httpx.Client(base_url=url, timeout=120) as client:
        rows = [
            ("search", _search_in_process(application), _search_over_http(client), MOST_SEARCH_MS),
            ("first token", _token_in_process(application), _token_over_http(client), MOST_TOKEN_MS),
        ]
        print(
            "| | in process p50 / p95, ms | over HTTP p50 / p95, ms | p95 over p95 | best of the repeats: median, p95 of the difference |"
        )
        print("|---|---|---|---|---|")
        kept = [_row(name, inside, outside, most, questions, repeats) for name, inside, outside, most in rows]
    return all(kept)


def _row(
    name: str, inside: Timed, outside: Timed, most_ms: float, questions: Sequence[str], repeats: int
) -> bool:
    for question in questions:  # both are warm
        inside(question)
        outside(question)
    pairs = []
    for number, question in enumerate([*questions] * repeats):
        if number % 2:
            one = inside(question)
            pairs.append((one, outside(question)))
        else:
            other = outside(question)
            pairs.append((inside(question), other))
    times = 1000 * np.array(pairs)
    (low, high), (low_95, high_95) = np.percentile(times, 50, axis=0), np.percentile(times, 95, axis=0)
    added = high_95 - low_95
    best = times.reshape(repeats, len(questions), 2).min(axis=0)
    more = best[:, 1] - best[:, 0]
    print(
        f"| {name}, n = {len(pairs)} | {low:.1f} / {low_95:.1f} | {high:.1f} / {high_95:.1f} | "
        f"+{added:.1f} (limit {most_ms:.0f}) | {np.median(more):.1f}, {np.percentile(more, 95):.1f} |"
    )
    return bool(added <= most_ms)


def _search_in_process(application: Application) -> Timed:
    def timed(question: str) -> float:
        started = time.perf_counter()
        application.searcher.search(question, 10)
        return time.perf_counter() - started

    return timed


def _search_over_http(client: httpx.Client) -> Timed:
    def timed(question: str) -> float:
        started = time.perf_counter()
        found = client.post("/api/search", json={"question": question, "k": 10})
        found.raise_for_status()
        return time.perf_counter() - started

    return timed


def _token_in_process(application: Application) -> Timed:
    chain = application.chain()

    def timed(question: str) -> float:
        started = time.perf_counter()
        for event in chain.stream({"question": question}):
            if isinstance(event, Token):
                break
        return time.perf_counter() - started

    return timed


def _token_over_http(client: httpx.Client) -> Timed:
    def timed(question: str) -> float:
        body = {"model": "lectern", "stream": True, "messages": [{"role": "user", "content": question}]}
        started = time.perf_counter()
        took = 0.0
        with client.stream("POST", "/v1/chat/completions", json=body) as answer:
            answer.raise_for_status()
            for line in answer.iter_lines():
                if not took and _has_text(line):
                    took = time.perf_counter() - started
        return took

    return timed


def _has_text(line: str) -> bool:
    """Return True for a chunk with text."""
    if not line.startswith("data: {"):
        return False
    choices = json.loads(line.removeprefix("data: "))["choices"]
    return bool(choices and choices[0]["delta"].get("content"))
