"""A model on a server: real servers on loopback, some of them broken in the ways that servers break."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from rag.errors import LecternError, ModelBusy, ModelFailed, ModelMissing, SettingsError
from rag.settings import ModelSettings
from rag.types import Role, Turn
from tests.patience import PATIENCE_SECONDS

MODELS = {
    "object": "list",
    "data": [{"id": "m", "object": "model", "created": 0, "owned_by": "x", "max_model_len": 4096}],
}


def event(text: str = "", finish: str | None = None, usage: dict[str, int] | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    told = {
        "id": "1",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "m",
        "choices": [choice],
        "usage": usage,
    }
    return b"data: " + json.dumps(told).encode() + b"\n\n"


class Script(BaseHTTPRequestHandler):
    """Answers GET with the models and POST with what the server's `answer` does."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/health":
            silent: threading.Event | None = self.server.silent  # type: ignore[attr-defined]
            if silent:
                silent.wait(PATIENCE_SECONDS)
            sick = self.server.server_port in self.server.sick  # type: ignore[attr-defined]
            self.send(b"", 503 if sick else 200)
            return
        self.send(json.dumps(getattr(self.server, "models", MODELS)).encode())

    def do_POST(self) -> None:
        self.server.keys.append(self.headers.get("Authorization"))  # type: ignore[attr-defined]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, body))  # type: ignore[attr-defined]
        self.server.answer(self, body)  # type: ignore[attr-defined]

    def send(self, body: bytes, status: int = 200, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, *events: bytes, whole: bool = True) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for one in events:
            self.wfile.write(f"{len(one):x}\r\n".encode() + one + b"\r\n")
            self.wfile.flush()
        if whole:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True

    def log_message(self, *args: Any) -> None: ...


Answer = Callable[[Script, dict[str, Any]], None]


@contextmanager
def serving(
    answer: Answer,
    models: dict[str, Any] = MODELS,
    keys: list[str | None] | None = None,
    port: int = 0,
    sick: Sequence[int] = (),
    silent: threading.Event | None = None,
) -> Iterator[tuple[str, list[tuple[str, dict[str, Any]]]]]:
    server = ThreadingHTTPServer(("127.0.0.1", port), Script)
    server.daemon_threads = True
    server.answer, server.asked = answer, []  # type: ignore[attr-defined]
    server.models, server.keys = models, [] if keys is None else keys  # type: ignore[attr-defined]
    server.sick, server.silent = sick, silent  # type: ignore[attr-defined]
    thread = threading.Thread(target=lambda: server.serve_forever(0.05), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server.asked  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()


def opened(url: str, **fields: Any) -> Any:
    from rag.chat_models import open_chat_model

    return open_chat_model(ModelSettings(name=f"openai:m@{url}", **fields))


def test_streams_an_answer_with_usage_and_passes_every_option_on() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}

    def answer(to: Script, body: dict[str, Any]) -> None:
        to.stream(event("Hel"), event("lo"), event(finish="stop"), event(usage=usage), b"data: [DONE]\n\n")

    with serving(answer) as (url, asked):
        model = opened(url, temperature=0.3, seed=4)
        chunks = list(
            model.stream([("system", "s"), ("user", "u")], stop=["X"], response_schema={"type": "null"})
        )
        assert [chunk.text for chunk in chunks] == ["Hel", "lo", ""]
        assert chunks[-1].usage_metadata == {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
        assert model.context_tokens == 4096
    path, body = asked[0]
    assert path == "/v1/chat/completions"
    assert body["messages"] == [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    assert (body["temperature"], body["seed"], body["stop"], body["max_tokens"]) == (0.3, 4, ["X"], 256)
    assert body["response_format"]["json_schema"]["schema"] == {"type": "null"}


def test_a_busy_server_is_asked_again_with_pauses() -> None:
    tries: list[float] = []

    def answer(to: Script, body: dict[str, Any]) -> None:
        tries.append(time.monotonic())
        if len(tries) < 3:
            to.send(b'{"error": {"message": "busy"}}', 503)
        else:
            to.stream(event("ok", "stop"), b"data: [DONE]\n\n")

    with serving(answer) as (url, _):
        assert opened(url).invoke("q").content == "ok"
    assert len(tries) == 3
    assert tries[2] - tries[1] > 0.4


def dies_midway(to: Script, body: dict[str, Any]) -> None:
    to.stream(event("half an ans"), whole=False)


def ends_midway(to: Script, body: dict[str, Any]) -> None:
    to.stream(event("half an ans"))


def says_html(to: Script, body: dict[str, Any]) -> None:
    to.send(b"<html><body>It works!</body></html>", kind="text/html")


def says_rubbish(to: Script, body: dict[str, Any]) -> None:
    to.stream(b"data: {not json\n\n", b"data: 17\n\n")


def is_silent(to: Script, body: dict[str, Any]) -> None:
    to.rfile.read(1)  # until the client hangs up


def falls_silent_after_its_headers(to: Script, body: dict[str, Any]) -> None:
    to.stream(whole=False)
    to.close_connection = False
    to.rfile.read(1)  # until the client hangs up


def falls_silent_midway(to: Script, body: dict[str, Any]) -> None:
    to.stream(event("half an ans"), whole=False)
    to.close_connection = False
    to.rfile.read(1)  # until the client hangs up


def hangs_up_after_its_headers(to: Script, body: dict[str, Any]) -> None:
    to.stream(whole=False)


def tells_an_error_in_its_stream(to: Script, body: dict[str, Any]) -> None:
    to.stream(b'data: {"error": {"message": "the KV cache is full", "code": 500}}\n\n')


def tells_an_error_midway(to: Script, body: dict[str, Any]) -> None:
    to.stream(event("half"), b'event: error\ndata: {"error": "slot 3 died"}\n\n')


SILENT = (is_silent, falls_silent_after_its_headers, falls_silent_midway)


def refuses(to: Script, body: dict[str, Any]) -> None:
    to.send(b'{"error": {"message": "context too long"}}', 400)


def wants_a_key(to: Script, body: dict[str, Any]) -> None:
    to.send(b'{"error": {"message": "no"}}', 401)


def is_full(to: Script, body: dict[str, Any]) -> None:
    to.send_response(429)
    to.send_header("Retry-After", "0")
    to.send_header("Content-Length", "0")
    to.end_headers()


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (dies_midway, ModelFailed, "stopped in the middle of its answer"),
        (ends_midway, ModelFailed, "stopped in the middle of its answer"),
        (says_html, ModelFailed, "no OpenAI-compatible server"),
        (says_rubbish, ModelFailed, "no OpenAI-compatible server"),
        (is_silent, ModelFailed, r"was silent for 0\.3 s"),
        (falls_silent_after_its_headers, ModelFailed, r"was silent for 0\.3 s"),
        (falls_silent_midway, ModelFailed, r"was silent for 0\.3 s"),
        (hangs_up_after_its_headers, ModelFailed, "closed the connection before it answered"),
        (tells_an_error_in_its_stream, ModelFailed, "failed while it answered: the KV cache is full"),
        (tells_an_error_midway, ModelFailed, "failed while it answered: slot 3 died"),
        (refuses, ModelFailed, "refuses the question: .*context too long"),
        (wants_a_key, ModelMissing, "model.api_key"),
        (is_full, ModelBusy, "busy and stayed so"),
    ],
)
def test_each_failure_is_one_sentence(answer: Answer, kind: type[LecternError], told: str) -> None:
    with serving(answer) as (url, asked):
        model = opened(url, timeout_seconds=PATIENCE_SECONDS)
        if answer in SILENT:
            model = model.model_copy(update={"timeout_seconds": 0.3})
            vars(model).pop("_client", None)
        with pytest.raises(kind, match=told) as caught:
            model.invoke("q")
        if answer in SILENT:
            assert [path for path, _ in asked].count(
                "/v1/chat/completions"
            ) == 1  # waited for once, not four times
    assert "\n" not in str(caught.value)


def test_no_server_wrong_model_and_wrong_names() -> None:
    with pytest.raises(ModelMissing, match=r"no server answers at http://127\.0\.0\.1:9/v1"):
        opened("http://127.0.0.1:9")
    with serving(says_html) as (url, _), pytest.raises(ModelMissing, match="has no model 'n'; it has m"):
        from rag.chat_models import open_chat_model

        open_chat_model(ModelSettings(name=f"openai:n@{url}"))
    for name in ("openai:m", "openai:m@", "openai:@http://h", "openai:m@ftp://h", "openai:m@h:80"):
        with pytest.raises(SettingsError, match="openai:MODEL@URL"):
            from rag.chat_models import open_chat_model

            open_chat_model(ModelSettings(name=name))


def test_counts_as_the_server_counts_else_cautiously() -> None:
    turns = [Turn(Role.USER, "abcdef")]

    def counts(to: Script, body: dict[str, Any]) -> None:
        to.send(b'{"count": 41}')

    with serving(counts) as (url, _):
        assert opened(url).count_tokens(turns) == 41
    with serving(says_html) as (url, asked):
        model = opened(url)
        assert [model.count_tokens(turns), model.count_tokens(turns)] == [2 + 8, 2 + 8]
        assert len(asked) == 1  # and is not asked again


def test_a_failure_ends_counting_for_a_while_only_and_the_key_goes_along() -> None:
    turns = [Turn(Role.USER, "abcdef")]
    answers = [(b"", 503), (b"", 503), (b'{"count": 41}', 200), (b'{"count": 42}', 200)]
    keys: list[str | None] = []

    def counts(to: Script, body: dict[str, Any]) -> None:
        to.send(*answers.pop(0))

    with serving(counts, keys=keys) as (url, asked):
        later = opened(url, api_key="secret").model_copy(update={"count_again_seconds": 3600.0})
        assert [later.count_tokens(turns) for _ in range(3)] == [10, 10, 10]
        assert len(asked) == 1
        soon = opened(url, api_key="secret").model_copy(update={"count_again_seconds": 0.0})
        assert [soon.count_tokens(turns) for _ in range(3)] == [10, 41, 42]
    assert keys == ["Bearer secret"] * 4


def models_with(**fields: Any) -> dict[str, Any]:
    return {
        "object": "list",
        "data": [{"id": "m", "object": "model", "created": 0, "owned_by": "x", **fields}],
    }


@pytest.mark.parametrize(
    ("fields", "wished", "context", "assumed"),
    [
        ({"max_model_len": 4096}, 0, 4096, False),
        ({"max_model_len": 4096}, 1000, 1000, False),
        ({"meta": {"n_ctx": 2048, "n_ctx_train": 131072}}, 0, 2048, False),
        ({"meta": {"n_ctx_train": 32768}}, 0, 32768, False),
        (
            {"meta": {"n_ctx_train": 32768}},
            65536,
            65536,
            False,
        ),  # served longer than it was trained: the user knows
        ({}, 0, 8192, True),
        ({}, 32768, 32768, False),
    ],
)
def test_the_context_is_as_wished_or_told_and_where_neither_it_says_that_it_is_assumed(
    fields: dict[str, Any], wished: int, context: int, assumed: bool
) -> None:
    with serving(refuses, models_with(**fields)) as (url, _):
        model = opened(url, context_tokens=wished)
        assert (model.context_tokens, model.context_assumed) == (context, assumed)
        with pytest.raises(ModelFailed, match="context too long") as caught:
            model.invoke("q")
        assert ("8,192 tokens were assumed; set model.context_tokens" in str(caught.value)) == assumed


def test_a_context_longer_than_the_server_allows_is_refused() -> None:
    with (
        serving(refuses) as (url, _),
        pytest.raises(
            SettingsError, match=r"a context of 5,000 tokens is asked for and openai:m@\S+ reads 4,096"
        ),
    ):
        opened(url, context_tokens=5000)


def test_closing_the_stream_hangs_up() -> None:
    gone = threading.Event()

    def answer(to: Script, body: dict[str, Any]) -> None:
        try:
            to.stream(*([event("word " * 2000)] * 2000))
        except OSError:
            gone.set()

    with serving(answer) as (url, _):
        stream = opened(url).stream("q")
        next(stream)
        stream.close()
        assert gone.wait(PATIENCE_SECONDS)


QUESTION = "What is the capital of France? Answer in one sentence."
SERVER = """
import sys, time, xllamacpp
p = xllamacpp.CommonParams()
p.model.path, p.n_ctx, p.n_parallel, p.warmup, p.verbosity = sys.argv[1], 2048, 1, False, -1

s = xllamacpp.Server(p)
address = s.listening_address
print(address() if callable(address) else address, flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def llama_server() -> Iterator[tuple[subprocess.Popen[str], str]]:
    pytest.importorskip("xllamacpp")
    from rag.chat_models.embedded import embedded_gguf

    command = [sys.executable, "-c", SERVER, str(embedded_gguf())]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=dict(os.environ)
    ) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
        process.kill()


@pytest.mark.model
def test_a_real_llama_server_answers_counts_keeps_to_a_schema_and_dies(
    llama_server: tuple[subprocess.Popen[str], str],
) -> None:
    from rag.chat_models import open_chat_model

    process, url = llama_server
    served = __import__("httpx2").get(f"{url}/v1/models").json()["data"][0]["id"]
    model = open_chat_model(ModelSettings(name=f"openai:{served}@{url}", timeout_seconds=PATIENCE_SECONDS))
    answer = model.invoke([("system", "You are helpful."), ("user", QUESTION)], max_tokens=20)
    assert "Paris" in answer.content
    assert answer.usage_metadata is not None
    asked = [Turn(Role.SYSTEM, "You are helpful."), Turn(Role.USER, QUESTION)]
    assert model.count_tokens(asked) == answer.usage_metadata["input_tokens"]
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    assert isinstance(json.loads(model.invoke("Is it?", response_schema=schema).content)["ok"], bool)
    stream = model.stream("Count from one to a thousand in words.", max_tokens=1000)
    next(stream)
    process.kill()
    with pytest.raises(ModelFailed, match="stopped in the middle"):
        list(stream)
    with pytest.raises(ModelMissing, match="no server answers"):
        model.invoke("Still there?")
