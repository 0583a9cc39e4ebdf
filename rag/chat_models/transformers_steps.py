"""Any transformers model, on any device, as a step model: right everywhere, fast where nothing better is known.

Knows how to keep one `DynamicCache` per slot and cut it back to what a new prompt shares with the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import DynamicCache

CONVERSATIONS = 4
"""Conversations whose keys and values are kept; each takes its own forward pass, so more would only share the speed."""


class TransformersSteps:
    """A loaded transformers model (see `rag.chat_models.step_engine`)."""

    def __init__(self, model: Any, slots: int = CONVERSATIONS) -> None:
        self.model = model
        self.slots = slots
        self._caches: list[Any] = [None] * slots

    def read(self, slot: int, ids: Sequence[int], kept: int) -> torch.Tensor:
        """The next token's logits after the slot has read `ids`, of which it already holds the first `kept`."""
        cache = self._caches[slot]
        if kept and cache is not None and getattr(cache, "is_croppable", True):
            surplus = cache.get_seq_length() - kept
            if surplus:
                cache.crop(-surplus)
        else:
            cache, kept = DynamicCache(config=self.model.config), 0
        self._caches[slot] = cache
        return self._forward(cache, ids[kept:])

    def step(self, slots: Sequence[int], tokens: Sequence[int], positions: Sequence[int]) -> torch.Tensor:
        """The next tokens' logits after each slot has read one more token."""
        return torch.stack(
            [self._forward(self._caches[slot], [token]) for slot, token in zip(slots, tokens, strict=True)]
        )

    def _forward(self, cache: Any, ids: Sequence[int]) -> torch.Tensor:
        new = torch.tensor([list(ids)], device=self.model.device)
        out = self.model(input_ids=new, past_key_values=cache, use_cache=True, logits_to_keep=1)
        logits: torch.Tensor = out.logits[0, -1].float()
        return logits
