"""The scheduler of step models, over a model that can be computed by hand and over a tiny random Llama: guesses, order, places, chance."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from rag.chat_models.serving.prompt_lookup import PromptLookup
from rag.chat_models.serving.protocol import FinishReason, GenerationRequest
from rag.errors import ModelBusy, ModelFailed, ModelTooLarge
from tests.patience import PATIENCE_SECONDS

VOCABULARY = 50


class Counts:
    """After token n it says n + 1. Keeps what it read, and fails where a slot is not where the engine thinks it is."""

    asynchronous = False

    def __init__(self, slots: int = 2) -> None:
        self.slots = slots
        self.held: list[list[int]] = [[] for _ in range(slots)]
        self.steps: list[list[int]] = []
        self.reads: list[tuple[int, int]] = []
        self.gate = threading.Event()
        self.gate.set()

    def guesses(self, conversations: int) -> int:
        return 8 // conversations - 1

    def read(self, slot: int, ids: Sequence[int], kept: int) -> Any:
        self.gate.wait(PATIENCE_SECONDS)
        assert self.held[slot][:kept] == list(ids[:kept])
        self.held[slot] = list(ids)
        self.reads.append((ids[0], kept))
        return self._after([ids[-1]])[0]

    def step(self, slots: Sequence[int], tokens: Sequence[int], positions: Sequence[int]) -> Any:
        self.steps.append(list(slots))
        for slot, token, position in zip(slots, tokens, positions, strict=True):
            assert position <= len(self.held[slot])
            self.held[slot] = [*self.held[slot][:position], token]
        return self._after(tokens)

    def _after(self, tokens: Sequence[int]) -> Any:
        import torch

        logits = torch.zeros(len(tokens), VOCABULARY)
        for row, token in enumerate(tokens):
            logits[row, (token + 1) % VOCABULARY] = 5.0
        return logits


def said(running: Any) -> list[int]:
    return [token for batch in running for token in batch.ids]


def test_what_followed_the_longest_known_ending_is_guessed() -> None:
    lookup = PromptLookup([1, 2, 3, 4, 9, 2, 3, 7, 2, 3])
    assert lookup.guess(3) == [7, 2, 3]  # the latest place that ended with 2, 3
    lookup.add([4])
    assert lookup.guess(2) == [9, 2]  # 2, 3, 4 beats any shorter ending
    lookup.add([5])
    assert lookup.guess(2) == []
    assert PromptLookup([]).guess(4) == PromptLookup([1]).guess(4) == []


@pytest.mark.model
def test_right_guesses_save_steps_and_wrong_ones_change_nothing() -> None:
    from rag.chat_models.serving.scheduler import StepEngine

    repeated, misleading = (7, 11, 12, 13, 14, 15, 16, 3, 10), (11, 12, 40, 12, 13, 41, 10)
    for prompt, steps in ((repeated, 6), (misleading, 10)):  # 12, then 13 to 17 at once, then 18, 19, 20, 21
        plain, guessing = Counts(), Counts()
        answers = []
        for model, lookup in ((plain, 0), (guessing, 15)):
            engine = StepEngine("counts", model, 4, lookup_tokens=lookup)
            answers.append(said(engine.submit(GenerationRequest(prompt, 11))))
            engine.close()
        assert answers == [list(range(11, 22))] * 2
        assert len(plain.steps) == 10
        assert len(guessing.steps) == steps
    assert max(len(rows) for rows in guessing.steps) > 1


class Multiples:
    """A grammar that allows only multiples of a number; every call overwrites what the last one gave."""

    def __init__(self, of: int) -> None:
        import torch

        self.accepted: list[int] = []
        self._of, self._words = of, torch.zeros((VOCABULARY + 31) // 32, dtype=torch.int32)

    def allowed(self) -> Any:
        self._words.zero_()
        for token in range(0, VOCABULARY, self._of):
            bit = 1 << token % 32
            self._words[token // 32] |= bit if bit < 1 << 31 else bit - (1 << 32)
        return self._words

    def accept(self, token: int) -> None:
        self.accepted.append(token)


@pytest.mark.model
def test_each_conversation_of_a_step_keeps_to_its_own_grammar() -> None:
    from rag.chat_models.serving.scheduler import StepEngine

    model, grammars = Counts(slots=3), {"3": Multiples(3), "31": Multiples(31)}
    model.gate.clear()  # so that all three run together
    engine = StepEngine("counts", model, 4, constrain=grammars.__getitem__)
    requests = [
        GenerationRequest((8,), 3, grammar="3"),
        GenerationRequest((30,), 3, grammar="31"),
        GenerationRequest((20,), 3),
    ]
    running = [engine.submit(request) for request in requests]
    model.gate.set()
    answers = [said(one) for one in running]
    assert [token % 3 for token in answers[0]] == [0, 0, 0]
    assert answers[0][0] == 9  # allowed and likeliest
    assert answers[1][0] == 31  # the sign bit of its word
    assert set(answers[1]) <= {0, 31}
    assert answers[2] == [21, 22, 23]
    assert grammars["3"].accepted[:1] == [9]
    assert max(len(rows) for rows in model.steps) == 3
    engine.close()


@pytest.mark.model
def test_a_guess_never_goes_past_the_answers_limit_or_its_end() -> None:
    from rag.chat_models.serving.scheduler import StepEngine

    prompt = (1, *range(10, 30), 3, 9)
    model = Counts()
    engine = StepEngine("counts", model, 4, lookup_tokens=15)
    assert said(engine.submit(GenerationRequest(prompt, 5))) == [10, 11, 12, 13, 14]
    assert max(len(rows) for rows in model.steps) <= 4
    assert said(engine.submit(GenerationRequest(prompt, 20, stop_ids=(13,)))) == [10, 11, 12, 13]
    longer = (*prompt, 10, 11, 12, 13, 2)
    assert said(engine.submit(GenerationRequest(longer, 2))) == [3, 4]
    assert model.reads[-1] == (1, len(longer) - 2)  # what guesses left behind is not taken for read
    engine.close()


@pytest.mark.model
def test_chance_is_the_seeds_alone() -> None:
    from rag.chat_models.serving.sampling import choose
    from rag.chat_models.serving.scheduler import StepEngine

    def drawn(seed: int, lookup: int, beside: int) -> list[int]:
        engine = StepEngine("counts", Counts(3), 4, lookup_tokens=lookup)
        request = GenerationRequest((1, 2, 3, 4, 1, 2), 30, temperature=2.0, seed=seed)
        others = [engine.submit(GenerationRequest((5,), 30)) for _ in range(beside)]
        answer = said(engine.submit(request))
        for one in others:
            said(one)
        engine.close()
        return answer

    assert drawn(1, 0, 0) == drawn(1, 7, 0) == drawn(1, 7, 2)
    assert drawn(1, 0, 0) != drawn(2, 0, 0)
    import torch

    logits = torch.tensor([[0.0, 1.0, 2.0, float("-inf")]]).repeat(3000, 1)
    for top_p, shares in ((1.0, (0.090, 0.245, 0.665)), (0.9, (0.0, 0.269, 0.731)), (0.5, (0.0, 0.0, 1.0))):
        requests = [GenerationRequest((), 1, temperature=1.0, top_p=top_p, seed=seed) for seed in range(3000)]
        chosen = choose(logits, requests, [0] * 3000)
        for token, share in enumerate(shares):
            assert chosen.count(token) / 3000 == pytest.approx(share, abs=0.03)


@pytest.mark.model
def test_400_requests_are_served_in_turn_and_cancelled_ones_free_their_place() -> None:
    from rag.chat_models.serving.scheduler import StepEngine

    model = Counts(8)
    model.gate.clear()
    engine = StepEngine("counts", model, 392)
    running = [engine.submit(GenerationRequest((number % 50, number // 50, 1), 6)) for number in range(400)]
    with pytest.raises(
        ModelBusy, match="400 requests are running or waiting for the model, and 392 may wait"
    ) as caught:
        engine.submit(GenerationRequest((1,), 1))
    assert "\n" not in str(caught.value)
    for one in running[100:200]:
        one.cancel()
    assert engine._queue.inside == 300  # at once: nobody has to come to them in the queue first
    running += [engine.submit(GenerationRequest((number % 50, 20, 1), 6)) for number in range(100)]
    with pytest.raises(ModelBusy):
        engine.submit(GenerationRequest((1,), 1))
    model.gate.set()
    ends = [list(one)[-1].finish for one in running]
    expected = [FinishReason.LENGTH] * 100 + [FinishReason.CANCELLED] * 100 + [FinishReason.LENGTH] * 300
    assert ends == expected
    assert engine._queue.inside == 0
    turn = [number % 50 for number in (*range(100), *range(200, 400), *range(100))]
    assert [first for first, _ in model.reads] == turn
    engine.close()


@pytest.mark.model
def test_a_change_waits_for_answers_under_way_and_later_questions_wait_for_it() -> None:
    from rag.chat_models.serving.scheduler import StepEngine

    class Shifts(Counts):
        """Says n + `by`."""

        by = 1

        def _after(self, tokens: Sequence[int]) -> Any:
            return super()._after([token + self.by - 1 for token in tokens])

    model = Shifts(2)
    engine = StepEngine("counts", model, 40)
    prompt = (3, 4, 5)
    model.gate.clear()
    before = [
        engine.submit(GenerationRequest((number, 4, 5), 30)) for number in range(5)
    ]  # three of them wait
    changed = threading.Event()

    def change() -> None:
        engine.change(lambda: setattr(model, "by", 2))
        changed.set()

    thread = threading.Thread(target=change)
    thread.start()
    while engine._queue._arrivals.qsize() < 4:  # the change stands behind the three that wait
        time.sleep(0.001)
    after = [engine.submit(GenerationRequest(prompt, 20)) for _ in range(3)]
    assert not changed.is_set()
    model.gate.set()
    assert [said(one) for one in before] == [[token % 50 for token in range(6, 36)]] * 5
    assert [said(one) for one in after] == [[token % 50 for token in range(7, 47, 2)]] * 3
    thread.join(PATIENCE_SECONDS)
    assert changed.is_set()
    said(engine.submit(GenerationRequest(prompt, 2)))
    read = [kept for first, kept in model.reads if first == 3]
    assert read[1] == 0  # nothing that the other model read is used
    assert read[-1] == 2
    with pytest.raises(ValueError, match="no such adapter"):
        engine.change(lambda: exec("raise ValueError('no such adapter')"))
    assert said(engine.submit(GenerationRequest(prompt, 2))) == [7, 9]
    engine.close()
    with pytest.raises(ModelFailed, match="closed"):
        engine.change(lambda: None)


@pytest.mark.model
def test_a_change_that_still_waits_when_the_engine_closes_is_told() -> None:
    from rag.chat_models.serving.scheduler import StepEngine

    model = Counts(1)
    model.gate.clear()
    engine = StepEngine("counts", model, 4)
    under_way = engine.submit(GenerationRequest((1, 2), 40))
    told: list[Exception] = []

    def change() -> None:
        try:
            engine.change(lambda: told.append(AssertionError("it was made")))
        except ModelFailed as exc:
            told.append(exc)

    thread = threading.Thread(target=change)
    thread.start()
    while not engine._queue._arrivals.qsize():
        time.sleep(0.001)
    closing = threading.Thread(target=engine.close)
    closing.start()
    while not engine._queue.closed:
        time.sleep(0.001)
    model.gate.set()
    thread.join(PATIENCE_SECONDS)
    closing.join(PATIENCE_SECONDS)
    assert [str(exc) for exc in told] == ["the model was closed before it could be changed; open it again"]
    assert list(under_way)[-1].finish is FinishReason.CANCELLED


@pytest.mark.model
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_token_is_handed_over_before_a_step_that_is_waited_for(asynchronous: bool) -> None:
    from rag.chat_models.serving.scheduler import StepEngine

    class Slow(Counts):
        go_on = threading.Event()

        def step(self, *rows: Any) -> Any:
            self.go_on.wait(PATIENCE_SECONDS)
            return super().step(*rows)

    model = Slow(1)
    model.asynchronous = asynchronous
    model.go_on.clear()
    engine = StepEngine("counts", model, 4)
    batches: queue.SimpleQueue[Any] = queue.SimpleQueue()
    running = engine.submit(GenerationRequest((1, 2), 3))
    reader = threading.Thread(target=lambda: [batches.put(batch) for batch in running])
    reader.start()
    if asynchronous:  # then it comes while the device is busy, after the call
        with pytest.raises(queue.Empty):
            batches.get(timeout=0.3)
    else:
        assert batches.get(timeout=PATIENCE_SECONDS).ids == (3,)
    model.go_on.set()
    reader.join(PATIENCE_SECONDS)
    engine.close()


@pytest.mark.model
def test_no_memory_is_told_with_the_knobs_and_the_engine_goes_on() -> None:
    import torch

    from rag.chat_models.serving.scheduler import StepEngine

    class Full(Counts):
        def read(self, slot: int, ids: Sequence[int], kept: int) -> Any:
            if len(ids) > 5:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3.00 GiB")
            return super().read(slot, ids, kept)

    engine = StepEngine("counts", Full(), 4)
    with pytest.raises(ModelTooLarge, match=r"is too small for this prompt .* lower model\.context_tokens"):
        said(engine.submit(GenerationRequest(tuple(range(9)), 2)))
    assert said(engine.submit(GenerationRequest((1, 2), 2))) == [3, 4]
    engine.close()


@pytest.mark.model
def test_guesses_leave_a_real_models_answers_as_generate_gives_them() -> None:
    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig

    from rag.chat_models.engines.transformers_engine import TransformersEngine
    from rag.settings import ModelSettings

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=64, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=512, eos_token_id=None, bos_token_id=None,
    )  # fmt: skip
    model = AutoModelForCausalLM.from_config(config).eval()
    first = [(7 * at * at + 3 * at) % 64 for at in range(40)]
    own = model.generate(torch.tensor([first]), do_sample=False, max_new_tokens=30, pad_token_id=0)[
        0
    ].tolist()
    prompts = [first, [*own, *first], [*own, 5, 5, *own[:45]]]  # two of them hold their own answer
    expected = [
        model.generate(
            torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt)), do_sample=False,
            max_new_tokens=60, pad_token_id=0,
        )[0, len(prompt) :].tolist()
        for prompt in prompts
    ]  # fmt: skip
    taken = {}
    for lookup in (0, 3, 15):
        engine = TransformersEngine(model, 512, ModelSettings(lookup_tokens=lookup))
        steps: list[int] = []
        step = engine._steps.step
        engine._steps.step = lambda *rows, steps=steps, step=step: (steps.append(1), step(*rows))[1]
        for at_once in (False, True):
            running = [GenerationRequest(tuple(prompt), 60) for prompt in prompts]
            if at_once:
                generations = [engine.submit(request) for request in running]
                assert [said(one) for one in generations] == expected
            else:
                assert [said(engine.submit(request)) for request in running] == expected
        taken[lookup] = len(steps)
        engine.close()
    assert taken[15] < taken[0] * 0.8
