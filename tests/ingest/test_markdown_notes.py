"""Notes of Obsidian, Quarto and others: their marks become the text that these programs show."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.parsers.front_matter import facts_text, read_front_matter
from ingest.parsers.markdown import markdown_blocks
from ingest.parsers.markdown_file import read_markdown
from ingest.parsers.markdown_marks import render_marks
from ingest.parsers.missed import Missed
from rag.errors import UnreadableNote
from rag.types import BlockKind, Document
from tests.ingest.reading import read_bytes, texts, warned


def shown(text: str) -> str:
    """Return the rendered text without the spaces that keep its length."""
    return "\n".join(line.rstrip() for line in render_marks(text, Missed("line")).lines).rstrip()


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("See [[Cell wall]] and [[Osmosis#Rate|its rate]].", "See Cell wall and its rate."),
        ("See [[Osmosis#Rate]] and [[#^a1]] x.", "See Osmosis > Rate and  x."),
        ("An array [[1, 2]] and `[[code]]` stay, $[[x]]$ too.", "An array [[1, 2]] and `[[code]]` stay, $[[x]]$ too."),
        ("It is ==exactly 4== here; a == b == c.", "It is exactly 4 here; a == b == c."),
        ("The law. ^law-1", "The law."),
        ("x^2 and y ^z stay, a.^b too", "x^2 and y ^z stay, a.^b too"),
        ("room:: B12", "room: B12"),
        ("Given [due:: 3 May] to all.", "Given [due: 3 May] to all."),
        ("std::vector and f :: Int stay", "std::vector and f :: Int stay"),
        ("Open %% not this %% to all, 5 %% off", "Open  to all, 5 %% off"),
        ("A <!-- secret --> B", "A  B"),
        ("A <!-- two\nlines --> B", "A\n B"),
        ("%%\nanswer key: 4-B\n%%\nEnd", "\n\n\nEnd"),
        ("> quoted\n> > twice", "quoted\ntwice"),
        ("> [!warning] Exam\n> Bring a pen.", "Exam:\nBring a pen."),
        ("> [!tip]+\n> Bring a pen.", "Tip:\nBring a pen."),
        ("> [!question]- Why?\n> So.", "Why?\nSo."),
        ("> ```py\n> a > b\n> ```\n> end", "```py\na > b\n```\nend"),
        ("```\n> kept\n%%time\n[[x]] ==y==\n```", "```\n> kept\n%%time\n[[x]] ==y==\n```"),
        (">>> print(1)", ">>> print(1)"),
        ("::: {.callout-note title=\"Exam\"}\nBring it.\n:::", "Exam:\nBring it.\n"),
        (":::tip Read this\nText\n:::", "Read this:\nText\n"),
        ('!!! note "Exam"\n    Bring it.\n\nNext', "Exam:\nBring it.\n\nNext"),
        ("```compressed-json\nN4KAkARALg\n```\nEnd", "\n\n\nEnd"),
    ],
)  # fmt: skip
def test_marks_become_what_their_program_shows(source: str, text: str) -> None:
    assert shown(source) == text.rstrip()


def test_the_places_after_marks_are_those_of_the_file(tmp_path: Path) -> None:
    source = '---\nlecturer: "Dr. Oyelaran"\n---\n# A\n\n> [[Long name of a note|Km]] is ==half==. ^x\n\nLast line.\n'
    document = read_bytes(tmp_path, "a.md", source)
    last = document.blocks[-1]
    assert document.text[last.start : last.end] == "Last line."
    assert (last.start, last.locator.first) == (source.index("Last"), 8)
    assert document.text.count("\n") == source.count("\n")


def test_front_matter_is_facts_and_no_prose(tmp_path: Path) -> None:
    source = (
        "---\ntitle: \"Soil: an overview\"\nlecturer: \"Dr. Oyelaran\"\ntags: [soil, week2]\naliases:\n  - dirt\n"
        "exam: true\nauthor:\n  name: A. Roy\nheader-includes: |\n  \\usepackage{x}\n  \\newcommand{y}\n---\n\n# Soil\n"
    )  # fmt: skip
    document = read_bytes(tmp_path, "s.md", source)
    assert (document.title, document.tags) == ("Soil: an overview", ("soil", "week2"))
    assert texts(document, BlockKind.METADATA) == [
        "lecturer: Dr. Oyelaran\ntags: soil, week2\naliases: dirt\nexam: yes\nauthor name: A. Roy"
    ]
    assert document.blocks[0].locator.first == 2


@pytest.mark.parametrize("front", ["a: [1", "- 1\n- 2", "a: b: c\nroom: 4", "x: !!python/object:os.system"])
def test_front_matter_that_is_no_yaml_does_no_harm(front: str, tmp_path: Path) -> None:
    document = read_bytes(tmp_path, "s.md", f"---\n{front}\n---\n\nText.\n")
    assert texts(document)[-1] == "Text."


def vault(folder: Path) -> None:
    (folder / ".obsidian").mkdir()
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "Law.md").write_text("---\nx: 1\n---\nForce is mass times [[acceleration]].\n\nIt is exact.\n")
    (folder / "deep" / "Parts.md").write_text("# One\n\nfirst\n\n## Two\n\nsecond\n\n# Three\n\nthird ^t1\n")
    (folder / "deep" / "er" / "Loop.md").write_text("a\n\n![[Loop]]\n\n![[Law]]\n")


def embedding(folder: Path, text: str) -> Document:
    vault(folder)
    return read_bytes(folder, "note.md", text)


def test_embedded_notes_are_part_of_the_note_at_the_line_of_the_embed(tmp_path: Path) -> None:
    document = embedding(tmp_path, "Before.\n\n![[Law]]\n\nAfter ![[Parts#^t1]] it.\n")
    found = [(document.text[b.start : b.end].rstrip(), b.locator.first) for b in document.blocks]
    assert found == [
        ("Before.", 1), ("Force is mass times acceleration.", 3), ("It is exact.", 3), ("After third it.", 5),
    ]  # fmt: skip
    assert warned(document) == []


def test_a_section_and_a_loop_of_embeds(tmp_path: Path) -> None:
    document = embedding(tmp_path, "![[Parts#One]]\n\n![[Loop]]\n")
    assert texts(document) == [
        "# One", "first", "## Two", "second", "a", "Loop", "Force is mass times acceleration.", "It is exact.",
    ]  # fmt: skip


def test_what_an_embed_does_not_find_is_named_with_its_line(tmp_path: Path) -> None:
    document = embedding(
        tmp_path,
        "![[Gone]]\n\n![[../Law]] ![[Law#Nothing]]\n\n![[plot.png]] ![[a.png|The curve rises]]\n\n![[talk.mp3]] ![[s.pdf]]\n",
    )
    assert warned(document) == [
        "lines 1, 3: 3 embedded notes that are not there (Gone, ../Law, Law#Nothing)",
        "line 5: a picture without a description (plot.png)",
        "line 7: a recording (audio or video) (talk.mp3)",
    ]
    assert "The curve rises" in document.text


def test_pictures_of_markdown_are_described_or_named_with_their_line(tmp_path: Path) -> None:
    document = read_bytes(
        tmp_path,
        "p.md",
        "![The root in section](r.png) ![](a.png)\n\n![img][1] `![](code.png)`\n\n"
        "<p><img src=x.png alt='A leaf from below'></p>\n\n[![badge](b.svg)](x)\n",
    )
    assert warned(document) == ["lines 1, 3: 2 pictures without a description"]
    assert "A leaf from below" in texts(document)


def test_a_drawing_has_its_texts_and_is_named(tmp_path: Path) -> None:
    source = (
        "---\nexcalidraw-plugin: parsed\n---\n# Text Elements\nThe valve opens ^ab12\n\n%%\n# Drawing\n"
        "```compressed-json\nN4KAkARALgngDg\n```\n%%\n"
    )
    document = read_bytes(tmp_path, "Valve.excalidraw.md", source)
    assert texts(document) == ["The valve opens"]
    assert document.title == "Valve.excalidraw"
    assert warned(document) == ["a drawing of which only the text is read"]


def test_a_canvas_is_its_cards_from_top_to_bottom(tmp_path: Path) -> None:
    nodes = [
        {"id": "b", "type": "text", "text": "## Heat\n\n[[Entropy]] grows.", "x": 0, "y": 200},
        {"id": "a", "type": "text", "text": "Work is ==ordered== energy.", "x": 0, "y": 0},
        {"id": "c", "type": "file", "file": "Carnot.md", "x": 9, "y": 300},
        "broken",
    ]
    edges = [{"fromNode": "a", "toNode": "b", "label": "becomes"}, {"fromNode": "a", "toNode": "?"}, 3]
    document = read_bytes(tmp_path, "m.canvas", json.dumps({"nodes": nodes, "edges": edges}))
    assert [text.strip() for text in texts(document)] == [
        "Work is ordered energy.", "Heat", "Entropy grows.", "Carnot.md",
        "Work is ordered energy. → becomes → ## Heat Entropy grows.",
    ]  # fmt: skip
    assert warned(document) == []
    with pytest.raises(UnreadableNote, match="not a canvas"):
        read_bytes(tmp_path, "n.canvas", "[1]")
    drawing = {"elements": [{"type": "text", "text": "Piston", "x": 1, "y": 1}, {"type": "line"}]}
    assert texts(read_bytes(tmp_path, "d.excalidraw", json.dumps(drawing))) == ["Piston"]


def test_carriage_returns_end_no_line(notebook: Callable[..., str], tmp_path: Path) -> None:
    source = "# A\r\n\r\n> [[b]]\r\n\r\nc\rd\r\n"
    assert [source[b.start : b.end].strip() for b in markdown_blocks(source)] == ["# A", "> [[b]]", "c\rd"]
    document = read_bytes(tmp_path, "n.ipynb", notebook(("markdown", source, [])))
    assert [text.strip() for text in texts(document)] == ["# A", "b", "c\rd"]


pieces = st.sampled_from(
    ["[[a]]", "![[b]]", "==c==", "> ", "> [!x] y", "%%", "%% z %%", "```", "~~~", "`", "\r", "\r\n", "$", "$$", "<!--", "-->", "^a", "::: {",
     ":::", "!!! note", "    ", "a:: b", "\n", "\n\n", "word", " ", "---\n", "k: v\n", "- ", "# ", "|", "\\"]
)  # fmt: skip


@given(st.lists(pieces, max_size=40).map("".join))
def test_any_mixture_of_marks_keeps_lines_and_spans(text: str) -> None:
    note = read_markdown(text)
    assert note.text.count("\n") == text.count("\n")
    end = 0
    for block in note.blocks:
        assert end <= block.start < block.end <= len(note.text)
        assert 1 <= block.locator.first <= block.locator.last <= text.count("\n") + 1
        end = block.end


@given(st.text(max_size=80))
def test_facts_take_the_place_of_their_front_matter(body: str) -> None:
    text = f"---\n{body}\n---\nEnd"
    front = read_front_matter(text)
    facts = facts_text(front, text[: front.length])
    assert facts.count("\n") == text[: front.length].count("\n")
