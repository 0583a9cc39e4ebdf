"""Any transformers model on any device as a step model.

It is correct everywhere and the fastest where nothing better is known. It keeps one `DynamicCache` per slot
and crops it to the prefix that a new prompt shares with the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import torch
from transformers import DynamicCache

CONVERSATIONS = 4
"""Conversations whose KV cache is kept.

Each takes its own forward pass, so more would only share the speed.
"""
GUESSES = 7
"""Guessed tokens checked in one pass beside the one that is certain."""


class TransformersSteps:
    """A loaded transformers model (see `rag.chat_models.serving.scheduler`)."""

    def __init__(self, model: Any, slots: int = CONVERSATIONS) -> None:
        self.model = model
        self.slots = slots
        self.asynchronous = model.device.type != "cpu"
        self._caches: list[Any] = [None] * slots
        self._croppable = getattr(DynamicCache(config=model.config), "is_croppable", True)

    def guesses(self, conversations: int) -> int:
        """Return the guessed tokens to check in a step for each conversation."""
        return GUESSES if self._croppable else 0

    def read(self, slot: int, ids: Sequence[int], kept: int) -> torch.Tensor:
        """Return the next token's logits after the slot has read `ids`.

        The slot's cache already has the first `kept` of them.
        """
        if not kept or not self._croppable or self._caches[slot] is None:
            self._caches[slot], kept = DynamicCache(config=self.model.config), 0
        return self._read_on(slot, ids[kept:], kept, 1)[0]

    def step(self, slots: Sequence[int], tokens: Sequence[int], positions: Sequence[int]) -> torch.Tensor:
        """Return the next tokens' logits after each slot has read one or several tokens."""
        logits = []
        for slot, rows in groupby(zip(slots, tokens, positions, strict=True), key=itemgetter(0)):
            _, new, places = zip(*rows, strict=True)
            logits.append(self._read_on(slot, new, places[0], len(new)))
        return torch.cat(logits)

    def _read_on(self, slot: int, ids: Sequence[int], position: int, wanted: int) -> torch.Tensor:
        """Return the logits (wanted, vocabulary) of the last of `ids`, from `position` on."""
        cache = self._caches[slot]
        surplus = cache.get_seq_length() - position
        if surplus:
            cache.crop(-surplus)
        new = torch.tensor([list(ids)], device=self.model.device)
        out = self.model(input_ids=new, past_key_values=cache, use_cache=True, logits_to_keep=wanted)
        logits: torch.Tensor = out.logits[0, -wanted:].float()
        return logits
