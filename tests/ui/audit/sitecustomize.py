"""Put on a child's path by the offline tests: writes down every address that Python code looks up or connects to."""

import os
import sys

_LOG = os.environ.get("SOCKET_LOG_OF_TESTS", "")


def _record(event: str, arguments: tuple[object, ...]) -> None:
    if event in {"socket.connect", "socket.getaddrinfo", "socket.sendto"}:
        with open(_LOG, "a", encoding="utf-8") as log:  # noqa: PTH123 - pathlib may not be imported yet
            log.write(f"{event} {arguments[1:] if event != 'socket.getaddrinfo' else arguments}\n")


if _LOG:
    sys.addaudithook(_record)
