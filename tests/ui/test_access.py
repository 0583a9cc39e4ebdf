"""The check of names and passwords before every request."""

from __future__ import annotations

import base64
import socket
from pathlib import Path
from typing import Any

import pytest

from rag.errors import SettingsError
from rag.settings import AccessSettings
from ui.access import MOST_WRONG_TRIES, WAIT_SECONDS, Access, given_password

SECRET = "owls at night"


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def access(host: str = "0.0.0.0", clock: Any = None, **given: str) -> Access:
    given = {"password": SECRET} | given
    return Access(host, AccessSettings(**given), *([clock] if clock else []))


def basic(password: str, user: str = "ann") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_an_address_that_others_reach_needs_a_password() -> None:
    for host in ("0.0.0.0", "::", "10.0.0.7", "notes.example.edu"):
        with pytest.raises(
            SettingsError, match=r"users add NAME --role teacher.*--password-file.*LECTERN_ACCESS__PASSWORD"
        ):
            access(host, password="")
        access(host)
    for host in ("127.0.0.1", "localhost", "::1", "127.9.9.9"):
        assert access(host, password="").refusal("localhost:7860", "", "127.0.0.1") == 0


def test_a_short_password_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"access\.password has 7 characters.*at least 8"):
        access(password="1234567")


def test_the_password_is_the_first_line_of_its_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes(b"\xef\xbb\xbf" + f"{SECRET}\r\nsecond line\r\n".encode())
    made = access(password="another one", password_file=str(file))
    assert made.refusal("10.0.0.7", basic(SECRET), "a") == 0
    assert made.refusal("10.0.0.7", basic("another one"), "a") == 401


@pytest.mark.parametrize(
    ("content", "words"), [(b"", "has 0 characters"), (b"\xff\xfe\xff\xfe\xff", "not text in UTF-8"), (None, "cannot be read")]
)  # fmt: skip
def test_a_password_file_that_is_of_no_use_is_one_sentence(
    content: bytes | None, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=words) as caught:
        access(password_file=str(file))
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    ("authorization", "status"),
    [("", 401), (basic(SECRET), 0), (basic(SECRET, user=""), 0), (f"Bearer {SECRET}", 0), (f"bearer  {SECRET}", 0),
     (basic("wrong one"), 401), (basic(""), 401), (basic(SECRET + " "), 401), ("Basic", 401), ("Basic ????", 401),
     ("Basic " + base64.b64encode(SECRET.encode()).decode(), 401), (f"Digest {SECRET}", 401), (SECRET, 401), ("Bearer", 401)],
)  # fmt: skip
def test_only_the_password_is_served(authorization: str, status: int) -> None:
    assert access().refusal("10.0.0.7:7860", authorization, "10.0.0.8") == status


def test_a_password_with_any_letters() -> None:
    made = access(password="Eule: über Nacht")
    assert made.refusal("10.0.0.7", basic("Eule: über Nacht"), "a") == 0
    assert given_password(basic("a:b:c")) == b"a:b:c"


def test_a_name_that_points_to_us_is_not_served() -> None:
    """DNS rebinding: with the right password too, the browser of a person sends it by itself."""
    for host in (
        "evil.example",
        "evil.example:7860",
        "127.0.0.1.evil.example",
        "10.0.0.7.evil.example",
        "",
        "localhost.evil.example",
    ):
        assert access().refusal(host, basic(SECRET), "a") == 421
        assert access("127.0.0.1", password="").refusal(host, "", "127.0.0.1") == 421
    own = socket.gethostname()
    for host in (
        "10.0.0.7:7860",
        "[fd00::7]:7860",
        "localhost",
        f"{own}:7860",
        f"{own.partition('.')[0]}.LOCAL",
    ):
        assert access().refusal(host, basic(SECRET), "a") == 0


def test_names_of_the_settings_are_served() -> None:
    proxied = access("127.0.0.1", hosts=" Notes.example.edu,b.example ", password="")
    assert [proxied.serves(host) for host in ("notes.example.edu", "b.example:443", "c.example", "10.0.0.7")] == [
        True, True, False, False,
    ]  # fmt: skip
    assert not proxied.local
    assert access("127.0.0.1", password="").local
    assert not access("10.0.0.7").local


def test_wrong_passwords_in_a_row_make_their_sender_wait() -> None:
    clock = Clock()
    made = access(clock=clock)
    for _ in range(MOST_WRONG_TRIES):
        assert made.refusal("10.0.0.7", basic("guess number 1"), "mallory") == 401
    assert made.refusal("10.0.0.7", basic(SECRET), "mallory") == 429
    assert made.refusal("10.0.0.7", basic(SECRET), "ann") == 0
    clock.now += WAIT_SECONDS
    assert made.refusal("10.0.0.7", basic(SECRET), "mallory") == 0


def test_asking_without_a_password_counts_as_no_try() -> None:
    made = access(clock=Clock())
    for _ in range(2 * MOST_WRONG_TRIES):
        assert made.refusal("10.0.0.7", "", "ann") == 401
    assert made.refusal("10.0.0.7", basic(SECRET), "ann") == 0


def test_few_addresses_are_remembered() -> None:
    made = access(clock=Clock())
    for number in range(3000):
        made.refusal("10.0.0.7", basic("guess number 1"), f"10.1.{number // 256}.{number % 256}")
    assert len(made._tries._counts) == 1000
