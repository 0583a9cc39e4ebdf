"""Futures of work in the background, which an error settles too."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from rag.errors import LecternError

T = TypeVar("T")


def settle(future: Future[T], make: Callable[[], T]) -> None:
    """Settle the future with the result or error of `make`.

    An unexpected error becomes one that a person can read.
    """
    try:
        future.set_result(make())
    except LecternError as exc:
        future.set_exception(exc)
    except Exception as exc:  # noqa: BLE001 - whatever a model's library raises must reach the page, not a dead thread
        error = LecternError(
            f"A model could not be loaded ({type(exc).__name__}: {exc}). Run: lectern doctor"
        )
        error.__cause__ = exc
        future.set_exception(error)


def settled(make: Callable[[], T]) -> Future[T]:
    """Return a future that has the result or error of `make`."""
    future: Future[T] = Future()
    settle(future, make)
    return future
