"""The interfaces of the scheduler to a model and to a grammar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch


class StepModel(Protocol):
    """A model with `slots` for conversations, each with the KV cache of its tokens."""

    slots: int
    asynchronous: bool
    """True if `step` returns while the device still computes.

    Work done in the meantime costs no time.
    """

    def read(self, slot: int, ids: Sequence[int], kept: int) -> torch.Tensor:
        """Return the next token's logits (vocabulary,) after the slot has read `ids`.

        The slot's cache already has the first `kept` of them.
        """
        ...

    def step(self, slots: Sequence[int], tokens: Sequence[int], positions: Sequence[int]) -> torch.Tensor:
        """Return the next tokens' logits (n, vocabulary) after each slot reads a token.

        Each token has a position. A slot named several times in a row, with consecutive positions, reads
        several; a later step may go back behind them.
        """
        ...

    def guesses(self, conversations: int) -> int:
        """Return the guessed tokens to check in a step for each of so many conversations."""
        ...


class Constraint(Protocol):
    """A grammar's progress through one answer."""

    def allowed(self) -> torch.Tensor:
        """Return the allowed next tokens as bits, int32 (vocabulary / 32,) on the CPU.

        They are valid until the next call.
        """
        ...

    def accept(self, token: int) -> None:
        """Go on past a chosen token."""
        ...
