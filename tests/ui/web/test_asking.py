"""The chain's events as snapshots of an exchange; whatever happens, it ends as one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rag.answer.network_turns import TURNS
from rag.errors import ModelFailed
from rag.events import Closest, Done, Event, Retrieved, Rewritten, Searched, Token
from rag.search.scope import Scope
from rag.types import Answer, Decision, Hit, Role, Tier, Turn
from tests.patience import PATIENCE_SECONDS
from ui.web import asking
from ui.web.asking import answered, begin, numbered_first
from ui.web.conversation import Exchange, ExchangeOutcome

GO = Decision(Tier.ANSWER, 0.9, 0.6, "near")


class Script:
    """A chain that says what it was given.

    It waits at each `threading.Event` until that is set.
    """

    def __init__(self, *events: Event | threading.Event | Exception) -> None:
        self.events = events
        self.asked: list[Any] = []
        self.closed = threading.Event()

    def stream(self, input: Any) -> Iterator[Event]:  # noqa: A002 - LangChain's name
        self.asked.append(input)
        try:
            for event in self.events:
                if isinstance(event, Exception):
                    raise event
                if isinstance(event, threading.Event):
                    event.wait(PATIENCE_SECONDS)
                else:
                    yield event
        finally:
            self.closed.set()


def passed() -> threading.Event:
    """Return an event that has happened."""
    event = threading.Event()
    event.set()
    return event


def snapshots(
    script: Script, stop: threading.Event | None = None, seen: threading.Event | None = None
) -> Iterator[Exchange]:
    return answered(lambda scope: script, begin(" When? "), [], stop or threading.Event(), seen or passed())


def test_the_closest_quotes_are_kept_until_the_answer_begins(make_answer: Callable[..., Answer]) -> None:
    answer, closest, first = make_answer(), threading.Event(), threading.Event()
    script = Script(
        Retrieved(answer.hits, 1, GO, passages=answer.hits), Closest("Owls hunt at night."), closest,
        Token("The owl"), first, Done(answer),
    )  # fmt: skip
    seen = []
    for snapshot in snapshots(script):
        seen.append((snapshot.text, snapshot.closest))
        for shown, reached in ((closest, snapshot.closest), (first, snapshot.text)):
            if reached:
                shown.set()
    assert ("", "Owls hunt at night.") in seen
    assert ("The owl", "") in seen
    assert seen[-1] == (answer.text, "")


def test_an_answer_comes_in_steps(make_answer: Callable[..., Answer]) -> None:
    answer = make_answer()
    found, first, both = threading.Event(), threading.Event(), threading.Event()
    script = Script(
        Rewritten("When does it hunt?"), Retrieved(answer.hits, 1, GO, 612, 2048, answer.hits), found,
        Token("The "), first, Token("owl"), both, Done(answer),
    )  # fmt: skip
    seen = []
    for snapshot in snapshots(script):
        seen.append(snapshot)
        for shown, reached in (
            (found, snapshot.hits),
            (first, snapshot.text),
            (both, "owl" in snapshot.text),
        ):
            if reached:
                shown.set()
    assert seen[0].standalone_question == "When does it hunt?"
    before_first_token = next(s for s in seen if s.hits)
    assert (before_first_token.text, before_first_token.shown) == ("", 1)
    assert (before_first_token.prompt_tokens, before_first_token.context_tokens) == (612, 2048)
    assert [s.text for s in seen if s.text][:2] == ["The ", "The owl"]
    assert (seen[-1].outcome, seen[-1].answer, seen[-1].text) == (
        ExchangeOutcome.ANSWERED,
        answer,
        answer.text,
    )
    assert script.asked == [{"question": "When?", "history": ()}]


def test_what_was_found_is_seen_before_it_is_read(make_answer: Callable[..., Answer]) -> None:
    answer = make_answer()
    script = Script(
        Searched(answer.hits), Retrieved(answer.hits[:1], 1, GO, 0, 0, answer.hits[:1]), Done(answer)
    )
    seen = [(snapshot.shown, snapshot.hits) for snapshot in snapshots(script) if snapshot.hits]
    assert list(dict.fromkeys(seen)) == [(0, answer.hits), (1, answer.hits[:1])]


def test_nothing_is_read_before_the_passages_are_seen(
    make_answer: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_MOST_DRAWING_SECONDS", PATIENCE_SECONDS)
    answer, seen, read = make_answer(), threading.Event(), threading.Event()

    class Reader(Script):
        def stream(self, input: Any) -> Iterator[Event]:  # noqa: A002 - LangChain's name
            yield Searched(answer.hits)
            with TURNS.reading():
                read.set()
            yield Done(answer)

    views = snapshots(Reader(), seen=seen)
    assert next(views).hits == answer.hits
    assert not read.wait(0.1)
    seen.set()
    assert list(views)[-1].answer == answer
    assert read.is_set()


def test_an_answer_goes_on_though_nobody_sees_its_passages(
    make_answer: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_MOST_DRAWING_SECONDS", 0.01)
    answer = make_answer()
    *_, last = snapshots(Script(Searched(answer.hits), Done(answer)), seen=threading.Event())
    assert last.answer == answer


def test_nothing_waits_to_be_seen_where_nothing_was_found(
    make_answer: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_MOST_DRAWING_SECONDS", 100 * PATIENCE_SECONDS)
    answer = make_answer()
    *_, last = snapshots(Script(Searched(()), Done(answer)), seen=threading.Event())
    assert last.answer == answer


def test_earlier_turns_are_the_history(
    make_answer: Callable[..., Answer], make_exchange: Callable[..., Exchange]
) -> None:
    script = Script(Done(make_answer()))
    list(answered(lambda scope: script, begin("And by day?"), [make_exchange()], threading.Event(), passed()))
    assert script.asked[0]["history"] == (
        Turn(Role.USER, "When does the owl hunt?"),
        Turn(Role.ASSISTANT, "The owl hunts at night. [1]"),
    )


def test_stop_keeps_what_there_was_and_closes_the_chain(make_answer: Callable[..., Answer]) -> None:
    stop, release = threading.Event(), threading.Event()
    script = Script(
        Retrieved(make_answer().hits, 1, GO, passages=make_answer().hits),
        Token("The owl"),
        release,
        Token(" hunts"),
        Done(make_answer()),
    )
    last = None
    for last in snapshots(script, stop):
        if last.text:
            stop.set()
    assert last is not None
    assert (last.outcome, last.text, last.shown) == (ExchangeOutcome.STOPPED, "The owl", 1)
    assert not script.closed.is_set(), "it would wait for the chain"
    release.set()
    assert script.closed.wait(PATIENCE_SECONDS)


def test_an_error_is_the_end_of_the_exchange_not_of_the_page() -> None:
    seen = list(snapshots(Script(Rewritten("When?"), ModelFailed("The model died. Ask again."))))
    assert (seen[-1].outcome, seen[-1].error) == (ExchangeOutcome.FAILED, "The model died. Ask again.")


def test_passages_stand_in_the_order_of_their_numbers(make_hit: Callable[..., Hit]) -> None:
    a, b, c = (make_hit(text) for text in "abc")
    assert numbered_first((a, c), (a, b, c)) == (a, c, b)
    assert numbered_first((), (a, b)) == (a, b)


def test_a_model_that_cannot_load_is_told() -> None:
    def chain(scope: Scope) -> Script:
        raise ModelFailed("No model file. Run: lectern doctor")

    seen = list(answered(chain, begin("When?"), [], threading.Event(), passed()))
    assert [(s.outcome, s.error) for s in seen] == [
        (ExchangeOutcome.FAILED, "No model file. Run: lectern doctor")
    ]


def test_the_chain_is_asked_within_the_questions_scope_and_a_bad_scope_is_told() -> None:
    asked: list[Scope] = []

    def chain(scope: Scope) -> Script:
        asked.append(scope)
        return Script()

    list(answered(chain, begin("When?", ("folder:owls",)), [], threading.Event(), passed()))
    assert asked == [Scope(folders=("owls",))]
    *_, failed = answered(chain, begin("When?", ("lecture:x",)), [], threading.Event(), passed())
    assert failed.outcome is ExchangeOutcome.FAILED
    assert "Cannot use the scope 'lecture:x'" in failed.error
