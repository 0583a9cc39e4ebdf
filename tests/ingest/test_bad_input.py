"""Damaged files of every kind that has a parser: a document or a reason, never another error."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from ingest.archives import members, read_source
from ingest.parsers import read_document
from rag.errors import UnreadableNote
from rag.settings import IngestSettings

MUTATIONS = 30
BOUNDS = IngestSettings(max_file_bytes=5_000_000)


def office(**parts: str) -> bytes:
    """Parts and a picture, which most damages hit."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in {**parts, "picture_DOT_png": "x" * 3000}.items():
            archive.writestr(name.replace("__", "/").replace("_DOT_", "."), text)
    return stream.getvalue()


def opendocument(kind: str, body: str) -> bytes:
    names = "office text table drawing presentation svg-compatible".split()
    spaces = " ".join(
        f'xmlns:{name[:4]}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in names
    )
    root = f"<offi:document-content {spaces}><offi:body><offi:{kind}>{body}</offi:{kind}></offi:body></offi:document-content>"
    return office(content_DOT_xml=root)


def workbook() -> bytes:
    book = openpyxl.Workbook()
    for row in (["term", "year"], ["entropy", 1865], ["=A1", 3.5]):
        book.active.append(row)
    book.active.merge_cells("A1:B1")
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


BOOK = office(
    META_INF__container_DOT_xml="<container><rootfile full-path='b.opf'/></container>",
    b_DOT_opf="<package><manifest><item id='a' href='a.xhtml' media-type='application/xhtml+xml'/></manifest><spine><itemref idref='a'/></spine></package>",
    a_DOT_xhtml="<html><body><h1>Owls</h1><table><tr><td rowspan='2'>a</td><td>b</td></tr></table><p>They hunt.</p></body></html>",
)
MAIL = (
    b'From: a@example.org\r\nSubject: =?utf-8?q?Ex=C3=A4m?=\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="xx"\r\n\r\n--xx\r\n'
    b"Content-Type: text/plain; charset=utf-8\r\n\r\nHall 4.\r\n--xx\r\nContent-Type: text/csv\r\nContent-Transfer-Encoding: base64\r\n"
    b'Content-Disposition: attachment; filename="p.csv"\r\n\r\nYSxiCjEsMgo=\r\n--xx--\r\n'
)
SAMPLES: dict[str, bytes] = {
    "a.csv": b'name,note\n"Ohm, Georg","law"\nVolta,battery\n1,2\n' * 5,
    "a.tsv": "näme\tnote\nOhm\tlaw\n".encode() * 5,
    "a.xlsx": workbook(),
    "a.ods": opendocument("spreadsheet", "<tabl:table tabl:name='M'><tabl:table-row tabl:number-rows-repeated='3'><tabl:table-cell tabl:number-columns-repeated='2'><text:p>x</text:p></tabl:table-cell></tabl:table-row></tabl:table>"),
    "a.odt": opendocument("text", "<text:h text:outline-level='2'>Light</text:h><text:p>Words<text:s text:c='3'/></text:p><text:list><text:list-item><text:p>one</text:p></text:list-item></text:list>"),
    "a.odp": opendocument("presentation", "<draw:page><draw:frame pres:class='title'><draw:text-box><text:p>Kites</text:p></draw:text-box></draw:frame></draw:page>"),
    "a.epub": BOOK,
    "a.rtf": rb"{\rtf1\ansi{\fonttbl\f0 Arial;}\f0 Half-life \'e9 \u8364?\par\trowd\cell a\cell\row\bin4 abcd}",
    "a.tex": rb"\newcommand{\R}[1]{\mathbb{#1}}\begin{document}\section{A}$\R{x}^2$\begin{tabular}{ll}a&b\\c&d\end{tabular}\begin{itemize}\item x\end{itemize}\begin{theorem}[T]y\end{theorem}\verb|z|\end{document}",
    "a.rst": b"Title\n=====\n\n.. note::\n   :x: y\n\n   Words *here* and :ref:`a <b>`.\n\n====  ====\na     b\n====  ====\n1     2\n====  ====\n\n- one\n\n  - two\n\n.. [1] Foot\n",
    "a.org": b"#+TITLE: T\n* TODO Head [1/2] :tag:\nDEADLINE: <2026-05-12 Tue>\n:PROPERTIES:\n:ID: 1\n:END:\n| a | b |\n|---+---|\n#+BEGIN_SRC py\nx\n#+END_SRC\n- [[http://a][b]]\n",
    "a.adoc": b"= T\nA\n:x: 1\n\n.K\n[cols=2*]\n|===\n|a |b\n|1 |{x}\n|===\n\n----\ncode\n----\nNOTE: n footnote:[f]\n* one\nterm:: d\nimage::a.png[]\n",
    "a.srt": b"1\n00:00:01,000 --> 00:00:02,500\nOwls\n\n2\n01:00:00,000 --> 01:00:01,000\nhunt.\n",
    "a.vtt": b"WEBVTT\n\nNOTE x\n\n00:01.000 --> 00:02.000 align:start\n<v A>Owls <i>hunt</i>\n",
    "a.eml": MAIL,
}  # fmt: skip


def _flipped(data: bytearray, dice: random.Random) -> None:
    for _ in range(dice.randint(1, 12)):
        data[dice.randrange(len(data))] = dice.randrange(256)


def _cut(data: bytearray, dice: random.Random) -> None:
    del data[dice.randrange(len(data)) :]


def _gap(data: bytearray, dice: random.Random) -> None:
    at = dice.randrange(len(data))
    del data[at : at + dice.randint(1, 60)]


def _doubled(data: bytearray, dice: random.Random) -> None:
    at = dice.randrange(len(data))
    data[at:at] = data[at : at + dice.randint(1, 200)] * dice.randint(1, 5)


def _zeros(data: bytearray, dice: random.Random) -> None:
    at = dice.randrange(len(data))
    data[at:at] = bytes(dice.randint(1, 50))


def _signs(data: bytearray, dice: random.Random) -> None:
    at = dice.randrange(len(data))
    data[at:at] = dice.choice(
        [b"{" * 40, b"}" * 40, b"[" * 40, b'"', b"\\", b"|" * 9, b"<", b"\xff\xfe", b"$", b"\n\n"]
    )


WAYS: list[Callable[[bytearray, random.Random], None]] = [_flipped, _cut, _gap, _doubled, _zeros, _signs]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_damaged_file_is_read_or_refused_with_a_reason(name: str, tmp_path: Path) -> None:
    """Thirty damages, five of each of six kinds; the whole sample is read."""
    file = tmp_path / name
    file.write_bytes(SAMPLES[name])
    assert read_document(file, name, BOUNDS).blocks
    dice = random.Random(name)
    refused = 0
    for number in range(MUTATIONS):
        data = bytearray(SAMPLES[name])
        WAYS[number % len(WAYS)](data, dice)
        file.write_bytes(bytes(data) or b" ")
        try:
            document = read_document(file, name, BOUNDS)
        except UnreadableNote as exc:
            refused += 1
            assert len(str(exc)) > 20 and str(exc).endswith("."), str(exc)
            continue
        assert document.blocks or document.warnings
        assert all(document.text[b.start : b.end].strip() for b in document.blocks)
    assert refused < MUTATIONS


def test_a_damaged_archive_is_read_or_refused_with_a_reason(tmp_path: Path) -> None:
    whole = office(a_DOT_md="# A\n\nWords.\n" * 20, week1__b_DOT_md="# B\n\nMore.\n" * 20)
    dice = random.Random("zip")
    file = tmp_path / "a.zip"
    read = 0
    for number in range(MUTATIONS):
        data = bytearray(whole)
        WAYS[number % len(WAYS)](data, dice)
        file = tmp_path / f"{number}.zip"
        file.write_bytes(bytes(data))
        try:
            for member in members(file):
                read_source(file / member.name, 100_000)
                read += 1
        except (UnreadableNote, FileNotFoundError):
            continue
    assert read


@pytest.mark.parametrize("name", ["a.odt", "a.epub"])
def test_parts_that_unpack_to_too_much_are_refused(name: str, tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in ("content.xml", "META-INF/container.xml"):
            archive.writestr(part, b" " * 30_000_000)
    (tmp_path / name).write_bytes(stream.getvalue())
    with pytest.raises(UnreadableNote, match=r"more than 5\.0 MB unpacked"):
        read_document(tmp_path / name, name, BOUNDS)
