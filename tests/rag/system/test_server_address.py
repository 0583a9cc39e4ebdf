"""Addresses of libraries on a server: their parts, and what of them may be shown."""

from __future__ import annotations

import pytest

from rag.errors import SettingsError
from rag.system.server_address import is_server_address, parse_address, without_passwords


@pytest.mark.parametrize(
    "text",
    ["postgresql://ann:secret@host/db", "postgresql://ann:secret@host/db#", "postgresql://ann:se#cret@host/db#a", "postgresql://ann:secret@[host/db#a",
     "postgresql://ann:s@cret@host/db#a", "postgresql://ann:12/cret@host/db#a", "postgresql://ann:12?cret@host/db#a", "postgresql://ann:12#cret@host/db#a",
     "postgresql://ann:x/cret@host/db#a", "postgresql://ann:secret@host/db#a/../b", "postgresql://ann:secret@host/db#a'b", "postgresql://ann:secret@host/db#..",
     f"postgresql://ann:secret@host/db#{'a' * 64}", "postgresql://ann:secret@host/db#a%00", "postgresql://ann:secret@host/db#a%0A"],
)  # fmt: skip
def test_an_address_that_cannot_be_used_is_not_repeated(text: str) -> None:
    with pytest.raises(SettingsError, match="expected postgresql://USER@HOST/DATABASE#COURSE") as caught:
        parse_address(text)
    assert "cret" not in str(caught.value)


def test_an_address_is_shown_without_its_password() -> None:
    found = parse_address(
        "postgres://ann:secret@a,b:5433/db?password=secret&sslmode=require#Linear%20algebra"
    )
    assert found.shown == "postgresql://ann@a,b:5433/db?sslmode=require#Linear%20algebra"
    assert found.course == "Linear algebra"
    assert "secret" in found.connection and "secret" not in repr(found)
    assert found.folder_name.startswith("linear-algebra-")
    assert found.folder_name == parse_address(found.shown).folder_name
    plain = "postgresql://ann@a,b:5433/db{}#Linear algebra"
    assert found.folder_name == parse_address(plain.format("")).folder_name
    others = [plain.format("?dbname=other"), plain.format("?host=c"), plain.replace("{}#L", "#l")]
    assert len({found.folder_name, *(parse_address(other).folder_name for other in others)}) == 4
    assert parse_address("postgresql://ann@a/db#Linear algebra").shown.endswith("#Linear%20algebra")
    for word, expected in (
        ("postgresql://ann:secret@host/db?password=secret#c", "postgresql://...@host/db?password=...#c"),
        ("a=POSTGRES://ann:my se@cret@host/db#c", "a=POSTGRES://...@host/db#c"),
        ("who@where?", "who@where?"),
    ):
        assert without_passwords(word) == expected


def test_an_address_is_known_in_any_case_and_its_course_in_any_script() -> None:
    for text in ("PostgreSQL://ann@a/db#c", " postgresql://ann@a/db#c "):
        assert is_server_address(text)
        assert parse_address(text).shown == "postgresql://ann@a/db#c"
        assert parse_address(text).connection == "postgresql://ann@a/db"
    assert not is_server_address("notes/postgresql")
    local = parse_address("postgresql:///db?host=/run/postgresql#c")  # a socket: no host in the address
    assert local.connection == "postgresql:///db?host=/run/postgresql"
    assert local.shown == f"{local.connection}#c"
    for course in ("हिन्दी", "คณิตศาสตร์", "猫头鹰", "algèbre 1.b-2_x"):
        assert parse_address(f"postgresql://a/db#{course}").course == course
    decomposed = parse_address("postgresql://a/db#alge\u0300bre")
    assert decomposed == parse_address("postgresql://a/db#algèbre")
