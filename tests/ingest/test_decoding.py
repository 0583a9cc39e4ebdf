"""Bytes that are nearly text in an encoding: what is broken is replaced and counted, and the rest is not guessed away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ingest.parsers import read_document
from ingest.parsers.decoding import decode

GERMAN = "Größe und Länge sind für die Übung nötig: „schön“. "


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (GERMAN.encode() * 3 + b"\xff und mehr", GERMAN * 3 + "\ufffd und mehr"),
        ((GERMAN * 3 + "schön")[:-1].encode()[:-1], GERMAN * 3 + "sch\ufffd"),
        ("Größe".encode() + b"\xc3", "Größe\ufffd"),
        ("漢字かな交じり文".encode()[:-1], "漢字かな交じり\ufffd"),
    ],
    ids=["a bad byte", "cut in a letter", "a short note", "three bytes a letter"],
)
def test_utf8_with_a_broken_byte_stays_utf8_and_says_so(data: bytes, text: str) -> None:
    decoded = decode(data)
    assert (decoded.text, decoded.encoding) == (text, "utf-8")
    assert tuple(map(str, decoded.warnings)) == ("1 character is not valid utf-8 and was replaced",)


def test_broken_characters_are_counted_and_those_of_the_file_itself_are_not() -> None:
    decoded = decode("schön \ufffd grün, müde".encode() * 40 + b"\xff \xff")
    assert decoded.text.count("\ufffd") == 42
    assert tuple(map(str, decoded.warnings)) == ("2 characters are not valid utf-8 and were replaced",)
    assert decode("schön \ufffd".encode()).warnings == ()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_broken_end_behind_a_byte_order_mark_is_told(encoding: str) -> None:
    decoded = decode(GERMAN.encode(encoding) + b"\xc3")
    assert decoded.text == GERMAN + "\ufffd"
    assert "1 character is not valid utf-" in str(decoded.warnings[0])


def test_another_encoding_is_not_taken_for_broken_utf8() -> None:
    assert decode(GERMAN.encode("cp1252") * 3).text == GERMAN * 3
    assert decode(b"caf\xe9 au lait, dans la nuit, avec les autres").text.startswith("café")


@given(st.text(alphabet="äöüßéèñçâ€“漢字яж abc", min_size=12), st.integers(0, 10_000))
def test_one_broken_byte_costs_at_most_its_letter_and_the_next(text: str, place: int) -> None:
    """As long as there are letters of several bytes enough to prove UTF-8."""
    assume(sum(letter > "\x7f" for letter in text) >= 8)
    data = text.encode()
    at = place % len(data)
    decoded = decode(data[:at] + b"\xff" + data[at + 1 :])
    assert decoded.encoding == "utf-8"
    assert len(decoded.text.replace("\ufffd", "")) >= len(text) - 2


def test_quotation_marks_of_an_old_macintosh_are_no_japanese() -> None:
    text = "The \u201cstandard\u201d rule \u2022 Bayes\u2019 rule \u2022 and what the students\u2019 notes say of it"
    assert decode(text.encode("mac_roman").replace(b"rule ", b"rule\r")).text == text.replace(
        "rule ", "rule\n"
    )


def test_ligatures_in_plain_text_are_spelled_out(tmp_path: Path) -> None:
    (tmp_path / "copy.txt").write_text("The ﬁrst di\ufb03cult oﬀer.\n")
    assert read_document(tmp_path / "copy.txt", "copy.txt").text == "The first difficult offer.\n"


def test_a_notebook_with_a_broken_byte_is_read_with_a_warning(tmp_path: Path) -> None:
    cell = {"cell_type": "markdown", "metadata": {}, "source": f"{GERMAN} @"}
    data = json.dumps({"nbformat": 4, "cells": [cell]}, ensure_ascii=False).encode().replace(b"@", b"\xff")
    (tmp_path / "n.ipynb").write_bytes(data)
    document = read_document(tmp_path / "n.ipynb", "n.ipynb")
    assert document.text.strip() == f"{GERMAN} \ufffd"
    assert tuple(map(str, document.warnings)) == ("1 character is not valid utf-8 and was replaced",)
