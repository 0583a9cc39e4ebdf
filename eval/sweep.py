"""Choice of a configuration by measuring combinations of settings.

The cheapest is recommended that is not significantly worse than the best.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eval.compare import holm, randomisation_p
from eval.metrics.intervals import Interval, bootstrap_interval
from eval.records import Record
from rag.errors import InputError

Setting = tuple[tuple[str, Any], ...]
"""Dotted keys with their values, in the order they were given."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One measured configuration: its records, and the seconds of a question."""

    setting: Setting
    records: Sequence[Record]
    seconds: float

    @property
    def name(self) -> str:
        """The configuration in words."""
        return ", ".join(f"{key}={value}" for key, value in self.setting)


@dataclass(frozen=True, slots=True)
class Placing:
    """A configuration beside the best one.

    `p_value` is Holm-corrected; `worse` is True if it is significantly worse.
    """

    candidate: Candidate
    score: Interval
    p_value: float
    worse: bool


@dataclass(frozen=True, slots=True)
class SweepResult:
    """Every configuration, the best first, and the recommended one."""

    metric: str
    placings: tuple[Placing, ...]
    recommended: Placing


def parse_vary(texts: Sequence[str]) -> dict[str, list[str]]:
    """Return dotted keys with the values to try, from `KEY=VALUE,VALUE`.

    Raises:
        InputError: one is not of that form.
    """
    varied: dict[str, list[str]] = {}
    for text in texts:
        key, equals, values = text.partition("=")
        options = [value.strip() for value in values.split(",")]
        if not key.strip() or not equals:
            raise InputError(f"--vary {text!r} is not KEY=VALUE,VALUE, like chunk.target_tokens=120,200,400.")
        varied[key.strip()] = list(dict.fromkeys(options))
    if not varied:
        raise InputError(
            "Nothing to try. Name at least one knob: --vary retrieval.k=5,10 (`lectern settings` lists all)."
        )
    return varied


def combinations(varied: Mapping[str, Sequence[Any]]) -> Iterator[Setting]:
    """Yield every combination; the first key changes slowest, so that work is reused."""
    for values in itertools.product(*varied.values()):
        yield tuple(zip(varied, values, strict=True))


def sweep(settings: Sequence[Setting], measure: Callable[[Setting], Candidate], metric: str) -> SweepResult:
    """Return the result over all configurations.

    Raises:
        InputError: no configuration scored `metric` on any question.
    """
    return placed([measure(setting) for setting in settings], metric)


def placed(
    candidates: Sequence[Candidate], metric: str, *, level: float = 0.05, seed: int = 0
) -> SweepResult:
    """Return the configurations by their mean of `metric`, tested against the best.

    The test is over the questions that both scored.

    Raises:
        InputError: no configuration scored `metric` on any question.
    """
    scored = [(candidate, _values(candidate, metric)) for candidate in candidates]
    if not any(values for _, values in scored):
        known = sorted(
            {name for candidate in candidates for record in candidate.records for name in record.scores}
        )
        raise InputError(f"No question was scored by {metric!r}; there are {', '.join(known)}.")
    ranked = sorted(scored, key=lambda pair: (-_mean(pair[1]), pair[0].seconds))
    best = ranked[0][1]
    raw = [
        randomisation_p([best[key] - values[key] for key in best if key in values], seed=seed)
        for _, values in ranked
    ]
    corrected = [1.0, *holm(raw[1:])]
    placings = tuple(
        Placing(candidate, bootstrap_interval(list(values.values()), seed=seed), p, p < level)
        for (candidate, values), p in zip(ranked, corrected, strict=True)
    )
    recommended = min(
        (place for place in placings if not place.worse), key=lambda place: place.candidate.seconds
    )
    return SweepResult(metric, placings, recommended)


def _values(candidate: Candidate, metric: str) -> dict[str, float]:
    return {
        record.id: value for record in candidate.records if (value := record.scores.get(metric)) is not None
    }


def _mean(values: Mapping[str, float]) -> float:
    return sum(values.values()) / len(values) if values else -1.0
