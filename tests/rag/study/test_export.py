"""Exports, each read back by other means than those that wrote it."""

from __future__ import annotations

import io
import json
import re
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from rag.errors import DatasetError
from rag.study.export import Form, exported
from rag.study.export.anki import FIELDS
from rag.study.export.gift import escaped
from rag.study.export.markup import html_for_moodle, text_for_terminal
from rag.study.export.spreadsheet import csv_text, read_csv
from rag.study.items import Item, ItemKind, Topic


@pytest.fixture
def items(make_item: Callable[..., Item]) -> list[Item]:
    """A choice, a number, a term and a piece of code."""
    return [
        make_item(question="Is {x} ~ y = 3: $\\frac{a}{b}$ < #1?"),
        make_item(id="1" * 16, kind=ItemKind.CLOZE, topic=Topic.NUMBER, choices=(), answer="35", answers=("35",), unit="°C"),
        make_item(id="2" * 16, kind=ItemKind.CLOZE, choices=(), answers=("Drone", "male bee")),
        make_item(id="3" * 16, kind=ItemKind.CODE, topic=Topic.CODE, choices=(), answer="a\nb", answers=("a\nb",),
            question="What does this code print?\n\n```python\nprint('a')\n\nprint('b')\n```"),
    ]  # fmt: skip


def read_apkg(content: bytes, tmp_path: Path) -> dict[str, list[str]]:
    """Return GUID to fields of the notes of a package; each must have one card."""
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        file = Path(package.extract("collection.anki2", tmp_path))
    with closing(sqlite3.connect(file)) as collection:
        assert (
            collection.execute("SELECT COUNT(*) FROM notes").fetchone()
            == collection.execute("SELECT COUNT(*) FROM cards").fetchone()
        )
        models = json.loads(collection.execute("SELECT models FROM col").fetchone()[0])
        (model,) = models.values()
        assert tuple(field["name"] for field in model["flds"]) == FIELDS
        return {
            guid: fields.split("\x1f") for guid, fields in collection.execute("SELECT guid, flds FROM notes")
        }


def test_an_anki_package_has_a_note_for_each_item_with_its_source(items: list[Item], tmp_path: Path) -> None:
    notes = read_apkg(exported(Form.ANKI, items, "Bees"), tmp_path)
    assert len(notes) == 4
    fields = next(fields for fields in notes.values() if fields[5] == "1" * 16)
    assert fields[2] == "35 °C" and "bees.md" in fields[4]
    formula = next(fields for fields in notes.values() if fields[5] == items[0].id)
    assert "\\(\\frac{a}{b}\\) &lt; #1" in formula[0] and formula[1].count("<br>") == 2


def test_a_second_package_differs_in_nothing_but_what_changed(items: list[Item], tmp_path: Path) -> None:
    first = read_apkg(exported(Form.ANKI, items, "Bees"), tmp_path)
    changed = [replace(items[0], explanation="Corrected."), *items[1:]]
    second = read_apkg(exported(Form.ANKI, changed, "Bees"), tmp_path)
    assert first.keys() == second.keys()
    (guid,) = [guid for guid in first if first[guid] != second[guid]]
    assert second[guid][3] == "Corrected."
    assert [a == b for a, b in zip(first[guid], second[guid], strict=True)] == [
        True,
        True,
        True,
        False,
        True,
        True,
    ]


def read_gift(text: str) -> list[tuple[str, list[str]]]:
    """Return question and answers of a GIFT file: blank lines part questions, a backslash escapes."""
    found = []
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = [line for line in block.splitlines() if not line.startswith(("//", "$CATEGORY"))]
        if not lines:
            continue
        whole = "\n".join(lines)
        head, body = re.split(r"(?<!\\)\{", whole, maxsplit=1)
        body, rest = re.split(r"(?<!\\)\}", body, maxsplit=1)
        assert not rest.strip()
        answers = re.split(r"(?<!\\)####", body)[0].strip().splitlines()
        question = re.match(r"::(?:[^:\\]|\\.)*::\[html\](.*)", head.strip(), re.DOTALL)
        assert question is not None
        plain = re.compile(r"\\([~=#{}:\\])")
        found.append(
            (plain.sub(r"\1", question[1]).strip(), [plain.sub(r"\1", answer) for answer in answers])
        )
    return found


def test_a_gift_file_parses_back(items: list[Item]) -> None:
    found = read_gift(exported(Form.GIFT, items, "Bees").decode())
    assert len(found) == 4
    assert found[0][0] == "Is {x} ~ y = 3: \\(\\frac{a}{b}\\) &lt; #1?"
    assert found[0][1] == ["~Queen", "=Drone", "~Worker"]
    assert found[1][1] == ["#35:0.35"]
    assert found[2][1] == ["=Drone", "=male bee"]
    assert found[3][1] == []


def test_gift_escapes_its_signs() -> None:
    assert escaped("a=b~c#d{e}f:g\\h\ni") == "a\\=b\\~c\\#d\\{e\\}f\\:g\\\\h\\ni"


def test_moodle_xml_parses_back(items: list[Item]) -> None:
    quiz = ElementTree.fromstring(exported(Form.MOODLE, items, "Bees"))
    questions = quiz.findall("question")
    assert [one.get("type") for one in questions] == [
        "category",
        "multichoice",
        "numerical",
        "shortanswer",
        "essay",
    ]
    choice, number = questions[1], questions[2]
    assert {a.findtext("text"): a.get("fraction") for a in choice.findall("answer")} == {
        "Queen": "0",
        "Drone": "100",
        "Worker": "0",
    }
    assert number.findtext("answer/text") == "35" and number.findtext("answer/tolerance") == "0.35"
    assert all(
        one.findtext("idnumber") and "bees.md" in (one.findtext("generalfeedback/text") or "")
        for one in questions[1:]
    )


def test_csv_comes_back_as_it_was_edited(items: list[Item]) -> None:
    rows = read_csv(csv_text(items))
    assert [row.applied(item) for row, item in zip(rows, items, strict=True)] == items
    edited = csv_text(items).replace("35,", "36,").replace("A drone is a male bee.", "A drone has no sting.")
    changed = [row.applied(item) for row, item in zip(read_csv(edited), items, strict=True)]
    assert changed[1].answer == "36" and changed[0].explanation == "A drone has no sting."
    assert changed[2].answers == ("Drone", "male bee") and not any(row.approved for row in rows)


def test_a_csv_keeps_the_approvals(items: list[Item]) -> None:
    rows = read_csv(exported(Form.CSV, items, "", frozenset({"1" * 16})).decode("utf-8-sig"))
    assert [row.approved for row in rows] == [False, True, False, False]


def test_a_csv_with_semicolons_is_read(items: list[Item]) -> None:
    rows = read_csv("id;question;answer;approved\n0123456789abcdef;New?;Yes, it is;yes\n")
    assert (rows[0].question, rows[0].answer, rows[0].approved) == ("New?", "Yes, it is", True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,question\n1,2\n", "no column 'answer'"),
        ("id,question,answer\n1,,3\n", "Line 2 has no id, question or answer"),
        (
            "id,question,answer,choice_1,choice_2\n1,q,c,a,b\n",
            "Line 2: the answer 'c' is none of its choices",
        ),
        ("id,question,answer,approved\n1,q,c,perhaps\n", "approved is 'perhaps'"),
    ],
)
def test_a_bad_csv_is_one_sentence(text: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        read_csv(text)


def test_markdown_and_print_have_the_key_after_the_questions(items: list[Item]) -> None:
    markdown = exported(Form.MARKDOWN, items, "Bees").decode()
    questions, key = markdown.split("## Key")
    assert (
        "b) Drone" in questions
        and "b) Drone" in key
        and "Source: bees.md" in key
        and "Source" not in questions
    )
    page = exported(Form.HTML, items, "Bees & <co>").decode()
    assert "<script" not in page and "Bees &amp; &lt;co&gt;" in page and "break-before: page" in page
    assert page.index("☐") < page.index('class="key"') and "http" not in page


def test_formulas_and_code_in_other_markups() -> None:
    assert html_for_moodle("a < `b<c` $x^2$") == "a &lt; <code>b&lt;c</code> \\(x^2\\)"
    assert text_for_terminal("`b` is $\\frac{V}{2}$\n\n```python\nx = 1\n```") == "b is V/2\n\n    x = 1"


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"1 - e^{-T_s/\tau}", "1 - e^(-T_s/τ)"),
        (r"\frac{0.6745\,(x_i - \tilde{x})}{\mathrm{MAD}}", "(0.6745 (x_i - x\u0303))/MAD"),
        (r"\bigl( x[n] - y \bigr)", "( x[n] - y )"),
        (r"\bar{x}", "x\u0304"),
    ],
)
def test_formulas_are_readable_without_a_renderer(latex: str, text: str) -> None:
    assert text_for_terminal(f"${latex}$") == text
