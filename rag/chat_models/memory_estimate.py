"""The memory of a model by purpose, and in words whether it fits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """The bytes that a model takes, by purpose, and the bytes that are free.

    `kv_bytes` is for all `conversations` of `context_tokens` at once; the model needs at least one. `smaller` is
    the next smaller preset that fits, for a model that does not.
    """

    name: str
    weights: str
    device: str
    context_tokens: int
    weight_bytes: int
    kv_bytes: int
    activation_bytes: int
    runtime_bytes: int
    available_bytes: int
    conversations: int = 1
    smaller: str = ""

    @property
    def total_bytes(self) -> int:
        """All of it."""
        return self.weight_bytes + self.kv_bytes + self.activation_bytes + self.runtime_bytes

    @property
    def least_bytes(self) -> int:
        """The bytes for one conversation."""
        return self.total_bytes - self.kv_bytes + self.kv_bytes // self.conversations

    @property
    def fits(self) -> bool:
        """True if the memory for one conversation is free."""
        return self.least_bytes <= self.available_bytes

    @property
    def verdict(self) -> str:
        """In words whether it fits, and what to do where it does not."""
        needed, there, taken = (
            size / 1e9 for size in (self.least_bytes, self.available_bytes, self.total_bytes)
        )
        if self.fits:
            fitting = f"fits: {needed:.1f} GB of the {there:.1f} GB free on this {self.device}"
            if self.total_bytes == self.least_bytes:
                return fitting
            return (
                f"{fitting}; as there is memory it takes {taken:.1f} GB, for {self.conversations} conversations at once "
                "(model.parallel_requests)"
            )
        smaller = "a smaller model" if self.weights in ("nf4", "file") else "nf4 (model.weights)"
        if self.smaller:
            smaller = f"{self.smaller} (--model {self.smaller})"
        return (
            f"does not fit: it needs {needed:.1f} GB and {there:.1f} GB are free on this {self.device}; choose {smaller}, "
            "a shorter context (model.context_tokens) or a server (openai:MODEL@URL)"
        )
