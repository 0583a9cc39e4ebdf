"""Encoded data and minified code are left out of what is searched, and named."""

from __future__ import annotations

import base64
import json
import random
import re
from pathlib import Path

import pytest

from ingest.parsers import read_document

PROSE = "The owl hunts at night, when the mice come out of the long grass beside the river. " * 40


def noise(count: int) -> bytes:
    return random.Random(4).randbytes(count)


def searched(tmp_path: Path, name: str, text: str) -> tuple[str, list[str]]:
    (tmp_path / name).write_text(text, encoding="utf-8")
    document = read_document(tmp_path / name, name)
    assert document.text == text
    blocks = "\n".join(document.text[block.start : block.end] for block in document.blocks)
    return blocks, [str(warning) for warning in document.warnings]


def minified() -> str:
    return json.dumps(
        [{"id": n, "at": [n * 7, n * 3], "ok": True} for n in range(200)], separators=(",", ":")
    )


@pytest.mark.parametrize(
    "blob",
    [
        base64.b64encode(noise(3000)).decode(),
        base64.encodebytes(noise(3000)).decode(),
        "\n".join(base64.b64encode(noise(48)).decode() for _ in range(20)),
        minified(),
        "var " + ",".join(f"a{n}=function(b,c){{return b*{n}+Math.max(c.x,c.y)}}" for n in range(300)),
    ],
    ids=["base64", "MIME", "PEM", "json", "javascript"],
)
def test_data_is_left_out_and_named_and_the_words_beside_it_are_kept(blob: str, tmp_path: Path) -> None:
    text = f"# Owls\n\nThe owl hunts at night.\n{blob}\nIt sleeps by day.\n"
    for name in ("note.md", "note.txt"):
        blocks, warnings = searched(tmp_path, name, text)
        assert "The owl hunts at night." in blocks
        assert "It sleeps by day." in blocks
        assert len(blocks) < 100
        assert len(warnings) == 1
        assert re.fullmatch(
            r"line \d: [\d,]+ characters of encoded data or minified code, which is no text", warnings[0]
        )


def test_lines_beside_data_are_exact(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(f"one\ntwo\n{minified()}\nfour\nfive\n", encoding="utf-8")
    blocks = read_document(tmp_path / "a.txt", "a.txt").blocks
    assert [(block.locator.first, block.locator.last) for block in blocks] == [(1, 3), (3, 5)]


@pytest.mark.parametrize(
    "text",
    [
        PROSE,
        "猫头鹰在夜间捕猎。" * 400,
        "นกฮูกล่าเหยื่อในเวลากลางคืน" * 100,
        "-" * 3000,
        "Contents " + "." * 3000 + " 7",
        "".join(f"{n:>8}  {n * n:>12}\n" for n in range(300)),
        "".join(f"{n},{n * 7},{n % 5}\n" for n in range(400)),
        "https://example.edu/" + "path/" * 100,
        "".join("    " * (n % 9) + f"value_{n} = compute({n}, {n + 1})\n" for n in range(200)),
        "pneumonoultramicroscopicsilicovolcanoconiosis\n" * 30,
    ],
    ids=["prose", "Chinese", "Thai", "rule", "dots", "table", "csv", "address", "code", "long words"],
)  # fmt: skip
def test_text_and_tables_are_no_data(text: str, tmp_path: Path) -> None:
    blocks, warnings = searched(tmp_path, "a.txt", text)
    assert len("".join(blocks.split())) == len("".join(text.split()))
    assert warnings == []
