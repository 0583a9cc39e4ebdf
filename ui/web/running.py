"""Answers under way, which belong to their conversation and not to a browser tab.

Each is made by a thread of its own and saved at its end. A tab follows it: when the tab is closed, reloaded or shows
another conversation, the answer goes on, and whoever opens the conversation follows it from where it is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ui.web.conversation import Exchange, ExchangeOutcome
from ui.web.feed import Feed


@dataclass(frozen=True, slots=True)
class State:
    """The exchange so far, and the number of questions that are answered before it."""

    exchange: Exchange
    place: int = 0


class RunningAnswer(Feed[State]):
    """One answer under way. Safe to use from any thread.

    `seen` is set when a tab was given the passages that were found.
    """

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(State(exchange))
        self.stop = threading.Event()
        self.seen = threading.Event()

    @property
    def state(self) -> State:
        """The state now."""
        return self.value

    def put(self, exchange: Exchange) -> None:
        """Publish a later snapshot."""
        self.publish(State(exchange))

    def wait_at(self, place: int) -> None:
        """Publish the place in the line."""
        self.publish(replace(self.value, place=place))


class RunningAnswers:
    """The answers under way, at most one a conversation."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_conversation: dict[str, RunningAnswer] = {}

    def of(self, conversation: str) -> RunningAnswer | None:
        """Return the answer under way in a conversation, None if there is none."""
        return self._by_conversation.get(conversation)

    def start(
        self,
        conversation: str,
        exchange: Exchange,
        snapshots: Callable[[RunningAnswer], Iterator[Exchange]],
        save: Callable[[Exchange], None],
    ) -> RunningAnswer | None:
        """Begin an answer in a thread of its own.

        None if the conversation has one under way.
        `save` gets the exchange now and its last snapshot at the end.
        """
        running = RunningAnswer(exchange)
        with self._lock:
            if conversation in self._by_conversation:
                return None
            self._by_conversation[conversation] = running
        try:
            save(exchange)
            work = (conversation, running, snapshots, save)
            threading.Thread(target=self._work, args=work, name="lectern-answer", daemon=True).start()
        except BaseException:
            self._remove(conversation, running)
            raise
        return running

    def _work(
        self,
        conversation: str,
        running: RunningAnswer,
        snapshots: Callable[[RunningAnswer], Iterator[Exchange]],
        save: Callable[[Exchange], None],
    ) -> None:
        last = running.state.exchange
        try:
            for last in snapshots(running):
                if last.outcome is ExchangeOutcome.PENDING:
                    running.put(last)
        except Exception as exc:  # noqa: BLE001 - a bug must end as a message on the page too, not as an endless wait
            last = replace(last, outcome=ExchangeOutcome.FAILED, error=f"{type(exc).__name__}: {exc}")
        try:
            save(last)
        finally:
            self._remove(
                conversation, running
            )  # before its end is known, so that the next question can be asked
            running.put(last)
            running.end()

    def _remove(self, conversation: str, running: RunningAnswer) -> None:
        with self._lock:
            if self._by_conversation.get(conversation) is running:
                del self._by_conversation[conversation]
