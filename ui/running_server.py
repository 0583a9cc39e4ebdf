"""A uvicorn server of Lectern, from its first request to its end.

`lectern chat` and `lectern serve` share it.
"""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from fastapi import FastAPI

_STOP_SECONDS = 2
"""Longest time for answers under way when the server is stopped."""


def run_server(app: FastAPI, bound: socket.socket, started: Callable[[], None]) -> None:
    """Serve an application on a bound socket until it is interrupted.

    `started` is called once the application answers.
    """
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            started()

    server = Server(
        uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=_STOP_SECONDS)
    )
    # An open page or stream has a request that only ends with the server; cancelling it is not an error to report.
    logging.getLogger("uvicorn.error").addFilter(lambda record: not server.should_exit)
    # Uvicorn ends and hands the signal on; whoever called this must still close what is open.
    signal.signal(signal.SIGTERM, _leave)
    server.run(sockets=[bound])


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
