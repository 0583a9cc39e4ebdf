"""The chain's events as snapshots of an exchange; whatever happens, it ends as one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from rag.chain_events import Done, Event, Retrieved, Rewritten, Token
from rag.errors import ModelFailed
from rag.gate import Decision
from rag.scope import Scope
from rag.types import Answer, Hit, Role, Turn
from ui.web.asking import answered, begin, numbered_first
from ui.web.conversation import Exchange, Outcome

GO = Decision(True, 0.6, "near")


class Script:
    """A chain that says what it was given, waiting before each event that is a number of seconds."""

    def __init__(self, *events: Event | float | Exception) -> None:
        self.events = events
        self.asked: list[Any] = []
        self.closed = threading.Event()

    def stream(self, input: Any) -> Iterator[Event]:  # noqa: A002 - LangChain's name
        self.asked.append(input)
        try:
            for event in self.events:
                if isinstance(event, Exception):
                    raise event
                if isinstance(event, float):
                    time.sleep(event)
                else:
                    yield event
        finally:
            self.closed.set()


def snapshots(script: Script, stop: threading.Event | None = None) -> Iterator[Exchange]:
    return answered(lambda scope: script, begin(" When? "), [], stop or threading.Event())


def test_an_answer_comes_in_steps(make_answer: Callable[..., Answer]) -> None:
    answer = make_answer()
    script = Script(
        Rewritten("When does it hunt?"), Retrieved(answer.hits, 1, GO, 612, 2048, answer.hits), 0.1,
        Token("The "), 0.1, Token("owl"), 0.1, Done(answer),
    )  # fmt: skip
    seen = list(snapshots(script))
    assert seen[0].standalone_question == "When does it hunt?"
    before_first_token = next(s for s in seen if s.hits)
    assert (before_first_token.text, before_first_token.shown) == ("", 1)
    assert (before_first_token.prompt_tokens, before_first_token.context_tokens) == (612, 2048)
    assert [s.text for s in seen if s.text][:2] == ["The ", "The owl"]
    assert (seen[-1].outcome, seen[-1].answer, seen[-1].text) == (Outcome.ANSWERED, answer, answer.text)
    assert script.asked == [{"question": "When?", "history": ()}]


def test_earlier_turns_are_the_history(
    make_answer: Callable[..., Answer], make_exchange: Callable[..., Exchange]
) -> None:
    script = Script(Done(make_answer()))
    list(answered(lambda scope: script, begin("And by day?"), [make_exchange()], threading.Event()))
    assert script.asked[0]["history"] == (
        Turn(Role.USER, "When does the owl hunt?"),
        Turn(Role.ASSISTANT, "The owl hunts at night. [1]"),
    )


def test_stop_keeps_what_there_was_and_closes_the_chain(make_answer: Callable[..., Answer]) -> None:
    stop = threading.Event()
    script = Script(
        Retrieved(make_answer().hits, 1, GO, passages=make_answer().hits),
        Token("The owl"),
        0.4,
        Token(" hunts"),
        5.0,
        Done(make_answer()),
    )
    last = None
    started = time.monotonic()
    for last in snapshots(script, stop):
        if last.text:
            stop.set()
    assert last is not None
    assert (last.outcome, last.text, last.shown) == (Outcome.STOPPED, "The owl", 1)
    assert time.monotonic() - started < 3, "the chain still sleeps"
    assert script.closed.wait(2)


def test_an_error_is_the_end_of_the_exchange_not_of_the_page() -> None:
    seen = list(snapshots(Script(Rewritten("When?"), ModelFailed("The model died. Ask again."))))
    assert (seen[-1].outcome, seen[-1].error) == (Outcome.FAILED, "The model died. Ask again.")


def test_passages_stand_in_the_order_of_their_numbers(make_hit: Callable[..., Hit]) -> None:
    a, b, c = (make_hit(text) for text in "abc")
    assert numbered_first((a, c), (a, b, c)) == (a, c, b)
    assert numbered_first((), (a, b)) == (a, b)


def test_a_model_that_cannot_load_is_told() -> None:
    def chain(scope: Scope) -> Script:
        raise ModelFailed("No model file. Run: lectern doctor")

    seen = list(answered(chain, begin("When?"), [], threading.Event()))
    assert [(s.outcome, s.error) for s in seen] == [(Outcome.FAILED, "No model file. Run: lectern doctor")]


def test_the_chain_is_asked_within_the_questions_scope_and_a_bad_scope_is_told() -> None:
    asked: list[Scope] = []

    def chain(scope: Scope) -> Script:
        asked.append(scope)
        return Script()

    list(answered(chain, begin("When?", ("folder:owls",)), [], threading.Event()))
    assert asked == [Scope(folders=("owls",))]
    *_, failed = answered(chain, begin("When?", ("lecture:x",)), [], threading.Event())
    assert failed.outcome is Outcome.FAILED
    assert "Cannot use the scope 'lecture:x'" in failed.error
