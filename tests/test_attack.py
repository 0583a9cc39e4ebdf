"""The short form of `make attack`: every kind of attack with a few tries, none of which may succeed."""

from __future__ import annotations

import sys

import pytest

from benchmarks.attack import events, injections, kills, mutations, web
from benchmarks.attack.tally import Tally


def test_kills() -> None:
    if sys.platform == "win32":
        pytest.skip("needs fork")
    assert kills.attack(6, seed=11).failures == []


def test_mutated_files() -> None:
    tally = mutations.attack(40, seed=11)
    assert tally.failures == []
    assert tally.outcomes["read"] > 5


def test_web_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    tally = web.attack(60, seed=11)
    assert tally.failures == []
    assert tally.outcomes["a file by its path"] > 3
    assert tally.outcomes["a wrong password"] > 1


def test_events_and_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    tally = events.attack(50, seed=11)
    assert tally.failures == []
    assert sum(count for kind, count in tally.outcomes.items() if kind.startswith("an event")) >= 30


@pytest.mark.model
def test_injections() -> None:
    assert injections.attack(24, seed=11).failures == []


def test_a_failure_is_counted_and_shown() -> None:
    tally = Tally("kills")
    tally.add("killed")
    tally.add("killed", "try 1: a document is lost")
    assert (tally.tries, len(tally.failures)) == (2, 1)
    assert tally.lines() == [
        "kills                             2         1   2 killed",
        "    try 1: a document is lost",
    ]
