"""The embedded model in a process of its own: tokens, cancellation, errors, and a process that dies."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from rag.chat_models.embedded import embedded_gguf
from rag.chat_models.engines.engine_process import ProcessEngine
from rag.chat_models.engines.engine_worker import open_engine
from rag.chat_models.engines.openvino_conversion import converted_folder
from rag.chat_models.files.gguf_header import read_header
from rag.chat_models.files.tokenization import Tokenization, from_gguf
from rag.chat_models.serving.protocol import FinishReason, GenerationRequest
from rag.errors import ModelBusy, ModelFailed
from rag.settings import ModelSettings

pytestmark = pytest.mark.model

PARALLEL, WAITING = 2, 1
LONG = 1900
STORY = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,"


@pytest.fixture(scope="module")
def tokenization() -> Tokenization:
    return from_gguf(read_header(embedded_gguf()))


@pytest.fixture(scope="module")
def opening() -> dict[str, object]:
    settings = ModelSettings(parallel_requests=PARALLEL, queue_length=WAITING, lookup_tokens=0)
    folder = converted_folder(read_header(embedded_gguf()))
    return {
        "engine": "openvino",
        "settings": settings.model_dump(mode="json"),
        "folder": str(folder),
        "cache_bytes": 10**9,
    }


@pytest.fixture(scope="module")
def engine(opening: dict[str, object]) -> Iterator[ProcessEngine]:
    """An engine that is idle again after each test."""
    opened = ProcessEngine("openvino", opening, PARALLEL, WAITING)
    yield opened
    opened.close()


@pytest.fixture
def own_engine(opening: dict[str, object]) -> Iterator[ProcessEngine]:
    """An engine that a test may end."""
    opened = ProcessEngine("openvino", opening, PARALLEL, WAITING)
    yield opened
    opened.close()


def request(tokenization: Tokenization, text: str, tokens: int = 12) -> GenerationRequest:
    return GenerationRequest(tuple(tokenization.encode(text)), tokens)


def ids_of(generation: object) -> list[int]:
    return [token for batch in generation for token in batch.ids]  # type: ignore[attr-defined]


def test_another_process_gives_the_same_tokens_as_this_one(
    engine: ProcessEngine, opening: dict[str, object], tokenization: Tokenization
) -> None:
    here = open_engine(opening)
    asked = request(tokenization, "The capital of France is")
    assert ids_of(engine.submit(asked)) == ids_of(here.submit(asked)) != []
    here.close()


def test_this_process_runs_on_while_a_long_prompt_is_read(
    engine: ProcessEngine, tokenization: Tokenization
) -> None:
    ids = tuple(tokenization.encode("A river. ") * 1000)[:2500]
    running = engine.submit(GenerationRequest(ids, 1))
    first = threading.Event()
    threading.Thread(target=lambda: (list(running), first.set()), daemon=True).start()
    looked = 0
    while not first.wait(0.001):
        looked += 1
    # In this process the interpreter lock is not free between two steps of 512 tokens: 5 looks, not hundreds.
    assert looked > 50


def test_a_cancelled_request_frees_its_place_and_a_waiting_one_goes_at_once(
    engine: ProcessEngine, tokenization: Tokenization
) -> None:
    running = [engine.submit(request(tokenization, STORY, LONG)) for _ in range(PARALLEL)]
    for one in running:
        next(iter(one))
    waiting = engine.submit(request(tokenization, "One, two,"))
    with pytest.raises(ModelBusy, match="3 requests are running or waiting for the model, and 1 may wait"):
        engine.submit(request(tokenization, "No."))
    waiting.cancel()
    assert [batch.finish for batch in waiting] == [FinishReason.CANCELLED]
    last = engine.submit(request(tokenization, "One, two,"))
    for one in running:
        one.cancel()
    assert len(ids_of(last)) == 12
    assert [batch.finish for batch in running[0]][-1] is FinishReason.CANCELLED


def test_closing_ends_what_runs_as_cancelled_and_the_process_with_it(
    own_engine: ProcessEngine, tokenization: Tokenization
) -> None:
    running = own_engine.submit(request(tokenization, STORY, LONG))
    next(iter(running))
    process = own_engine._worker._process
    own_engine.close()
    assert [batch.finish for batch in running][-1] is FinishReason.CANCELLED
    assert process.returncode is not None
    with pytest.raises(ModelFailed, match="closed"):
        own_engine.submit(request(tokenization, "One, two,"))


def test_a_process_that_dies_fails_its_requests_and_the_next_one_gets_another(
    own_engine: ProcessEngine, tokenization: Tokenization
) -> None:
    running = own_engine.submit(request(tokenization, STORY, LONG))
    next(iter(running))
    own_engine._worker._process.kill()
    with pytest.raises(ModelFailed, match="ended while generating \\(signal 9\\)"):
        list(running)
    assert len(ids_of(own_engine.submit(request(tokenization, "One, two,")))) == 12


def test_a_model_that_cannot_be_loaded_is_one_sentence(opening: dict[str, object]) -> None:
    with pytest.raises(ModelFailed, match="cannot load the converted model in /nowhere"):
        ProcessEngine("openvino", {**opening, "folder": "/nowhere"}, 1, 1)
