"""The choice of the next token: the likeliest, or a random one by a seed.

The random number depends only on the request's seed and the place of the token in its answer. So an answer is
the same however many tokens were guessed or conversations were running.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rag.chat_models.serving.protocol import GenerationRequest
from rag.errors import ModelFailed

if TYPE_CHECKING:
    import torch

_BELOW_ONE = 1 - 2**-22
"""The largest float32 below one that the arithmetic here keeps apart from one."""


def choose(logits: torch.Tensor, requests: Sequence[GenerationRequest], places: Sequence[int]) -> list[int]:
    """Return a token for each row of logits (n, vocabulary).

    `places` are the places of the tokens in their answers.
    """
    chosen: list[int] = logits.argmax(dim=-1).tolist()
    drawn = [row for row, request in enumerate(requests) if request.temperature > 0]
    if drawn:
        tokens = _draw(logits[drawn], [requests[row] for row in drawn], [places[row] for row in drawn])
        for row, token in zip(drawn, tokens, strict=True):
            chosen[row] = token
    return chosen


def _draw(logits: torch.Tensor, requests: Sequence[GenerationRequest], places: Sequence[int]) -> list[int]:
    """Return random tokens at each request's temperature.

    They are from the smallest set that has `top_p` of the probability.
    """
    import torch

    def column(values: Sequence[float]) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float32, device=logits.device)[:, None]

    shares = torch.softmax(logits.float() / column([request.temperature for request in requests]), dim=-1)
    if any(request.top_p < 1 for request in requests):
        ordered, order = shares.sort(dim=-1, descending=True)
        before = ordered.cumsum(dim=-1) - ordered
        kept = ordered * (before < column([request.top_p for request in requests]))
        shares = torch.zeros_like(shares).scatter(-1, order, kept)
    reached = shares.cumsum(dim=-1)
    chances = [
        min(random.Random(f"{request.seed} {place}").random(), _BELOW_ONE)
        for request, place in zip(requests, places, strict=True)
    ]
    target = column(chances) * reached[:, -1:]
    drawn: list[int] = torch.searchsorted(reached, target, right=True)[:, 0].tolist()
    if max(drawn) == logits.shape[-1]:
        raise ModelFailed(
            "no token can come next: the model's numbers are not finite; use other weights (model.weights)"
        )
    return drawn
