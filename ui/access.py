"""The names that a server of Lectern answers to, and its password.

The web app and the HTTP API share it. A server on a loopback address answers this machine alone and needs no
password. On any other address it starts only with one.

A page on the web can let its own name point to our address (DNS rebinding); its scripts then count as ours.
The browser still sends that name as `Host`, so only known names are served. An address in numbers is not a
name that others can point elsewhere.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import socket
import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from threading import Lock

from rag.errors import SettingsError
from rag.settings import AccessSettings
from ui.addresses import host_of, is_loopback

# Source: NIST SP 800-63B, section 5.1.1.1: a password that a person chose has at least 8 characters.
LEAST_PASSWORD_CHARACTERS = 8
MOST_WRONG_TRIES = 20
"""Wrong passwords from one address before it must wait.

NIST SP 800-63B, section 5.2.2, allows 100 in a row.
"""
WAIT_SECONDS = 60.0
_MOST_ADDRESSES = 1000
_MOST_PASSWORD_FILE_BYTES = 4096


class Access:
    """The check of every request before anything else is done with it. Safe to share between threads."""

    def __init__(
        self,
        host: str,
        settings: AccessSettings,
        clock: Callable[[], float] = time.monotonic,
        *,
        has_keys: bool | None = None,
        has_accounts: bool = False,
    ) -> None:
        """Check that the address may be listened on.

        `host` is the address to listen on; `has_keys` is True or False for a server that also takes API keys, which are
        checked elsewhere, and None for one that does not. With `has_accounts` everyone logs in by name
        (`ui.web.gate`); the password then opens the HTTP API alone.

        Raises:
            SettingsError: other machines can reach it and there is neither an account nor a password, or the password
                cannot be used.
        """
        listed = {name.strip().lower() for name in settings.hosts.split(",") if name.strip()}
        self._names = frozenset(listed)
        self.reachable = not is_loopback(host)
        """True if other machines can reach the address."""
        self.local = not self.reachable and not listed
        """True if only this machine is served, without a proxy before it."""
        password = _password(settings)
        self.has_accounts = has_accounts
        if self.reachable and not password and not has_keys and not has_accounts:
            raise SettingsError(_without_protection(host, serves_page=has_keys is None))
        self.has_password = bool(password)
        self._digest = sha256(password.encode()).digest()
        self._tries = _WrongTries(clock)

    def refusal(self, host: str, authorization: str, client: str) -> int:
        """Return the HTTP status with which a request is refused, 0 if it is served.

        `host` and `authorization` are the headers of these names, empty if they are missing; `client` is the
        address that asks.
        """
        if not self.serves(host):
            return 421
        if not self.has_password:
            return 0
        if self._tries.must_wait(client):
            return 429
        given = given_password(authorization)
        if given is None:
            return 401
        if hmac.compare_digest(sha256(given).digest(), self._digest):
            return 0
        self._tries.add(client)
        return 401

    def serves(self, host: str) -> bool:
        """Return True if a `Host` header has a name that this server answers to."""
        name = host_of(host)
        if is_loopback(name) or name in self._names:
            return True
        return self.reachable and (_is_address(name) or name in _own_names())


class _WrongTries:
    """Counts of wrong passwords by address, of the last minute.

    The oldest address is forgotten first.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._lock = Lock()

    def must_wait(self, client: str) -> bool:
        """Return True if an address has given too many wrong passwords."""
        with self._lock:
            count, since = self._counts.get(client, (0, 0.0))
            return count >= MOST_WRONG_TRIES and self._clock() - since < WAIT_SECONDS

    def add(self, client: str) -> None:
        """Count one wrong password."""
        now = self._clock()
        with self._lock:
            count, since = self._counts.pop(client, (0, now))
            fresh = now - since >= WAIT_SECONDS
            self._counts[client] = (1, now) if fresh else (count + 1, now)
            while len(self._counts) > _MOST_ADDRESSES:
                self._counts.popitem(last=False)


def given_password(authorization: str) -> bytes | None:
    """Return the password in an `Authorization` header, None without one.

    It is the password of `Basic`, with any user name, or the token of `Bearer`.
    """
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip().encode()
    if scheme.lower() != "basic":
        return None
    try:
        pair = base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""
    return pair.partition(b":")[2]


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _own_names() -> frozenset[str]:
    """Return the names of this machine in its own network."""
    name = socket.gethostname().lower()
    return frozenset({name, f"{name.partition('.')[0]}.local"})


def _without_protection(host: str, *, serves_page: bool) -> str:
    first = (
        "and nobody has an account. Add yours: lectern users add NAME --role teacher. Or, for a server that everyone uses "
        "with the same rights and no password yet,"
        if serves_page
        else "and there is no password. Make a key with `lectern keys add NAME`, or"
    )
    return (
        f"{host} can be reached by other machines, {first} write one of at least {LEAST_PASSWORD_CHARACTERS} characters into "
        "a file and add --password-file FILE, or set LECTERN_ACCESS__PASSWORD. Or use --host 127.0.0.1."
    )


def _password(settings: AccessSettings) -> str:
    """Return the password of the settings, empty without one.

    Raises:
        SettingsError: it is too short, or its file cannot be read.
    """
    password, source = settings.password, "The password in access.password"
    if settings.password_file:
        password = first_line(Path(settings.password_file).expanduser())
        source = f"The password in {settings.password_file}"
    elif not password:
        return ""
    if len(password) < LEAST_PASSWORD_CHARACTERS:
        raise SettingsError(
            f"{source} has {len(password)} characters. Choose one of at least {LEAST_PASSWORD_CHARACTERS}."
        )
    return password


def first_line(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            start = opened.read(_MOST_PASSWORD_FILE_BYTES)
        return (start.decode("utf-8-sig").splitlines() or [""])[0].strip()
    except OSError as exc:
        raise SettingsError(
            f"The password file {file} cannot be read: {exc.strerror}. Check its path and permissions."
        ) from exc
    except UnicodeDecodeError as exc:
        raise SettingsError(
            f"The password file {file} is not text in UTF-8. Write the password as its first line."
        ) from exc
