"""Many clients at once.

Nobody may get another one's answer, the queue keeps its bound, and the memory stays flat.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np

from benchmarks.api.served import Served

_MOST_GROWTH = 0.05
_LOOK_SECONDS = 1.0
_MOST_SECONDS = 120.0
"""Longest time that a client waits for an answer."""
_WARM_CLIENTS = 8
_MOST_PAUSE_SECONDS = 5.0
_REST_SECONDS = 60.0
"""Longest time for the answers of clients that left early.

The model stops at once, a search ends first.
"""


@dataclass(slots=True)
class Seen:
    """The observations of all clients."""

    statuses: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def print_load(server: Served, expected: Mapping[str, str], clients: int, seconds: float) -> bool:
    """Print the figures of a load and return whether all bounds are kept.

    `expected` is question to its answer in process.
    """
    _warm(server.url, expected)
    seen, end = Seen(), time.monotonic() + seconds
    threads = [
        threading.Thread(target=_client, args=(server.url, number, expected, end, seen))
        for number in range(clients)
    ]
    for thread in threads:
        thread.start()
    memory: list[tuple[float, int]] = []
    started = time.monotonic()
    while time.monotonic() < end:
        time.sleep(_LOOK_SECONDS)
        memory.append((time.monotonic() - started, server.memory_bytes()))
    for thread in threads:
        thread.join()
    status = _status_at_rest(server)
    return _print(seen, memory, status, clients, seconds)


def _status_at_rest(server: Served) -> Mapping[str, int]:
    """Return the state of the queue after the last answer, or after a while."""
    end = time.monotonic() + _REST_SECONDS
    while True:
        status: dict[str, int] = httpx.get(f"{server.url}/api/status", timeout=30).json()["answers"]
        if status["inside"] == 0 or time.monotonic() > end:
            return status
        time.sleep(_LOOK_SECONDS)


def _print(
    seen: Seen, memory: Sequence[tuple[float, int]], status: Mapping[str, int], clients: int, seconds: float
) -> bool:
    sizes = [size for _, size in memory]
    tenth = max(1, len(sizes) // 10)
    first, last = np.median(sizes[:tenth]), np.median(sizes[-tenth:])
    growth = float(last / first - 1)
    answered = len(seen.seconds)
    p50, p95 = np.percentile(seen.seconds, [50, 95]) if answered else (0.0, 0.0)
    print(f"\n{clients} clients for {seconds:.0f} s: {dict(sorted(seen.statuses.items()))}")
    print(
        f"answers {answered}, p50 {p50:.2f} s, p95 {p95:.2f} s; answers that are another question's: {len(seen.wrong)}"
    )
    print(
        f"questions inside at once: at most {status['peak']} of {status['most']}; after the load {status['inside']}"
    )
    fifths = [f"{np.median(part):.0f}" for part in np.array_split([size / 1e6 for _, size in memory], 5)]
    print(f"memory {first / 1e6:.0f} MB at the start, {last / 1e6:.0f} MB at the end ({growth:+.1%})")
    print(f"  medians of each fifth of the time, MB: {', '.join(fifths)}")
    for line in seen.wrong[:5]:
        print(f"  {line}")
    return (
        not seen.wrong
        and status["peak"] <= status["most"]
        and status["inside"] == 0
        and growth <= _MOST_GROWTH
    )


def _warm(url: str, expected: Mapping[str, str]) -> None:
    """Ask every question once in every thread of the server.

    Each length of text that is new to an engine, and each thread's first query, adds to caches once.
    """
    with httpx.Client(base_url=url, timeout=_MOST_SECONDS) as http, ThreadPoolExecutor(_WARM_CLIENTS) as pool:
        for _ in pool.map(lambda question: _asked(http, question, "warm", False), [*expected] * 2):
            pass


def _client(url: str, number: int, expected: Mapping[str, str], end: float, seen: Seen) -> None:
    chance = random.Random(number)
    with httpx.Client(base_url=url, timeout=_MOST_SECONDS) as http:
        count = 0
        while time.monotonic() < end:
            count += 1
            question = chance.choice([*expected])
            identifier = f"client-{number}-{count}"
            leaves = chance.random() < 0.05
            started = time.monotonic()
            try:
                answer = _asked(http, question, identifier, leaves)
            except httpx.TimeoutException:
                with seen.lock:
                    seen.statuses[f"no answer within {_MOST_SECONDS:.0f} s"] += 1
                continue
            _note(answer, question, identifier, expected[question], time.monotonic() - started, seen)
            if answer is not None and answer.status_code == 429:
                time.sleep(min(float(answer.headers["retry-after"]), _MOST_PAUSE_SECONDS))


def _asked(http: httpx.Client, question: str, identifier: str, leaves: bool) -> httpx.Response | None:
    """Return the answer to a question, None where the client left before it came."""
    headers = {"x-request-id": identifier}
    if leaves:
        body = {"question": question}
        with http.stream("POST", "/api/ask", json=body, headers=headers):
            return None
    body = {"model": "lectern", "messages": [{"role": "user", "content": question}]}
    return http.post("/v1/chat/completions", json=body, headers=headers)


def _note(
    answer: httpx.Response | None, question: str, identifier: str, expected: str, took: float, seen: Seen
) -> None:
    with seen.lock:
        if answer is None:
            seen.statuses["left early"] += 1
            return
        seen.statuses[str(answer.status_code)] += 1
        if answer.status_code != 200:
            return
        body: dict[str, Any] = answer.json()
        seen.seconds.append(took)
        own = (body["id"], body["lectern"]["question"], body["choices"][0]["message"]["content"])
        if (
            own != (f"chatcmpl-{identifier}", question, expected)
            or answer.headers["x-request-id"] != identifier
        ):
            seen.wrong.append(f"{identifier}: asked {question!r}, got {own!r}")
