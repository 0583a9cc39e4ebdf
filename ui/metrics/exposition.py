"""Counters and histograms, and the text format that Prometheus reads.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from threading import Lock

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Labels = Mapping[str, str]


class Counter:
    """A number for each value of one label, which only grows. Safe to share between threads."""

    def __init__(self, name: str, description: str, label: str, values: Iterable[str] = ()) -> None:
        self._name, self._description, self._label = name, description, label
        self._counts = dict.fromkeys(values, 0)
        self._lock = Lock()

    def add(self, value: str) -> None:
        """Count one more of a label's value."""
        with self._lock:
            self._counts[value] = self._counts.get(value, 0) + 1

    def lines(self) -> Iterator[str]:
        """Yield the lines of the exposition."""
        with self._lock:
            counts = dict(self._counts)
        samples = [({self._label: value}, float(count)) for value, count in counts.items()]
        return family(self._name, self._description, "counter", samples)


class Histogram:
    """The number of values up to each bound, and their sum. Safe to share between threads."""

    def __init__(self, name: str, description: str, bounds: Sequence[float]) -> None:
        self._name, self._description, self._bounds = name, description, tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0
        self._lock = Lock()

    def add(self, value: float) -> None:
        """Count a value; one that equals a bound is inside it."""
        with self._lock:
            self._counts[bisect_left(self._bounds, value)] += 1
            self._sum += value

    def lines(self) -> Iterator[str]:
        """Yield the lines of the exposition; every bucket contains those before it."""
        with self._lock:
            counts, total = list(self._counts), self._sum
        yield from _head(self._name, self._description, "histogram")
        below = 0
        for bound, count in zip((*self._bounds, float("inf")), counts, strict=True):
            below += count
            yield _sample(f"{self._name}_bucket", {"le": _number(bound)}, below)
        yield _sample(f"{self._name}_sum", {}, total)
        yield _sample(f"{self._name}_count", {}, below)


def family(name: str, description: str, kind: str, samples: Iterable[tuple[Labels, float]]) -> Iterator[str]:
    """Yield the lines of a metric with its samples: labels and value."""
    yield from _head(name, description, kind)
    for labels, value in samples:
        yield _sample(name, labels, value)


def _head(name: str, description: str, kind: str) -> Iterator[str]:
    yield f"# HELP {name} {description}"
    yield f"# TYPE {name} {kind}"


def _sample(name: str, labels: Labels, value: float) -> str:
    listed = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{listed}}} {_number(value)}" if listed else f"{name} {_number(value)}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    if value == float("inf"):
        return "+Inf"
    return str(int(value)) if value == int(value) else repr(value)
