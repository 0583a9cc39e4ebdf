"""The addresses that Lectern's servers listen on, and the names in `Host` headers.

The web app and `lectern serve` share them.
"""

from __future__ import annotations

import errno
import socket
from ipaddress import ip_address
from typing import Protocol

from rag.errors import ServerError

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_ANY = ("0.0.0.0", "::")


class Address(Protocol):
    """A section of the settings with an address to listen on."""

    @property
    def host(self) -> str: ...

    @property
    def port(self) -> int: ...


def is_loopback(host: str) -> bool:
    """Return True if an address or name is of this machine only."""
    if host in LOOPBACK_NAMES:
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def host_of(header: str) -> str:
    """Return the host in a `Host` header without its port, lower case."""
    host = header.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def url(host: str, port: int) -> str:
    """Return the URL under which this machine reaches a server that listens there."""
    shown = "127.0.0.1" if host in _ANY else host
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def bound_socket(address: Address, verb: str = "chat") -> socket.socket:
    """Return a socket that listens on an address, for the server of `lectern VERB`.

    No second server can take them meanwhile.

    Raises:
        ServerError: the port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    # With the protocol named, asyncio switches Nagle's algorithm off; without it an answer's body waits 40 ms for an ACK.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((address.host, address.port))
        bound.listen()
    except OSError as exc:
        bound.close()
        raise ServerError(_refusal(address, verb, exc)) from exc
    return bound


def _refusal(address: Address, verb: str, exc: OSError) -> str:
    port = address.port
    if exc.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {address.host} is in use, perhaps by another `lectern {verb}`. Close that one, or "
            f"choose another port: lectern {verb} --port {port + 1 if port < 65535 else 7870}"
        )
    if exc.errno == errno.EACCES:
        return (
            f"Port {port} needs more rights than you have. Choose one above 1023: lectern {verb} --port 7870"
        )
    return f"{address.host} is not an address of this machine ({exc.strerror}). Use --host 127.0.0.1."
