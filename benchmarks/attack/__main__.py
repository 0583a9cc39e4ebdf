"""`make attack`: every kind of attack, with its tries and failures.

Bounded, and on loopback addresses alone. The exit status is 1 if any try failed.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from functools import partial

from benchmarks.attack import events, flips, injections, kills, mutations, web
from benchmarks.attack.tally import Tally

ATTACKS: dict[str, tuple[Callable[[int, int], Tally], int]] = {
    "kills": (kills.attack, 1000),
    "flips": (flips.attack, 500),
    "mutations": (mutations.attack, 300),
    "web": (web.attack, 120),
    "events": (events.attack, 150),
    "injections": (injections.attack, 60),
}
"""The attack and the number of tries of its full form."""


def main() -> None:
    """Run the attacks that were asked for and print the table."""
    parser = argparse.ArgumentParser(description="Attack Lectern and print tries and failures by kind.")
    parser.add_argument(
        "kinds", nargs="*", choices=[*ATTACKS, []], help="kinds of attack; all if none is given"
    )
    parser.add_argument("--short", action="store_true", help="a twentieth of the tries")
    parser.add_argument("--model", help="a model that writes, for the injections; the default quotes")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    print(f"{'kind':<28}{'tries':>7}{'failures':>10}   outcomes", flush=True)
    failed = False
    for kind in given.kinds or ATTACKS:
        attack, tries = ATTACKS[kind]
        if attack is injections.attack:
            attack = partial(injections.attack, model=given.model)
        started = time.monotonic()
        tally = attack(max(tries // 20, 10) if given.short else tries, given.seed)
        failed = failed or bool(tally.failures)
        print("\n".join(tally.lines()), f"({time.monotonic() - started:.0f} s)", flush=True)
    raise SystemExit(int(failed))


if __name__ == "__main__":
    main()
