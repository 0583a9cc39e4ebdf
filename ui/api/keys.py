"""The API keys of a library: named, revocable, and stored as hashes only.

A key has 256 random bits, so a plain SHA-256 protects it: there is nothing to guess. The file is read again when it changed,
so a revoked key ends at the next request to a running server.
"""

from __future__ import annotations

import hmac
import json
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from threading import Lock

from filelock import FileLock, Timeout

from rag.errors import LibraryBusy, LibraryDamaged, SettingsError
from rag.system.atomic_write import replacing

FILE_NAME = "api-keys.json"
PREFIX = "lk-"
_NAME = re.compile(r"[\w][\w .@-]{0,63}")
_SECRET_BYTES = 32
_HINT_CHARS = 4
_LOCK_SECONDS = 10
_Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret.

    `hash` is the SHA-256 of the whole key in hexadecimal, `hint` its last characters. `created` and `revoked` are times in
    ISO 8601; `revoked` is empty while the key is valid.
    """

    name: str
    hash: str
    hint: str
    created: str
    revoked: str = ""

    @property
    def valid(self) -> bool:
        """True if the key was not revoked."""
        return not self.revoked


class KeyRing:
    """The keys of one library folder. Safe to share between threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE_NAME
        self._lock = Lock()
        self._stamp: _Stamp | None = None
        self._keys: tuple[ApiKey, ...] = ()

    def all(self) -> tuple[ApiKey, ...]:
        """Return every key, revoked ones too, oldest first.

        Raises:
            LibraryDamaged: the file cannot be read.
        """
        with self._lock:
            stamp = self._stamp_now()
            if stamp != self._stamp:
                self._keys, self._stamp = (self._read() if stamp else ()), stamp
            return self._keys

    @property
    def required(self) -> bool:
        """True if a request needs a key.

        It stays true when the last key was revoked: revoking must never open a server.
        """
        return bool(self.all())

    def owner(self, secret: str) -> str | None:
        """Return the name of a valid key, None for any other text."""
        given = _hashed(secret)
        found = None
        for key in self.all():  # every key is compared, so that the time does not depend on the place
            if hmac.compare_digest(key.hash, given) and key.valid:
                found = key.name
        return found

    def add(self, name: str) -> str:
        """Make a key and return it; it cannot be shown again.

        Raises:
            SettingsError: the name is taken by a valid key, or is not a name.
            LibraryBusy: another process changes the keys.
        """
        if not _NAME.fullmatch(name):
            raise SettingsError(
                f"{name!r} is no name for a key: use 1 to 64 letters, digits, spaces and . _ - @, and begin with a letter "
                "or digit."
            )
        secret = PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
        with self._changing():
            keys = self.all()
            if any(key.name == name and key.valid for key in keys):
                raise SettingsError(
                    f"There is a key named {name!r} already. Revoke it first (lectern keys revoke {name!r}), or choose "
                    "another name."
                )
            self._write([*keys, ApiKey(name, _hashed(secret), secret[-_HINT_CHARS:], _now())])
        return secret

    def revoke(self, name: str) -> None:
        """Make a key invalid from the next request on.

        Raises:
            SettingsError: no valid key has that name.
            LibraryBusy: another process changes the keys.
        """
        with self._changing():
            keys = self.all()
            if not any(key.name == name and key.valid for key in keys):
                raise SettingsError(f"No valid key is named {name!r}; `lectern keys list` shows them.")
            self._write(
                [replace(key, revoked=_now()) if key.name == name and key.valid else key for key in keys]
            )

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Let nobody else change the keys meanwhile."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(f"{self._file}.lock", timeout=_LOCK_SECONDS):
                yield
        except Timeout as exc:
            raise LibraryBusy(f"Another process changes {self._file}; try again in a moment.") from exc

    def _stamp_now(self) -> _Stamp | None:
        try:
            found = self._file.stat()
        except FileNotFoundError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self) -> tuple[ApiKey, ...]:
        try:
            return tuple(ApiKey(**key) for key in json.loads(self._file.read_text(encoding="utf-8"))["keys"])
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise LibraryDamaged(
                f"The API keys in {self._file} cannot be read ({type(exc).__name__}), so no request is served. Restore the "
                "file, or move it away and make new keys with `lectern keys add NAME`."
            ) from exc

    def _write(self, keys: Sequence[ApiKey]) -> None:
        text = json.dumps({"keys": [asdict(key) for key in keys]}, ensure_ascii=False, indent=1)
        with replacing(self._file) as draft:
            opened = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(opened, "w", encoding="utf-8") as file:
                file.write(text)


def _hashed(secret: str) -> str:
    return sha256(secret.encode("utf-8", "replace")).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
