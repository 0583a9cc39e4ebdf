"""A value that threads change and tabs follow."""

from __future__ import annotations

import threading

from tests.patience import PATIENCE_SECONDS
from ui.web.feed import Feed


def test_changes_within_the_interval_are_one_and_the_last_one_comes_at_once() -> None:
    feed = Feed(0)
    values = feed.values(interval_seconds=PATIENCE_SECONDS)
    seen = [next(values)]

    def go_on() -> None:
        for value in range(1, 100):
            feed.publish(value)
        feed.end()

    thread = threading.Thread(target=go_on)
    thread.start()
    seen += values
    thread.join()
    assert seen == [0, 99]


def test_without_an_interval_each_change_that_is_waited_for_is_seen() -> None:
    feed, seen = Feed(0), []
    values = feed.values()
    for value in range(1, 4):
        seen.append(next(values))
        feed.publish(value)
    feed.end()
    assert [*seen, *values] == [0, 1, 2, 3]
