"""A scheduler for models that can prefill a prompt and decode a step for a batch.

It has all that does not depend on the hardware: slots that keep a conversation's KV cache between its turns,
guesses that a step checks, sampling, grammar masks, stopping. New prompts are prefilled between steps, so no
request waits until another has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING

from rag.chat_models.serving.prompt_lookup import PromptLookup
from rag.chat_models.serving.protocol import FinishReason, GenerationRequest
from rag.chat_models.serving.request_queue import QueuedEngine, Running
from rag.chat_models.serving.sampling import choose
from rag.chat_models.serving.step_model import Constraint, StepModel
from rag.errors import ModelTooLarge

if TYPE_CHECKING:
    import torch


@dataclass(eq=False)
class _Slot:
    number: int
    ids: list[int] = field(default_factory=list)
    running: Running | None = None
    constraint: Constraint | None = None
    lookup: PromptLookup | None = None

    def shared(self, ids: Sequence[int]) -> int:
        """Return the number of the first `ids` that are in the slot's cache.

        At least one token is always read again, for its logits.
        """
        most = min(len(self.ids), len(ids) - 1)
        for at in range(most):
            if self.ids[at] != ids[at]:
                return at
        return most

    def next_reads(self, guesses: int) -> list[int]:
        """The token chosen last, and at most so many that are guessed to follow it."""
        if self.running is None:
            return []
        request, produced = self.running.request, self.running.produced
        most = min(guesses, request.max_new_tokens - len(produced) - 1)
        if most <= 0 or self.constraint is not None:
            return [produced[-1]]
        if self.lookup is None:
            self.lookup = PromptLookup([*request.prompt_ids, *produced])
        return [produced[-1], *self.lookup.guess(most)]


class StepEngine(QueuedEngine):
    """A step model that serves several requests at once from one thread.

    At most `lookup_tokens` guessed tokens of a conversation are checked in a step. With `keeps_prefixes` a
    prompt is prefilled only from where it differs from a slot's tokens.
    """

    def __init__(
        self,
        name: str,
        model: StepModel,
        queue_length: int,
        constrain: Callable[[str], Constraint] | None = None,
        lookup_tokens: int = 0,
        keeps_prefixes: bool = True,
    ) -> None:
        super().__init__(name, model.slots, queue_length)
        self.model = model
        self._constrain = constrain
        self._lookup_tokens = lookup_tokens
        self._keeps_prefixes = keeps_prefixes
        self._slots = [_Slot(number) for number in range(model.slots)]
        self._outbox: list[Callable[[], None]] = []
        self._start()

    def change(self, action: Callable[[], None]) -> None:
        """Change the model (to another adapter, for example) between two requests.

        So an answer is one model's from its first token to its last. Earlier requests are answered first,
        later ones wait and use nothing from the cache before.

        Raises:
            ModelFailed: the model was closed.
        """

        def act() -> None:
            try:
                action()
            finally:
                for slot in self._slots:
                    slot.ids.clear()

        self._queue.change(act)

    def _serve(self) -> None:
        import torch

        with torch.inference_mode():
            while self._admit():
                live = [slot for slot in self._slots if slot.running is not None]
                try:
                    self._step(live)
                except Exception as exc:  # noqa: BLE001 - whatever the model raises, no reader may be left waiting
                    for slot in live:
                        self._fail(slot, exc)
        self._flush()
        self._queue.make_change()  # a change that came too late is refused
        for slot in self._slots:
            if slot.running is not None:
                slot.running.finish(FinishReason.CANCELLED)
        del self.model

    def _flush(self) -> None:
        """Send the results so far to their readers.

        It runs while the device is busy with the next step, so that it costs no time, or before a step that
        waits.
        """
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
                self._queue.make_change()
            running = self._queue.next(block=idle)
            if running is None:
                break
            self._flush()
            # The slot that shares the longest prefix is prefilled least; among equals the one with the fewest tokens is
            # overwritten.
            slot = max(free, key=lambda one: (one.shared(running.request.prompt_ids), -len(one.ids)))
            try:
                self._begin(slot, running)
            except Exception as exc:  # noqa: BLE001 - out of memory, a bad grammar: raised where the request is read
                slot.running = running
                self._fail(slot, exc)
        return not self._queue.closed

    def _begin(self, slot: _Slot, running: Running) -> None:
        request = running.request
        slot.running, slot.lookup = running, None
        slot.constraint = self._constrained(request)
        kept = slot.shared(request.prompt_ids) if self._keeps_prefixes else 0
        slot.ids = slot.ids[:kept]
        logits = self.model.read(slot.number, request.prompt_ids, kept)
        # `_choose` appends what it is given as read, so the last token of the prompt goes through it too.
        *slot.ids, last = request.prompt_ids
        self._choose([slot], [[last]], logits[None])

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
        # A row of the step is one token of one slot: the token chosen last, and after it the guesses. Row i + 1 of a slot
        # is worth its logits only if row i chose exactly the guess that was read in i + 1.
        guesses = min(self._lookup_tokens, self.model.guesses(len(going)))
        reads = [slot.next_reads(guesses) for slot in going]
        rows = [
            (slot.number, token, len(slot.ids) + at)
            for slot, read in zip(going, reads, strict=True)
            for at, token in enumerate(read)
        ]
        numbers, tokens, positions = zip(*rows, strict=True)
        # A second buffer: results of this step are sent while the device computes the next one. A model that computes in
        # the call itself has no such time, so its results are sent before.
        if not self.model.asynchronous:
            self._flush()
        logits = self.model.step(numbers, tokens, positions)
        self._flush()
        self._choose(going, reads, logits)

    def _choose(self, slots: list[_Slot], reads: list[list[int]], logits: torch.Tensor) -> None:
        """Choose the next tokens of each slot after the tokens it read.

        The rows of the logits are in the same order.
        """
        starts = [0, *accumulate(len(read) for read in reads)]
        bound = [
            (start, slot.constraint) for slot, start in zip(slots, starts, strict=False) if slot.constraint
        ]
        if bound:
            _forbid(logits, [start for start, _ in bound], [constraint.allowed() for _, constraint in bound])
        rows = [
            (slot.running.request, len(slot.running.produced) + at)
            for slot, read in zip(slots, reads, strict=True)
            if slot.running is not None
            for at in range(len(read))
        ]
        chosen = choose(logits, *zip(*rows, strict=True))
        for slot, read, start in zip(slots, reads, starts, strict=False):
            for at, token in enumerate(read):
                slot.ids.append(token)
                self._pass_on(slot, chosen[start + at])
                if slot.running is None or read[at + 1 : at + 2] != [chosen[start + at]]:
                    break  # what was read after this is not what the model says

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
        elif slot.lookup is not None:
            slot.lookup.add([token])

    def _end(self, slot: _Slot, reason: FinishReason) -> None:
        running, slot.running, slot.constraint = slot.running, None, None
        if running is not None:
            self._outbox.append(partial(running.finish, reason))

    def _fail(self, slot: _Slot, exc: Exception) -> None:
        running, slot.running, slot.constraint = slot.running, None, None
        slot.ids.clear()
        if running is not None:
            self._outbox.append(partial(running.fail, _explained(exc)))


def _forbid(logits: torch.Tensor, rows: list[int], allowed: list[torch.Tensor]) -> None:
    """Set the logits of forbidden tokens to minus infinity.

    All rows are masked at once, because each kernel launch on a GPU costs time.
    """
    import torch

    words = torch.stack(allowed).to(logits.device, non_blocking=True)
    bits = torch.arange(32, dtype=torch.int32, device=logits.device)
    may = ((words[:, :, None] >> bits) & 1).bool().flatten(1)[:, : logits.shape[-1]]
    logits[rows] = logits[rows].masked_fill(~may, float("-inf"))


def _explained(exc: Exception) -> Exception:
    """The error in our own tree where its cause is known."""
    import torch

    if not isinstance(exc, torch.OutOfMemoryError):
        return exc
    told = ModelTooLarge(
        "the device's memory is too small for this prompt beside the running conversations; lower model.context_tokens or "
        "model.parallel_requests, or choose nf4 (model.weights)"
    )
    told.__cause__ = exc
    return told
