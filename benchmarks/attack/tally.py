"""Tries and failures of one kind of attack."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

SHOWN = 5
"""Failures of a kind that are printed."""


@dataclass(slots=True)
class Tally:
    """The tries of one kind, how they ended, and each that failed in a sentence."""

    kind: str
    tries: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def add(self, outcome: str, failure: str = "") -> None:
        """Count one try; one with a `failure` did harm or was not explained."""
        self.tries += 1
        self.outcomes[outcome] += 1
        if failure:
            self.failures.append(failure)

    def lines(self) -> list[str]:
        """Return the tally as lines of a table, the first failures below it."""
        how = ", ".join(f"{count} {outcome}" for outcome, count in self.outcomes.most_common())
        head = f"{self.kind:<28}{self.tries:>7}{len(self.failures):>10}   {how}"
        return [head, *(f"    {failure}" for failure in self.failures[:SHOWN])]
