"""A scheduler for models that can do two things: read a prompt, and take one step for several conversations at once.

Knows what does not depend on the hardware: slots that keep a conversation's keys and values between its turns, sampling,
grammars, stopping. New prompts are read between steps, so nobody waits for another's answer to end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from rag.chat_models.generation import FinishReason, GenerationRequest
from rag.chat_models.request_queue import RequestQueue, Running

if TYPE_CHECKING:
    import torch


class StepModel(Protocol):
    """A model with `slots` places for conversations; each keeps the keys and values of what it has read."""

    slots: int

    def read(self, slot: int, ids: Sequence[int], kept: int) -> torch.Tensor:
        """The next token's logits (vocabulary,) after the slot has read `ids`, of which it already holds the first `kept`."""
        ...

    def step(self, slots: Sequence[int], tokens: Sequence[int], positions: Sequence[int]) -> torch.Tensor:
        """The next tokens' logits (n, vocabulary) after each slot has read one more token at its position."""
        ...


class Constraint(Protocol):
    """A grammar's progress through one answer."""

    def allow(self, logits: torch.Tensor) -> None:
        """Set the logits (vocabulary,) of all tokens that may not come next to minus infinity."""
        ...

    def accept(self, token: int) -> None:
        """Go on past a chosen token."""
        ...


@dataclass(eq=False)
class _Slot:
    number: int
    ids: list[int] = field(default_factory=list)
    running: Running | None = None
    constraint: Constraint | None = None
    generator: Any = None

    def shared(self, ids: Sequence[int]) -> int:
        """How many of the first `ids` the slot holds; at least one is always read again, for its logits."""
        most = min(len(self.ids), len(ids) - 1)
        for at in range(most):
            if self.ids[at] != ids[at]:
                return at
        return most


class StepEngine:
    """A step model that serves several requests at once from one thread."""

    def __init__(
        self,
        name: str,
        model: StepModel,
        queue_length: int,
        constrain: Callable[[str], Constraint] | None = None,
    ) -> None:
        self.name = name
        self.model = model
        self._constrain = constrain
        self._slots = [_Slot(number) for number in range(model.slots)]
        self._queue = RequestQueue(model.slots, queue_length)
        self._paused = threading.RLock()
        self._outbox: list[Callable[[], None]] = []
        self._thread = threading.Thread(target=self._serve, name=f"lectern-{name}", daemon=True)
        self._thread.start()

    def submit(self, request: GenerationRequest) -> Running:
        """A generation for the request.

        Raises:
            ModelBusy: as many requests as allowed are running or waiting.
        """
        return self._queue.submit(request)

    def close(self) -> None:
        """Free the model's memory; requests under way end as cancelled."""
        self._queue.close()
        self._thread.join()

    def change(self, action: Callable[[], None]) -> None:
        """Do something to the model between two steps, and forget what the slots hold (another adapter, say)."""
        with self._paused:
            action()
            for slot in self._slots:
                slot.ids.clear()

    def _serve(self) -> None:
        import torch

        with torch.inference_mode():
            while self._admit():
                with self._paused:
                    live = [slot for slot in self._slots if slot.running is not None]
                    try:
                        self._step(live)
                    except Exception as exc:  # noqa: BLE001 - whatever the model raises, no reader may be left waiting
                        for slot in live:
                            self._fail(slot, exc)
        self._flush()
        for slot in self._slots:
            if slot.running is not None:
                slot.running.finish(FinishReason.CANCELLED)
        del self.model

    def _flush(self) -> None:
        """Hand over what is known; done while the device is busy with the next step, so readers cost no time."""
        for send in self._outbox:
            send()
        self._outbox.clear()

    def _admit(self) -> bool:
        while not self._queue.closed:
            free = [slot for slot in self._slots if slot.running is None]
            if not free:
                break
            idle = len(free) == len(self._slots)
            if idle:
                self._flush()
            running = self._queue.next(block=idle)
            if running is None:
                break
            self._flush()
            slot = max(free, key=lambda one: (one.shared(running.request.prompt_ids), -len(one.ids)))
            with self._paused:
                try:
                    self._begin(slot, running)
                except Exception as exc:  # noqa: BLE001 - out of memory, a bad grammar: told to the one who asked
                    slot.running = running
                    self._fail(slot, exc)
        return not self._queue.closed

    def _begin(self, slot: _Slot, running: Running) -> None:
        import torch

        request = running.request
        slot.running, slot.generator = running, None
        slot.constraint = self._constrained(request)
        if request.temperature > 0:
            slot.generator = torch.Generator().manual_seed(request.seed)
        kept = slot.shared(request.prompt_ids)
        slot.ids = slot.ids[:kept]
        logits = self.model.read(slot.number, request.prompt_ids, kept)
        slot.ids = list(request.prompt_ids)
        self._choose([slot], logits[None])

    def _constrained(self, request: GenerationRequest) -> Constraint | None:
        if not request.grammar:
            return None
        if self._constrain is None:
            raise ValueError("this model cannot keep to a grammar")
        return self._constrain(request.grammar)

    def _step(self, live: list[_Slot]) -> None:
        going = []
        for slot in live:
            if slot.running is not None and slot.running.cancelled.is_set():
                self._end(slot, FinishReason.CANCELLED)
            else:
                going.append(slot)
        if not going:
            return
        tokens = [slot.running.produced[-1] for slot in going if slot.running is not None]
        logits = self.model.step([slot.number for slot in going], tokens, [len(slot.ids) for slot in going])
        self._flush()
        for slot, token in zip(going, tokens, strict=True):
            slot.ids.append(token)
        self._choose(going, logits)

    def _choose(self, slots: list[_Slot], logits: torch.Tensor) -> None:
        for row, slot in enumerate(slots):
            if slot.constraint is not None:
                slot.constraint.allow(logits[row])
        greedy = logits.argmax(dim=-1).tolist()
        for row, slot in enumerate(slots):
            token = greedy[row] if slot.generator is None else _sample(logits[row], slot)
            self._pass_on(slot, int(token))

    def _pass_on(self, slot: _Slot, token: int) -> None:
        running = slot.running
        if running is None:
            return
        running.produced.append(token)
        self._outbox.append(partial(running.deliver, (token,)))
        if token in running.request.stop_ids:
            self._end(slot, FinishReason.STOP)
        elif len(running.produced) >= running.request.max_new_tokens:
            self._end(slot, FinishReason.LENGTH)
        elif slot.constraint is not None:
            slot.constraint.accept(token)

    def _end(self, slot: _Slot, reason: FinishReason) -> None:
        running, slot.running, slot.constraint = slot.running, None, None
        if running is not None:
            self._outbox.append(partial(running.finish, reason))

    def _fail(self, slot: _Slot, exc: Exception) -> None:
        running, slot.running, slot.constraint = slot.running, None, None
        slot.ids.clear()
        if running is not None:
            self._outbox.append(partial(running.fail, exc))


def _sample(logits: torch.Tensor, slot: _Slot) -> int:
    """A token drawn at the request's temperature from the smallest set that holds `top_p` of the probability."""
    import torch

    if slot.running is None:
        return 0
    request = slot.running.request
    shares = torch.softmax(logits.float().cpu() / request.temperature, dim=-1)
    if request.top_p < 1:
        ordered, order = shares.sort(descending=True)
        before = ordered.cumsum(0) - ordered
        shares = torch.zeros_like(shares).scatter(0, order, ordered * (before < request.top_p))
    return int(torch.multinomial(shares, 1, generator=slot.generator))
