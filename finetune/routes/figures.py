"""Figures of the router on labelled messages.

`python -m finetune.routes.figures FILE` prints its accuracy, the share of facts kept, and every wrong
decision.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from finetune.exit_status import exit_status
from rag.answer.route import WEIGHTS, Route, RouteModel, load_model, route_with


@dataclass(frozen=True, slots=True)
class Case:
    """A message with its right route; `history` is true after an earlier answer."""

    message: str
    history: bool
    route: Route


def read_cases(path: Path) -> list[Case]:
    """Return the messages of a file of JSON lines."""
    rows = map(json.loads, path.read_text("utf-8").splitlines())
    return [Case(row["message"], row["history"], Route(row["route"])) for row in rows]


@dataclass(frozen=True, slots=True)
class Figures:
    """The shares of cases that the router decided rightly, and the wrong decisions.

    `accuracy` is of all cases, `facts_kept` of those with the route `FACT`; both are in [0, 1]. A wrong
    decision is the case with the route taken and its probability.
    """

    accuracy: float
    facts_kept: float
    wrong: tuple[tuple[Case, Route, float], ...]


def measure(model: RouteModel, cases: list[Case]) -> Figures:
    """Return the figures of a model on labelled messages."""
    routed = [(case, route_with(model, case.message, case.history)) for case in cases]
    wrong = tuple((case, r.route, r.probability) for case, r in routed if r.route is not case.route)
    facts = sum(case.route is Route.FACT for case in cases)
    lost = sum(case.route is Route.FACT for case, _, _ in wrong)
    return Figures(1 - len(wrong) / len(cases), 1 - lost / facts if facts else 1.0, wrong)


def main() -> None:
    """Print the router's figures on a file of labelled messages."""
    parser = argparse.ArgumentParser(prog="python -m finetune.routes.figures", description=main.__doc__)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    model, cases = load_model(options.weights), read_cases(options.cases)
    found = measure(model, cases)
    started = time.perf_counter()
    for case in cases:
        route_with(model, case.message, case.history)
    each = (time.perf_counter() - started) / len(cases)
    write = sys.stdout.write
    write(
        f"{len(cases)} messages, accuracy {found.accuracy:.3f}, facts kept {found.facts_kept:.3f}, {1000 * each:.2f} ms\n"
    )
    for (wanted, got), count in Counter((case.route, got) for case, got, _ in found.wrong).most_common():
        write(f"{count:4} {wanted} -> {got}\n")
    for case, got, probability in found.wrong:
        write(f"{case.route} -> {got} {probability:.2f}: {case.message[:110]}\n")


if __name__ == "__main__":
    sys.exit(exit_status(main))
