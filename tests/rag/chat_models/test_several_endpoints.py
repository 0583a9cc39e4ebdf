"""A model at several addresses: real servers on loopback that fail, wait, come and go."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import Any

import pytest

from rag.chat_models.endpoint_addresses import (
    LEFT_OUT_SECONDS,
    LONGEST_LEFT_OUT_SECONDS,
    REMEMBERED_SECONDS,
    Addresses,
)
from rag.chat_models.endpoint_opening import named_servers
from rag.errors import ModelBusy, ModelFailed, ModelMissing, SettingsError
from rag.settings import ModelSettings
from rag.types import Role, Turn
from tests.patience import PATIENCE_SECONDS
from tests.rag.chat_models.test_openai_endpoint import (
    MODELS,
    Answer,
    Script,
    dies_midway,
    event,
    hangs_up_after_its_headers,
    is_full,
    is_silent,
    refuses,
    serving,
)

NOBODY = "http://127.0.0.1:9"
DONE = b"data: [DONE]\n\n"


def says(word: str) -> Answer:
    def answer(to: Script, body: dict[str, Any]) -> None:
        to.stream(event(word), event(finish="stop"), DONE)

    return answer


def opened(*urls: str, **fields: Any) -> Any:
    from rag.chat_models import open_chat_model

    return open_chat_model(ModelSettings(name=f"openai:m@{','.join(urls)}", **fields))


@pytest.fixture
def servers() -> Any:
    """Starts servers; returns their addresses."""
    with ExitStack() as stack:
        yield lambda *answers, **more: [stack.enter_context(serving(each, **more))[0] for each in answers]


def test_the_name_of_several_addresses() -> None:
    assert named_servers("openai:a@b@http://h:1, https://i/v2/,http://h:1/v1") == (
        "a@b",
        ["http://h:1/v1", "https://i/v2"],
    )
    for name in ("openai:m@http://h,", "openai:m@http://h,i:80", "openai:m@http://h:x,http://i"):
        with pytest.raises(SettingsError, match="openai:MODEL@URL"):
            named_servers(name)


def test_requests_go_round_when_nothing_is_under_way(servers: Any) -> None:
    model = opened(*servers(says("a"), says("b"), says("c")))
    assert "".join(model.invoke("q").content for _ in range(6)) == "abcabc"
    assert model.context_tokens == 4096


def test_the_least_loaded_address_is_chosen(servers: Any) -> None:
    go = threading.Event()

    def waits(to: Script, body: dict[str, Any]) -> None:
        to.stream(event("slow"), whole=False)
        to.close_connection = False
        go.wait(PATIENCE_SECONDS)
        to.wfile.write(
            b"".join(f"{len(e):x}\r\n".encode() + e + b"\r\n" for e in (event(finish="stop"), DONE))
        )
        to.wfile.write(b"0\r\n\r\n")

    model = opened(*servers(waits, says("b")))
    stream = model.stream("q")
    assert next(stream).text == "slow"
    assert [model.invoke("q").content for _ in range(3)] == ["b", "b", "b"]
    go.set()
    assert "".join(chunk.text for chunk in stream) == ""
    stream = model.stream("q")  # nothing is under way any more, so it is the first one's turn
    assert next(stream).text == "slow"
    stream.close()
    assert [address.under_way for address in model.addresses._addresses] == [0, 0]


@pytest.mark.parametrize("broken", [hangs_up_after_its_headers, is_full])
def test_an_address_that_fails_before_its_first_token_is_left_out(
    servers: Any, broken: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[int] = []

    def counted(to: Script, body: dict[str, Any]) -> None:
        asked.append(1)
        broken(to, body)

    now = [1000.0]
    model = opened(*servers(counted, says("b")))
    model.addresses._clock = lambda: now[0]
    assert [model.invoke("q").content for _ in range(3)] == ["b"] * 3
    assert len(asked) == 1
    [logged] = [record.getMessage() for record in caplog.records if record.name == "lectern.models"]
    assert logged.startswith("an address of the model is left out for 15 s: the server at http://127.0.0.1:")
    now[0] += LEFT_OUT_SECONDS
    assert model.invoke("q").content == "b"
    assert len(asked) == 2


def test_an_answer_that_began_is_never_continued_elsewhere(servers: Any) -> None:
    model = opened(*servers(dies_midway, says("b")))
    seen = []
    with pytest.raises(ModelFailed, match="stopped in the middle of its answer"):
        seen.extend(chunk.text for chunk in model.stream("q"))
    assert seen == ["half an ans"]
    assert [model.invoke("q").content for _ in range(2)] == ["b", "b"]


def test_a_request_that_is_refused_is_not_sent_to_all() -> None:
    with serving(refuses) as (first, _), serving(says("b")) as (second, asked):
        model = opened(first, second)
        with pytest.raises(ModelFailed, match=r"refuses the question: .*context too long"):
            model.invoke("q")
        assert not asked
        assert [model.invoke("q").content] == ["b"]


def test_all_down_is_one_sentence_with_each_address_and_error(servers: Any) -> None:
    with pytest.raises(ModelMissing) as caught:
        opened(NOBODY, "http://127.0.0.1:7")
    assert str(caught.value) == (
        "all 2 addresses of the model fail: "
        "(1) no server answers at http://127.0.0.1:9/v1; start it, or check the address after the @; "
        "(2) no server answers at http://127.0.0.1:7/v1; start it, or check the address after the @"
    )
    urls = servers(hangs_up_after_its_headers, is_full)
    with pytest.raises(ModelFailed) as failed:
        opened(*urls).model_copy(update={"pauses_seconds": (0.0,)}).invoke("q")
    assert all(url in str(failed.value) for url in urls)
    assert "closed the connection" in str(failed.value)
    assert "\n" not in str(failed.value)
    with pytest.raises(
        ModelBusy, match=r"all 2 addresses .*\(1\) .* is busy; .*\(2\) .* is busy; try again later$"
    ):
        opened(*servers(is_full, is_full)).model_copy(update={"pauses_seconds": (0.0,)}).invoke("q")
    other = {"object": "list", "data": [{"id": "n", "object": "model", "created": 0, "owned_by": "x"}]}
    with pytest.raises(ModelMissing, match="has no model 'm'; it has n"):
        opened(*servers(says("a"), says("b"), models=other))


def test_one_address_is_enough_and_another_may_come_later() -> None:
    turns = [Turn(Role.USER, "abcdef")]
    with serving(says("a")) as (first, _):
        with serving(says("b")) as (second, _):
            pass  # the address is free again
        model = opened(second, first)
        assert [model.invoke("q").content for _ in range(2)] == ["a", "a"]
        assert model.count_tokens(turns) == 2 + 8
        now = [1000.0]
        model.addresses._clock = lambda: now[0]
        small = {"object": "list", "data": [MODELS["data"][0] | {"max_model_len": 1024}]}
        with serving(says("b"), models=small, port=int(second.rpartition(":")[2])):
            now[0] += 1e6
            assert {model.invoke("q").content for _ in range(2)} == {"a", "b"}
        assert model.context_tokens == 1024


def test_a_server_whose_engine_died_is_not_asked() -> None:
    sick: list[int] = []
    with serving(says("a"), sick=sick) as (dead, asked), serving(says("b"), sick=sick) as (living, _):
        model = opened(dead, living)
        sick.append(int(dead.rpartition(":")[2]))
        now = [1e9]
        model.addresses._clock = lambda: now[0]
        assert [model.invoke("q").content for _ in range(2)] == ["b", "b"]
        assert not asked
        model.check_alive(1.0)
        sick.append(int(living.rpartition(":")[2]))
        now[0] += 1e6
        with pytest.raises(ModelFailed, match=r"all 2 .* health check with status 503"):
            model.check_alive(1.0)


def test_a_silent_health_check_ends_in_time(servers: Any) -> None:
    silent = threading.Event()
    [url] = servers(says("a"), silent=silent)
    from rag.chat_models.endpoint_health import check_health

    with pytest.raises(ModelFailed, match=r"did not answer its health check in 0\.2 s"):
        check_health(f"{url}/v1", 0.2)
    silent.set()


def test_an_answer_that_began_shows_that_its_server_lives(servers: Any) -> None:
    now = [1e9]

    def takes_long(to: Script, body: dict[str, Any]) -> None:
        now[0] += 3
        to.stream(event("a"), event("b"), event(finish="stop"), DONE)

    model = opened(*servers(takes_long), NOBODY)
    model.addresses._clock = lambda: now[0]
    stream = model.stream("q")
    assert next(stream).text == "a"
    assert model.addresses._addresses[0].sound_until == 1e9 + 3 + REMEMBERED_SECONDS
    stream.close()


def test_all_addresses_are_checked_at_once(servers: Any) -> None:
    together: Any = threading.Barrier(4)  # a server answers when all four were asked
    model = opened(*servers(says("a"), says("b"), says("c"), says("d"), silent=together))
    model.addresses._clock = lambda: 1e9
    model.check_alive(1.0)
    assert not together.broken


def test_a_living_model_does_not_wait_for_silent_addresses(
    servers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = threading.Event()
    model = opened(*servers(says("a"), says("b"), silent=silent), *servers(says("c")))
    model.addresses._clock = lambda: 1e9
    monkeypatch.setattr("rag.chat_models.endpoint_addresses.HEALTH_SECONDS", PATIENCE_SECONDS)
    model.check_alive(1.0)
    assert [address.sound_until > 1e9 for address in model.addresses._addresses] == [False, False, True]
    assert not any(address.left_out_until for address in model.addresses._addresses)
    silent.set()


def test_tokens_are_counted_where_a_server_lives() -> None:
    sick: list[int] = []
    with serving(says("a"), sick=sick) as (dead, asked), serving(says("b")) as (living, counted):
        model = opened(dead, living)
        sick.append(int(dead.rpartition(":")[2]))
        model.addresses._clock = lambda: 1e9
        model.count_tokens([Turn(Role.USER, "abcdef")])
    assert not asked
    assert counted[0][0] == "/tokenize"


def test_copies_keep_their_own_lengths_and_share_the_load() -> None:
    with serving(says("a")) as (url, asked):
        model = opened(url, NOBODY)
        longer = model.model_copy(update={"max_answer_tokens": 999})
        longer.invoke("q", temperature=0.5)
        assert isinstance(longer.addresses, Addresses)
        assert longer.addresses is model.addresses
    assert (asked[-1][1]["max_tokens"], asked[-1][1]["temperature"]) == (999, 0.5)


def test_a_sound_address_that_never_begins_costs_one_short_wait_and_rarely(servers: Any) -> None:
    asked: list[int] = []

    def counted(to: Script, body: dict[str, Any]) -> None:
        asked.append(1)
        is_silent(to, body)

    now = [1000.0]
    model = opened(*servers(counted, says("b")), timeout_seconds=PATIENCE_SECONDS)
    model.first_byte_seconds = 0.3  # with the limit of the settings the test would not end in time
    model.addresses._clock = lambda: now[0]
    assert [model.invoke("q").content for _ in range(3)] == ["b"] * 3
    assert len(asked) == 1
    for times, pause in enumerate((LEFT_OUT_SECONDS, 2 * LEFT_OUT_SECONDS, 4 * LEFT_OUT_SECONDS), 2):
        now[0] += pause - 1
        assert (model.invoke("q").content, len(asked)) == ("b", times - 1)  # not yet
        now[0] += 1
        assert [model.invoke("q").content for _ in range(2)] == ["b", "b"]
        assert len(asked) == times
    for _ in range(8):
        now[0] += LONGEST_LEFT_OUT_SECONDS
        model.invoke("q"), model.invoke("q")
    assert len(asked) == 12


def test_the_last_address_has_all_its_time_for_its_first_byte(servers: Any) -> None:
    first = threading.Event()

    def late(to: Script, body: dict[str, Any]) -> None:
        first.wait(1.0)  # longer than the first address gets
        says("late")(to, body)

    model = opened(*servers(is_silent, late), timeout_seconds=PATIENCE_SECONDS)
    model.first_byte_seconds = 0.3
    assert model.invoke("q").content == "late"


def test_the_short_wait_ends_with_the_head_of_the_answer(servers: Any) -> None:
    def thinks(to: Script, body: dict[str, Any]) -> None:
        to.stream(b": accepted\n\n", whole=False)
        to.close_connection = False
        threading.Event().wait(1.0)  # longer than the wait for the first byte
        for part in (event("thought"), event(finish="stop"), DONE):
            to.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        to.wfile.write(b"0\r\n\r\n")

    model = opened(*servers(thinks, says("b")), timeout_seconds=PATIENCE_SECONDS)
    model.first_byte_seconds = 0.3
    assert model.invoke("q").content == "thought"
