"""Guesses of the next tokens from the prompt.

Answers about notes repeat their words.
A guess takes microseconds and is kept only if the model, having read it, chooses the same tokens, so no
answer changes.

Source: Saxena 2023, "Prompt Lookup Decoding". The gain is measured with these lengths (`make bench-models`,
"guessed tokens"); other lengths were not tried.
"""

from __future__ import annotations

from collections.abc import Sequence

MATCHED_TOKENS = (4, 3, 2)
"""Lengths of the endings that are looked up, longest first."""


class PromptLookup:
    """The tokens of one conversation, indexed by the tokens before each."""

    def __init__(self, ids: Sequence[int]) -> None:
        self._ids: list[int] = []
        self._after: dict[tuple[int, ...], int] = {}
        self.add(ids)

    def add(self, ids: Sequence[int]) -> None:
        """Take in the tokens that came next."""
        for token in ids:
            for length in MATCHED_TOKENS:
                if len(self._ids) >= length:
                    self._after[tuple(self._ids[-length:])] = len(self._ids)
            self._ids.append(token)

    def guess(self, most: int) -> list[int]:
        """Return at most so many tokens that followed the last place that ended like this.

        The list is empty if there is no such place.
        """
        for length in MATCHED_TOKENS:
            start = self._after.get(tuple(self._ids[-length:]))
            if start is not None:
                return self._ids[start : start + most]
        return []
