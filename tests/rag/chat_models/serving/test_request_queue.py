"""The queue in front of a model: its bound, its end, its cancelled places."""

from __future__ import annotations

import pytest

from rag.chat_models.serving.protocol import FinishReason, GenerationRequest
from rag.chat_models.serving.request_queue import RequestQueue
from rag.errors import ModelBusy, ModelFailed, ModelTooLarge

REQUEST = GenerationRequest((1, 2), 5)


def test_the_bound_is_told_and_a_freed_place_is_taken() -> None:
    queue = RequestQueue(parallel=1, waiting=2)
    first, second, third = (queue.submit(REQUEST) for _ in range(3))
    with pytest.raises(ModelBusy, match="3 requests are running or waiting for the model, and 2 may wait"):
        queue.submit(REQUEST)
    first.finish(FinishReason.STOP)
    fourth = queue.submit(REQUEST)
    assert queue.inside == 3
    second.cancel()
    assert [queue.next(block=False) for _ in range(3)] == [first, third, fourth]
    assert [batch.finish for batch in second] == [FinishReason.CANCELLED]
    assert queue.inside == 2


def test_a_request_ends_once() -> None:
    queue = RequestQueue(1, 1)
    running = queue.submit(REQUEST)
    running.deliver((7,))
    running.finish(FinishReason.LENGTH)
    running.finish(FinishReason.STOP)
    running.fail(ValueError("late"))
    assert queue.inside == 0
    assert [(batch.ids, batch.finish) for batch in running] == [((7,), None), ((), FinishReason.LENGTH)]


def test_errors_reach_the_reader_in_our_own_tree() -> None:
    queue = RequestQueue(1, 1)
    strange, known = queue.submit(REQUEST), queue.submit(REQUEST)
    strange.fail(RuntimeError("bad luck"))
    known.fail(ModelTooLarge("too much"))
    with pytest.raises(ModelFailed, match="while generating: bad luck"):
        list(strange)
    with pytest.raises(ModelTooLarge, match="too much"):
        list(known)


def test_closing_ends_those_who_wait() -> None:
    queue = RequestQueue(1, 5)
    waiting = [queue.submit(REQUEST) for _ in range(3)]
    queue.close()
    assert [[batch.finish for batch in one] for one in waiting] == [[FinishReason.CANCELLED]] * 3
    assert [queue.next(block=True) for _ in range(3)] == [None] * 3  # every thread that waits is told
    with pytest.raises(ModelFailed, match="closed"):
        queue.submit(REQUEST)
