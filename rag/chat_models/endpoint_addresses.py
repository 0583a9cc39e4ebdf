"""The addresses of one model: the load, the health and the last error of each."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from rag.chat_models.endpoint_errors import is_silence
from rag.errors import LecternError, ModelBusy, ModelFailed, ModelMissing

if TYPE_CHECKING:
    from rag.chat_models.openai_endpoint import EndpointChatModel

HEALTH_SECONDS = 2.0
"""The time in which an address must answer its health check.

A live server needs milliseconds.
"""
REMEMBERED_SECONDS = 5.0
"""The time for which an address that answered is not checked again."""
LEFT_OUT_SECONDS = 15.0
"""The time for which an address that failed is chosen last."""
LONGEST_LEFT_OUT_SECONDS = 480.0
"""The same for an address that is silent again and again.

Each time costs a question its wait. Chosen.
"""
_log = logging.getLogger("lectern.models")


@dataclass(slots=True)
class Address:
    """One server with what this process knows of it.

    `under_way` is the number of its requests, `chosen` the number of the choice that took it last, `silences` how often
    in a row it did not answer in time. Times are seconds of the monotonic clock.
    """

    model: EndpointChatModel
    under_way: int = 0
    chosen: int = 0
    described: bool = False
    sound_until: float = 0.0
    left_out_until: float = 0.0
    silences: int = 0


class Addresses:
    """The addresses of one model, for any number of threads.

    A request goes to the address with the fewest requests of this process, and in turn among equals. An address that
    failed comes after all others for a while, and is checked before it is used again.
    """

    def __init__(
        self, models: Sequence[EndpointChatModel], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._addresses = [Address(model) for model in models]
        self._clock = clock
        self._lock = Lock()
        self._choices = 0

    def __len__(self) -> int:
        return len(self._addresses)

    def known(self) -> list[EndpointChatModel]:
        """Return the models of the addresses that have answered so far."""
        return [address.model for address in self._addresses if address.described]

    def take(self, wanted: Collection[int]) -> int:
        """Return the best of the wanted addresses, and count a request there.

        `give_back` ends the request.
        """
        with self._lock:
            number = self._best(wanted)
            chosen = self._addresses[number]
            self._choices += 1
            chosen.chosen = self._choices
            chosen.under_way += 1
        return number

    def model(self, number: int) -> EndpointChatModel:
        """Return the model at an address."""
        return self._addresses[number].model

    def best(self, wanted: Collection[int]) -> int:
        """Return the best of the wanted addresses, without counting a request."""
        with self._lock:
            return self._best(wanted)

    def give_back(self, number: int) -> None:
        """End a request that `take` counted."""
        with self._lock:
            self._addresses[number].under_way -= 1

    def check(self, number: int) -> None:
        """Check that an address answers, unless it did so a moment ago.

        Raises:
            LecternError: it does not, and is left out for a while.
        """
        address = self._addresses[number]
        if self._clock() < address.sound_until:
            return
        try:
            if address.described:
                address.model.check_alive(HEALTH_SECONDS)
            else:
                address.model.check(HEALTH_SECONDS)
        except LecternError as exc:
            self.leave_out(number, exc)
            raise
        address.described = True
        address.sound_until = self._clock() + REMEMBERED_SECONDS
        if not address.silences:  # a server may be sound and silent, behind a proxy for example
            address.left_out_until = 0.0

    def answered(self, number: int) -> None:
        """Remember that an address works."""
        address = self._addresses[number]
        address.silences = 0
        address.sound_until, address.left_out_until = self._clock() + REMEMBERED_SECONDS, 0.0

    def leave_out(self, number: int, error: LecternError) -> None:
        """Choose an address last for a while, because it failed.

        One that is silent again is left out for twice as long. The log is the one place where an error is seen that
        another address makes up for.
        """
        address, now = self._addresses[number], self._clock()
        seconds = LEFT_OUT_SECONDS
        if is_silence(error):
            seconds = min(LEFT_OUT_SECONDS * 2**address.silences, LONGEST_LEFT_OUT_SECONDS)
            address.silences += 1
        if now >= address.left_out_until:
            _log.warning("an address of the model is left out for %g s: %s", seconds, error)
        address.sound_until = 0.0
        address.left_out_until = max(address.left_out_until, now + seconds)

    def _best(self, wanted: Collection[int]) -> int:
        now = self._clock()

        def order(number: int) -> tuple[bool, int, int]:
            address = self._addresses[number]
            return now < address.left_out_until, address.under_way, address.chosen

        return min(wanted, key=order)


def all_failed(errors: Sequence[LecternError]) -> LecternError:
    """Return one error for addresses that all failed.

    Each of their errors names its address.
    """
    kinds = {type(error) for error in errors}
    kind = kinds.pop() if len(kinds) == 1 else ModelFailed
    listed = "; ".join(f"({number}) {error}" for number, error in enumerate(errors, 1))
    wanted = kind if issubclass(kind, ModelBusy | ModelMissing | ModelFailed) else ModelFailed
    return wanted(f"all {len(errors)} addresses of the model fail: {listed}")
