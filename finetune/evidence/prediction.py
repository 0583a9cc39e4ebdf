"""Logits of a part by the network in PyTorch, and the batches that it reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from finetune.evidence.batches import Sizes, collate, plan
from finetune.evidence.packed import Packed


class Batches(torch.utils.data.Dataset[dict[str, Tensor]]):
    """The batches of a part, made when asked for; the same for the same seed."""

    def __init__(self, part: Packed, rows: list[Any], sizes: Sizes, seed: int | None, masked: float) -> None:
        self._part, self._rows, self._sizes, self._seed, self._masked = part, rows, sizes, seed, masked

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        if index >= len(self):
            raise IndexError(index)
        rng = None if self._seed is None else np.random.default_rng((self._seed, index))
        made = collate(self._part, self._rows[index], self._sizes, rng, self._masked)
        return {name: torch.from_numpy(array) for name, array in made.items()}


def on_device(device: str, batches: Batches) -> Iterator[dict[str, Tensor]]:
    """Yield the batches on the device.

    For a GPU worker processes make them, to keep it busy.
    """
    if device == "cpu":
        yield from (batches[index] for index in range(len(batches)))
        return
    loader = torch.utils.data.DataLoader(
        batches, batch_size=None, num_workers=10, pin_memory=True, prefetch_factor=8
    )
    for batch in loader:
        yield {name: value.to(device, non_blocking=True) for name, value in batch.items()}


@dataclass(frozen=True, slots=True)
class Logits:
    """The logits of all sentences and pairs of a part, in the order of its examples."""

    sentence: np.ndarray[Any, np.dtype[np.float32]]
    pair: np.ndarray[Any, np.dtype[np.float32]]


@torch.no_grad()
def predict(network: nn.Module, part: Packed, tokens: int = 32768) -> Logits:
    """Return the logits of all sentences and pairs of a part.

    That of a sentence without a token is -30.
    """
    device = next(network.parameters()).device.type
    sizes = Sizes.for_tokens(tokens)
    network.eval()
    sentences, pairs = [], []
    order = np.arange(len(part))
    for batch in on_device(device, Batches(part, plan(part, order, sizes), sizes, None, 0.0)):
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            sentence, pair = network(batch, part.longest)
        used = batch["used"].tolist()
        sentence = sentence.masked_fill(batch["count"] == 0, -30.0)
        sentences.append(sentence[: used[1]].cpu().numpy())
        pairs.append(pair[: used[0]].cpu().numpy())
    return Logits(np.concatenate(sentences), np.concatenate(pairs))
