"""Kinds of files beyond text: each small file is made here, and read as a person would read it."""

from __future__ import annotations

import csv
import io
import sys
import zipfile
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from types import SimpleNamespace

import openpyxl
import pytest
from openpyxl.comments import Comment

from ingest.kinds import KIND_OF_SUFFIX, readable_suffixes, unread_kinds
from ingest.parsers import read_document
from ingest.parsers.latex_macros import expanded, without_comments
from ingest.parsers.latex_text import inline_formula
from ingest.parsers.latex_units import with_units
from ingest.parsers.registry import has_parser
from rag.errors import UnreadableNote
from rag.note_warnings import WarningCode
from rag.settings import IngestSettings
from rag.types import BlockKind, Document, DocumentKind, Locator, Unit


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def read(folder: Path, name: str, content: str | bytes) -> Document:
    """The document of that content, its blocks in order and inside the text."""
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    document = read_document(folder / name, name)
    end = 0
    for block in document.blocks:
        assert end <= block.start < block.end <= len(document.text)
        end = block.end
    return document


def blocks(document: Document, kind: BlockKind | None = None) -> list[str]:
    return [document.text[b.start : b.end] for b in document.blocks if kind in {None, b.kind}]


def places(document: Document) -> list[str]:
    return [str(block.locator) for block in document.blocks]


def zipped(**parts: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name.replace("__", "/").replace("_DOT_", "."), text)
    return stream.getvalue()


# ---- the list ---------------------------------------------------------------------------------------------------


def test_every_kind_that_is_listed_is_read_or_named(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (DocumentKind.MARKDOWN, DocumentKind.TEXT)
    unread = unread_kinds()
    for suffix, kind in KIND_OF_SUFFIX.items():
        assert has_parser(f"a{suffix}") or kind in text or suffix in unread, suffix
    assert {".md", ".tex", ".csv", ".rst", ".org", ".qmd", ".py", ".zip"} <= set(readable_suffixes())
    for extra in ("ocr", "speech"):
        monkeypatch.setattr(f"ingest.kinds.{extra}_is_installed", lambda: False)
    assert not {".png", ".mp3"} & set(readable_suffixes())
    assert "lectern setup ocr" in unread_kinds()[".png"].advice


def test_times_are_printed_as_on_a_clock() -> None:
    assert str(Locator(Unit.SECOND, 65, 3725)) == "0:01:05-1:02:05"
    assert str(Locator(Unit.ROW, 2, 9, "Marks")) == '"Marks" › rows 2-9'


# ---- tables -----------------------------------------------------------------------------------------------------


def test_a_long_table_has_its_head_in_every_block(folder: Path) -> None:
    rows = "".join(f"S{n},{n % 7},{n % 5}\n" for n in range(100, 200))
    document = read(folder, "marks.csv", "student,lab,final\n" + rows)
    tables = blocks(document, BlockKind.TABLE)
    assert len(tables) > 3
    assert all(table.startswith("student | lab | final\n") for table in tables)
    assert places(document)[0] == "rows 2-24"
    assert [line for table in tables for line in table.split("\n")[1:]] == [
        f"S{n} | {n % 7} | {n % 5}" for n in range(100, 200)
    ]
    assert document.kind is DocumentKind.SPREADSHEET


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_the_sign_between_cells_is_found_whatever_is_in_them(folder: Path, sign: str) -> None:
    lines = ["name", "note"], ['"Ohm, Georg; physicist"', '"law\nof 1827"'], ["Volta", "battery"]
    document = read(folder, "a.csv", "\n".join(sign.join(cells) for cells in lines))
    assert blocks(document) == ["name | note\nOhm, Georg; physicist | law of 1827\nVolta | battery"]


def test_a_table_without_a_head_gets_letters_and_lines_above_it_are_a_title(folder: Path) -> None:
    document = read(folder, "a.csv", "Voltages of lab 2\n\n1.5,2.5\n3.5,4.5\n")
    assert blocks(document) == ["Voltages of lab 2", "A | B\n1.5 | 2.5\n3.5 | 4.5"]
    document = read(folder, "b.csv", "Voltages of lab 2,\nrun,volt\n1,2.5\n")
    assert blocks(document) == ["Voltages of lab 2", "run | volt\n1 | 2.5"]
    document = read(folder, "c.csv", "Country,2021,2022\nPeru,3,4\n")
    assert blocks(document) == ["Country | 2021 | 2022\nPeru | 3 | 4"]


def test_a_row_that_is_too_wide_is_written_by_column(folder: Path) -> None:
    document = read(folder, "a.csv", f"term,meaning\nentropy,{'disorder ' * 70}\n")
    (entry,) = blocks(document, BlockKind.LIST)
    assert entry.startswith("term: entropy\nmeaning: disorder")


def test_a_long_cell_is_read_and_the_process_keeps_its_own_limit(folder: Path) -> None:
    usual = csv.field_size_limit()
    document = read(folder, "a.csv", f"term,meaning\nentropy,{'disorder ' * 30_000}\n")
    assert document.text.count("disorder") == 30_000
    assert csv.field_size_limit() == usual


def workbook(path: Path) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Plan"
    for row in (
        ["Day", "Hour", "Topic", "Weight"],
        ["Monday", 8, "Vectors", 0.35],
        [None, 10, "Matrices", 0.65],
    ):
        sheet.append(row)
    sheet.merge_cells("A2:A3")
    sheet["D2"].number_format = sheet["D3"].number_format = "0%"
    sheet["C2"].comment = Comment("Bring a ruler", "Tutor")
    other = book.create_sheet("Costs")
    other.append(["Item", "Price", "Sum"])
    other.append(["Lab coat", 25, "=B2*2"])
    other["B2"].number_format = '#,##0 "€"'
    other["A1048576"] = "far away"
    book.properties.title = "Course plan"
    book.save(path)
    return path.read_bytes()


def test_a_workbook_is_read_as_it_is_shown(folder: Path) -> None:
    document = read(folder, "plan.xlsx", workbook(folder / "made.xlsx"))
    assert document.title == "Course plan"
    assert blocks(document) == [
        "Plan",
        "Day | Hour | Topic | Weight\nMonday | 8 | Vectors | 35 %\nMonday | 10 | Matrices | 65 %",
        "C2: Bring a ruler",
        "Costs",
        "Item | Price | Sum\nLab coat | 25 € | =B2*2",
        "far away",
    ]
    assert places(document)[1] == '"Plan" › rows 2-3'


def test_a_workbook_under_a_password_says_so(folder: Path) -> None:
    with pytest.raises(UnreadableNote, match="has a password"):
        read(folder, "a.xlsx", b"\xd0\xcf\x11\xe0" + b"\0" * 600)


# ---- books and office files -------------------------------------------------------------------------------------

CONTAINER = '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
PACKAGE = (
    '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>Field notes</dc:title>'
    '<dc:creator>A. Wren</dc:creator></metadata><manifest><item id="two" href="c2.xhtml" media-type="application/xhtml+xml"/>'
    '<item id="one" href="c%201.xhtml" media-type="application/xhtml+xml"/><item id="gone" href="no.xhtml" media-type="application/xhtml+xml"/>'
    '</manifest><spine><itemref idref="one"/><itemref idref="two"/><itemref idref="gone"/></spine></package>'
)


def book(**more: str) -> bytes:
    pages = {
        "OEBPS__c 1_DOT_xhtml": "<html><body><h1>Owls</h1><p>They hunt at night.</p></body></html>",
        "OEBPS__c2_DOT_xhtml": "<html><body><h1>Wrens</h1><p>They build nests.</p><img src='n.png'/></body></html>",
    }
    fixed = {"META-INF__container_DOT_xml": CONTAINER, "OEBPS__book_DOT_opf": PACKAGE}
    return zipped(**fixed, **pages, **more)


def test_an_e_book_is_read_by_chapter_in_the_order_of_its_spine(folder: Path) -> None:
    document = read(folder, "a.epub", book())
    assert document.title == "Field notes"
    assert blocks(document) == [
        "creator: A. Wren",
        "Owls",
        "They hunt at night.",
        "Wrens",
        "They build nests.",
    ]
    assert places(document)[2] == '"Owls" › chapter 1'
    codes = {warning.code: warning.places for warning in document.warnings}
    assert codes == {WarningCode.PICTURES: (2,), WarningCode.DAMAGED_PARTS: (3,)}


def test_a_protected_e_book_says_so(folder: Path) -> None:
    lock = '<encryption xmlns:e="http://www.w3.org/2001/04/xmlenc#"><e:EncryptionMethod Algorithm="aes"/></encryption>'
    with pytest.raises(UnreadableNote, match="protected against copying"):
        read(folder, "a.epub", book(**{"META-INF__encryption_DOT_xml": lock}))


ODF = " ".join(
    f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for short, name in {
        "office": "office", "text": "text", "table": "table", "draw": "drawing", "presentation": "presentation", "svg": "svg-compatible",
    }.items()
) + ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xlink="http://www.w3.org/1999/xlink"'  # fmt: skip


def opendocument(kind: str, body: str) -> bytes:
    content = f"<office:document-content {ODF}><office:body><office:{kind}>{body}</office:{kind}></office:body></office:document-content>"
    return zipped(content_DOT_xml=content)


def test_an_opendocument_text(folder: Path) -> None:
    body = (
        '<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes><text:h text:outline-level="2">Light</text:h>'
        "<text:p>Photosystem<text:s/>II splits water<text:note><text:note-citation>1</text:note-citation><text:note-body>"
        "<text:p>In plants.</text:p></text:note-body></text:note>.<office:annotation><dc:creator>Tutor</dc:creator><text:p>Exam!</text:p>"
        "</office:annotation></text:p><text:list><text:list-item><text:p>one</text:p><text:list><text:list-item><text:p>inner</text:p>"
        "</text:list-item></text:list></text:list-item></text:list>"
        '<table:table><table:table-row><table:table-cell><text:p>Pigment</text:p></table:table-cell><table:table-cell><text:p>nm</text:p>'
        '</table:table-cell></table:table-row><table:table-row><table:table-cell table:number-rows-spanned="2"><text:p>Chl a</text:p>'
        "</table:table-cell><table:table-cell><text:p>430</text:p></table:table-cell></table:table-row><table:table-row>"
        "<table:covered-table-cell/><table:table-cell><text:p>662</text:p></table:table-cell></table:table-row></table:table>"
        '<text:p><draw:frame><draw:image xlink:href="a.png"/><svg:desc>A leaf in section, stained green</svg:desc></draw:frame></text:p>'
        '<text:p><draw:frame><draw:image xlink:href="b.png"/></draw:frame></text:p>'
    )  # fmt: skip
    document = read(folder, "a.odt", opendocument("text", body))
    assert blocks(document) == [
        "Light",
        "Photosystem II splits water.",
        "[1] In plants.",
        "Tutor: Exam!",
        "- one\n  - inner",
        "Pigment | nm\nChl a | 430\nChl a | 662",
        "A leaf in section, stained green",
    ]
    assert [warning.code for warning in document.warnings] == [WarningCode.PICTURES]
    assert document.kind is DocumentKind.WORD


def test_an_opendocument_presentation(folder: Path) -> None:
    def slide(title: str, words: str, notes: str) -> str:
        return (
            f'<draw:page><draw:frame presentation:class="title"><draw:text-box><text:p>{title}</text:p></draw:text-box></draw:frame>'
            f"<draw:frame><draw:text-box><text:list><text:list-item><text:p>{words}</text:p></text:list-item></text:list></draw:text-box>"
            f"</draw:frame><presentation:notes><draw:frame><draw:text-box><text:p>{notes}</text:p></draw:text-box></draw:frame>"
            "</presentation:notes></draw:page>"
        )

    document = read(
        folder,
        "a.odp",
        opendocument(
            "presentation", slide("Kites", "They glide", "Ask why") + slide("Gulls", "They dive", "")
        ),
    )
    assert blocks(document) == ["Kites", "- They glide", "Ask why", "Gulls", "- They dive"]
    assert places(document)[1] == '"Kites" › slide 1'


def test_opendocument_sheets(folder: Path) -> None:
    def row(*cells: str, repeat: int = 1) -> str:
        made = "".join(f"<table:table-cell><text:p>{cell}</text:p></table:table-cell>" for cell in cells)
        return f'<table:table-row table:number-rows-repeated="{repeat}">{made}</table:table-row>'

    table = f'<table:table table:name="Marks">{row("name", "mark")}{row("", "", repeat=1000000)}{row("term", "mark")}{row("autumn", "1.3")}</table:table>'
    document = read(folder, "a.ods", opendocument("spreadsheet", table))
    assert blocks(document, BlockKind.TABLE)[-1] == "term | mark\nautumn | 1.3"
    assert places(document)[-1] == '"Marks" › row 1000003'


def test_rich_text(folder: Path) -> None:
    source = (
        r"{\rtf1\ansi\ansicpg1252{\fonttbl\f0 Arial;}{\info{\title Decay}}\pard Half-life is {\b 5730} years \'e9\u8364?.\par"
        r"\trowd\cellx1000\cellx2000 Isotope\cell Years\cell\row\trowd\cellx1000\cellx2000 C-14\cell 5730\cell\row\pard after\par}"
    )
    document = read(folder, "a.rtf", source)
    assert document.title == "Decay"
    assert blocks(document) == ["Half-life is 5730 years é€.", "Isotope | Years\nC-14 | 5730", "after"]
    with pytest.raises(UnreadableNote, match="not rich text"):
        read(folder, "b.rtf", "plain words")


# ---- markup -----------------------------------------------------------------------------------------------------

PROOFS = r"""\documentclass{article}
\title{Real \emph{analysis}} \author{E. Owl}
\newcommand{\R}{\mathbb{R}}
\newcommand{\norm}[2][2]{\lVert #2 \rVert_{#1}}
\newtheorem{thm}{Theorem}
\begin{document}
\maketitle
\section{Compact sets}\label{sec:c}
% TODO ask
A set $K\subset\R^n$ is \emph{compact} if it is closed, see~\cite{heine}\footnote{Not in $L^2$.}.

\begin{thm}[Bolzano--Weierstrass]\label{thm:bw}
Bounded sequences have limits, $\norm[1]{x}\le 3$.
\begin{equation}\label{eq:sum} \sum_{i=1}^{n} i = \frac{n(n+1)}{2} \end{equation}
\end{thm}
\begin{itemize}
  \item first \textbf{bold}
  \item[Second] with
    \begin{enumerate}\item inner\end{enumerate}
\end{itemize}
\begin{table}\caption{Speeds}
\begin{tabular}{l|r} \hline Bird & km/h \\ \hline Swift & 111 \\ \multicolumn{1}{l}{Gull} & 45 \\ \end{tabular}\end{table}
\begin{verbatim}
x = 100 % 7  # \R stays
\end{verbatim}
\begin{tikzpicture}\node {A};\end{tikzpicture}
\vspace{1cm}
As Theorem~\ref{thm:bw} shows.
\end{document}
"""


def test_latex_without_its_macros(folder: Path) -> None:
    document = read(folder, "a.tex", PROOFS)
    assert document.title == "Real analysis"
    assert blocks(document) == [
        "author: E. Owl",
        "Compact sets",
        "A set K⊂ℝ^n is compact if it is closed, see [heine].",
        "Not in L^2.",
        "Theorem (Bolzano–Weierstrass) [thm:bw]: Bounded sequences have limits, ‖x ‖_1≤3.",
        r"$$\sum_{i=1}^{n} i = \frac{n(n+1)}{2}$$ [eq:sum]",
        "- first bold\n- Second: with\n  1. inner",
        "Speeds",
        "Bird | km/h\nSwift | 111\nGull | 45",
        "x = 100 % 7  # \\R stays",
        "As Theorem thm:bw shows.",
    ]
    assert places(document)[1] == '"Compact sets" › line 8'
    assert places(document)[-1] == '"Compact sets" › line 28'
    assert [(warning.code, warning.places) for warning in document.warnings] == [
        (WarningCode.DIAGRAMS, (26,))
    ]


@pytest.mark.parametrize(
    ("formula", "shown"),
    [
        (r"x \in \mathbb{R}", "x ∈ℝ"),
        (r"x^{n+1}", "$x^{n+1}$"),
        (r"\frac{a}{b}", r"$\frac{a}{b}$"),
        (r"\alpha_1 \leq \beta", "α_1 ≤β"),
        (r"a_\text{max}", r"$a_\text{max}$"),
        (r"a \unheardof b", r"$a \unheardof b$"),
    ],
)
def test_a_formula_is_written_as_signs_only_if_nothing_is_lost(formula: str, shown: str) -> None:
    assert inline_formula(formula) == shown


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        (r"\SI{9.81}{\metre\per\second\squared}", "9.81~m/s²"),
        (r"\qty[mode=text]{5}{\kilo\gram}", "5~kg"),
        (r"\SI{3}{kg.m}", "3~kg·m"),
        (r"\num{12000} at \ang{45}", "12000 at 45°"),
        (r"\si{\newton\metre}", "N·m"),
        (r"\unit{\square\centi\metre}", "cm²"),
    ],
)
def test_quantities_have_their_units(source: str, shown: str) -> None:
    assert with_units(source) == shown


def test_macros_that_contain_themselves_come_to_an_end() -> None:
    assert len(expanded(r"\newcommand{\a}{\a\a\a\a\a\a\a\a\a\a\a\a} \a")) < 100_000
    assert expanded("\\newcommand{\\x}[1]{<#1>}\n\\x{a\nb} \\xy") == "\n<a\nb> \\xy"
    assert without_comments("50\\% of % all\nmore") == "50\\% of \nmore"


def test_restructuredtext_with_directives_of_sphinx(folder: Path) -> None:
    source = (
        "Sampling\n========\n\n:Author: E. Owl\n\nThe *alias* is ``2`` Hz, see :ref:`the lab <lab>` and :math:`f_s`.\n\n.. note::\n   Lab 3 is cancelled.\n\n"
        ".. proof:theorem:: Nyquist\n\n   Twice the band is enough.\n\nQuantisation\n------------\n\n====  =====\nBits  Steps\n====  =====\n12    4096\n====  =====\n\n"
        ".. code-block:: python\n   :linenos:\n\n   x = 1\n\n- one\n\n  - inner\n\n.. [1] A foot note.\n\n.. image:: a.png\n\n.. include:: /etc/hostname\n\n.. toctree::\n\n   other\n"
    )
    document = read(folder, "a.rst", source)
    assert document.title == "Sampling"
    assert blocks(document) == [
        "Sampling",
        "author: E. Owl",
        "The alias is 2 Hz, see the lab and f_s.",
        "Note: Lab 3 is cancelled.",
        "Nyquist",
        "Twice the band is enough.",
        "Quantisation",
        "Bits | Steps\n12 | 4096",
        "x = 1",
        "- one\n  - inner",
        "[1] A foot note.",
    ]
    assert places(document)[6] == '"Quantisation" › line 15'
    assert [warning.code for warning in document.warnings] == [WarningCode.PICTURES]


def test_org(folder: Path) -> None:
    source = (
        "#+TITLE: Chemistry log\n#+AUTHOR: E. Owl\n* Titration :lab:\n:PROPERTIES:\n:ID: 123\n:END:\nEquivalence at *23.4* mL, see [[https://a.b][the sheet]].\n"
        "** TODO Repeat [1/2]\nDEADLINE: <2026-05-12 Tue>\n- one\n  more\n1. two\n\n| Acid | pKa |\n|------+-----|\n| HF   | 3.2 |\n\n#+BEGIN_SRC python\n,* x = 1\n#+END_SRC\n"
        "#+RESULTS:\n: 42\n[fn:1] Checked.\n# a comment\n[[file:plot.png]]\n"
    )
    document = read(folder, "a.org", source)
    assert document.title == "Chemistry log"
    assert blocks(document) == [
        "Chemistry log",
        "author: E. Owl",
        "Titration",
        "Equivalence at 23.4 mL, see the sheet.",
        "TODO Repeat",
        "DEADLINE: <2026-05-12 Tue>",
        "- one\n  more\n1. two",
        "Acid | pKa\nHF   | 3.2",
        "* x = 1",
        "42",
        "[1] Checked.",
    ]
    assert [(warning.code, warning.names) for warning in document.warnings] == [
        (WarningCode.PICTURES, ("plot.png",))
    ]


def test_asciidoc(folder: Path) -> None:
    source = (
        "= Networks\nE. Owl\n:port: 53\n\nDNS uses port {port}.footnote:[UDP mostly.]\n\n== Records\n\n.Kinds\n[cols=2]\n|===\n|Type |Use\n\n|A |address\n|MX\n|mail\n|===\n\n"
        "NOTE: Cached for *one* hour.\n\n[source,sh]\n----\ndig a.b\n----\n\n* one\n** inner\n. first\nTTL:: seconds to keep\n\n// hidden\n////\nalso hidden\n////\n"
        "image::zone.png[]\n\nSee https://a.b[the RFC] and <<x,there>>.\n"
    )
    document = read(folder, "a.adoc", source)
    assert document.title == "Networks"
    assert blocks(document) == [
        "Networks",
        "DNS uses port 53. (UDP mostly.)",
        "Records",
        "Kinds",
        "Type | Use\nA | address\nMX | mail",
        "Note: Cached for one hour.",
        "dig a.b",
        "- one\n  - inner\n1. first\n- TTL: seconds to keep",
        "See the RFC (https://a.b) and there.",
        "author: E. Owl",
    ]
    assert places(document)[1] == '"Networks" › line 5'
    assert [warning.code for warning in document.warnings] == [WarningCode.PICTURES]


# ---- spoken and sent --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.srt", "a.vtt"])
def test_subtitles_have_their_times(folder: Path, name: str) -> None:
    sign = "," if name == "a.srt" else "."
    cues = [
        ("00:00:01", "00:00:03", "Owls hunt"),
        ("00:00:03", "00:00:05", "Owls hunt\nat <i>night</i>."),
        ("01:02:05", "01:02:09", "Wrens build."),
    ]
    lines = "\n\n".join(
        f"{n}\n{a}{sign}000 --> {b}{sign}500\n{text}" for n, (a, b, text) in enumerate(cues, 1)
    )
    document = read(folder, name, ("WEBVTT\n\n" if name == "a.vtt" else "") + lines + "\n")
    assert blocks(document) == ["Owls hunt at night.", "Wrens build."]
    assert places(document) == ["0:00:01-0:00:05", "1:02:05-1:02:09"]


def test_voices_are_named_and_text_without_times_is_refused(folder: Path) -> None:
    document = read(folder, "a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Dr. Owl>Good morning.\n")
    assert blocks(document) == ["Dr. Owl: Good morning."]
    with pytest.raises(UnreadableNote, match="no subtitles"):
        read(folder, "b.srt", "only words")


@pytest.fixture
def whisper(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A package like faster-whisper, whose models are too large for a test; the names of the models that are opened."""
    opened: list[str] = []

    class WhisperModel:
        def __init__(self, name: str, *, device: str, compute_type: str, local_files_only: bool) -> None:
            assert local_files_only
            if name == "missing":
                raise OSError("no such model")
            opened.append(name)

        def transcribe(self, audio: io.BytesIO) -> tuple[Iterator[SimpleNamespace], None]:
            words = audio.read().decode().split(";")
            return (
                SimpleNamespace(start=5.0 * n, end=5.0 * n + 4, text=f" {w}") for n, w in enumerate(words)
            ), None

    monkeypatch.setitem(sys.modules, "faster_whisper", SimpleNamespace(WhisperModel=WhisperModel))
    return opened


def test_a_recording_has_the_times_of_its_words(folder: Path, whisper: list[str]) -> None:
    document = read(folder, "talk.mp3", "Owls hunt;at night.")
    assert blocks(document) == ["Owls hunt at night."]
    assert places(document) == ["0:00:00-0:00:09"]
    assert whisper == ["base"]


def test_a_recording_is_read_as_far_as_there_is_time(folder: Path, whisper: list[str]) -> None:
    (folder / "talk.mp3").write_text("Owls hunt;at night.;They sleep.")
    document = read_document(folder / "talk.mp3", "talk.mp3", IngestSettings(max_seconds=1e-9))
    assert document.text == "Owls hunt"
    assert str(document.warnings[0]).startswith("second 4: it was transcribed up to here only")
    with pytest.raises(UnreadableNote, match=r"need the speech model 'missing'.*download_model"):
        read_document(folder / "talk.mp3", "talk.mp3", IngestSettings(speech_model="missing"))


def test_an_e_mail_with_what_is_attached(folder: Path) -> None:
    message = EmailMessage()
    message["Subject"] = "Exam on Friday – bring a ruler"
    message["From"] = "Tutor <tutor@example.org>"
    message["Date"] = "Fri, 01 May 2026 10:00:00 +0000"
    message.set_content("The exam is in hall 4.\n\nBe early.\n")
    message.add_attachment(b"topic,points\nwaves,12\n", maintype="text", subtype="csv", filename="points.csv")
    message.add_attachment("Late note.", filename="late.txt")
    message.add_attachment(b"\0\1", maintype="audio", subtype="mpeg", filename="talk.mp3")
    document = read(folder, "a.eml", message.as_bytes())
    assert document.title == "Exam on Friday – bring a ruler"
    assert blocks(document) == [
        "Exam on Friday – bring a ruler",
        "From: Tutor <tutor@example.org>\nDate: Fri, 01 May 2026 10:00:00 +0000",
        "The exam is in hall 4.",
        "Be early.",
        "topic | points\nwaves | 12",
        "Late note.",
    ]
    assert places(document)[4] == '"points.csv" › row 2'
    assert [str(warning) for warning in document.warnings] == ["an attached file that is not read (talk.mp3)"]


def test_an_e_mail_of_html_alone(folder: Path) -> None:
    message = EmailMessage()
    message["Subject"] = "Hall"
    message.set_content("<p>The exam is in <b>hall 4</b>.</p>", subtype="html")
    assert "The exam is in hall 4." in blocks(read(folder, "a.eml", message.as_bytes()))
    with pytest.raises(UnreadableNote, match="no e-mail"):
        read(folder, "b.eml", "only words")
