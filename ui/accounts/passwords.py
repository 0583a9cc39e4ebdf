"""Passwords as Argon2id hashes, with the parameters that argon2-cffi recommends.

Source: RFC 9106, section 4: 64 MiB, 3 passes, 4 lanes (the profile for less memory).
"""

from __future__ import annotations

from functools import cache
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from rag.errors import SettingsError
from ui.access import LEAST_PASSWORD_CHARACTERS

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MOST_PASSWORD_CHARACTERS = 1024
_AT_ONCE = BoundedSemaphore(2)
"""Hashes computed at once.

Each takes 64 MiB, and a flood of logins must not take all memory.
"""


def check_password(password: str, name: str) -> None:
    """Check that a password may be chosen.

    Raises:
        SettingsError: it is too short, too long, or the name.
    """
    if len(password) < LEAST_PASSWORD_CHARACTERS:
        raise SettingsError(
            f"The password has {len(password)} characters. Choose one of at least {LEAST_PASSWORD_CHARACTERS}."
        )
    if len(password) > MOST_PASSWORD_CHARACTERS:
        raise SettingsError(
            f"The password has {len(password)} characters. At most {MOST_PASSWORD_CHARACTERS} are taken."
        )
    if password.casefold() == name.casefold():
        raise SettingsError("The password is the name. Choose another one.")


def hashed(password: str) -> str:
    """Return the Argon2id hash of a password, with its salt and parameters."""
    with _AT_ONCE:
        return _hasher().hash(password)


def is_right(password: str, stored: str | None) -> bool:
    """Return True if a password has the stored hash.

    Without a hash the same work is done for nothing, so that the time does not show which names exist.
    """
    from argon2.exceptions import InvalidHashError, VerificationError

    if len(password) > MOST_PASSWORD_CHARACTERS:
        return False
    with _AT_ONCE:
        try:
            found = _hasher().verify(stored or _no_account(), password)
        except (VerificationError, InvalidHashError):
            return False
    return found and stored is not None


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _no_account() -> str:
    """Return a hash that no password of a person has."""
    return _hasher().hash("\0")
