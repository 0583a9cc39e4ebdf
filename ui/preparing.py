"""The one-time conversion of a model as a person sees it."""

from __future__ import annotations

import sys
from collections.abc import Callable


def shown_preparation(name: str) -> Callable[[float], None]:
    """Return a function that shows on stderr how far the conversion of a model is.

    On a terminal the line changes in place; elsewhere it is written once.
    """
    begun = False

    def show(share: float) -> None:
        nonlocal begun
        line = f"Preparing {name} for this machine, once"
        if sys.stderr.isatty():
            end = "\n" if share >= 1 else ""
            sys.stderr.write(f"\r{line}: {share:.0%}{end}")
            sys.stderr.flush()
        elif not begun:
            sys.stderr.write(f"{line} ...\n")
        begun = True

    return show
