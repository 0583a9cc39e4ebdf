import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.chunker import chunk_document, chunker_fingerprint
from ingest.parsers.markdown import markdown_blocks
from rag.settings import ChunkSettings
from rag.types import Block, BlockKind, Document, DocumentKind, Locator, Unit

SIZES = ChunkSettings(target_tokens=32, max_tokens=64)


def words(texts: Any) -> list[int]:
    return [len(text.split()) for text in texts]


def letters(texts: Any) -> list[int]:
    return [len(text) for text in texts]


def markdown(text: str, title: str = "") -> Document:
    return Document("n.md", title, DocumentKind.MARKDOWN, "", text, tuple(markdown_blocks(text)))


def prose(sentences: int, length: int = 8) -> str:
    return " ".join(f"Sentence {n} " + "word " * (length - 3) + "end." for n in range(sentences))


def test_one_paragraph_is_one_chunk() -> None:
    text = prose(7)
    (chunk,) = chunk_document(markdown(text), SIZES, words)
    assert (chunk.text, chunk.start, chunk.end, chunk.ordinal) == (text, 0, len(text), 0)
    assert chunk.headings == ()


@pytest.mark.parametrize("text", ["", "   \n\n  ", "<!-- only a comment -->"])
def test_nothing_makes_no_chunk(text: str) -> None:
    assert chunk_document(markdown(text), SIZES, words) == []


def test_sections_are_cut_apart_and_know_their_headings() -> None:
    text = f"# Week\n\n{prose(3)}\n\n## Loss\n\n{prose(4)}\n\n## Step\n\n{prose(4)}\n"
    chunks = chunk_document(markdown(text), SIZES, words)
    assert [chunk.headings for chunk in chunks] == [("Week",), ("Week", "Loss"), ("Week", "Step")]
    assert [chunk.text.splitlines()[0] for chunk in chunks] == ["# Week", "## Loss", "## Step"]
    assert [str(chunk.locator) for chunk in chunks] == [
        '"Week" › lines 1-3',
        '"Loss" › lines 5-7',
        '"Step" › lines 9-11',
    ]


def test_a_heading_is_never_left_alone_at_an_end() -> None:
    text = "\n\n".join(f"## Part {n}\n\n{prose(5)}" for n in range(6))
    for chunk in chunk_document(markdown(text), SIZES, words):
        assert not chunk.text.splitlines()[-1].startswith("#")


def test_small_sections_share_a_chunk_under_the_heading_they_share() -> None:
    text = "# Terms\n\n## A\n\nShort one.\n\n## B\n\nShort two.\n"
    (chunk,) = chunk_document(markdown(text), SIZES, words)
    assert chunk.headings == ("Terms",)


def test_long_paragraphs_are_cut_between_sentences_and_located_by_line() -> None:
    text = "\n".join(prose(6).split(". "))  # a hard-wrapped paragraph of 48 words without full stops
    long = f"{prose(10)}\n{prose(10)}\n{prose(10)}"
    chunks = chunk_document(markdown(long), SIZES, words)
    assert len(chunks) > 3
    assert all(chunk.text.endswith("end.") and chunk.text.startswith("Sentence") for chunk in chunks)
    assert chunks[0].locator.first == 1
    assert chunks[-1].locator.last == 3
    assert len(chunk_document(markdown(text), SIZES, words)) == 1


def test_code_is_cut_between_lines_with_its_indent() -> None:
    lines = [f"    value_{n} = compute(a, b, c, d, e)" for n in range(30)]
    text = "```python\ndef run():\n" + "\n".join(lines) + "\n```\n"
    chunks = chunk_document(markdown(text), SIZES, words)
    assert len(chunks) > 1
    assert all(chunk.text.startswith("    value_") for chunk in chunks[1:])


def test_a_word_without_spaces_is_cut_where_it_must_be() -> None:
    text = "数" * 300
    chunks = chunk_document(markdown(text), SIZES, letters)
    assert "".join(chunk.text for chunk in chunks) == text
    assert max(len(chunk.text) for chunk in chunks) <= SIZES.max_tokens


def test_overlap_repeats_whole_sentences_inside_a_section() -> None:
    text = prose(30)
    chunks = chunk_document(
        markdown(text), ChunkSettings(target_tokens=32, max_tokens=64, overlap_tokens=10), words
    )
    assert all(later.start < earlier.end for earlier, later in itertools.pairwise(chunks))
    assert all(len(chunk.text.split()) <= 64 for chunk in chunks)
    assert all(chunk.text.startswith("Sentence") for chunk in chunks)


def test_a_chunk_over_two_pages_says_so() -> None:
    text = "Page one ends here.\n\nPage two goes on."
    blocks = (
        Block(BlockKind.PARAGRAPH, 0, 19, Locator(Unit.PAGE, 1, 1), part=1),
        Block(BlockKind.PARAGRAPH, 21, 38, Locator(Unit.PAGE, 2, 2), part=2),
    )
    (chunk,) = chunk_document(Document("a.pdf", "", DocumentKind.PDF, "", text, blocks), SIZES, words)
    assert str(chunk.locator) == "pp. 1-2"


def cells(*sizes: tuple[BlockKind, int]) -> Document:
    """A notebook of cells of so many words each."""
    text, blocks = "", []
    for number, (kind, size) in enumerate(sizes, 1):
        start = len(text) + 2 * (number > 1)
        text += "\n\n" * (number > 1) + " ".join(f"w{number}_{word}" for word in range(size))
        blocks.append(Block(kind, start, len(text), Locator(Unit.CELL, number, number), part=number))
    return Document("n.ipynb", "", DocumentKind.NOTEBOOK, "", text, tuple(blocks))


SAID, CODE, SHOWN = BlockKind.PARAGRAPH, BlockKind.CODE, BlockKind.OUTPUT


@pytest.mark.parametrize(
    ("made", "places"),
    [
        (((SAID, 92), (CODE, 60), (SAID, 20), (CODE, 30)), ["cells 1-2", "cells 3-4"]),
        (((SAID, 120), (CODE, 80), (SAID, 90), (CODE, 60)), ["cells 1-2", "cells 3-4"]),
        (((CODE, 40), (SAID, 20), (CODE, 150)), ["cell 1", "cells 2-3"]),
        (((SAID, 150), (CODE, 150), (CODE, 40)), ["cell 1", "cell 2", "cell 3"]),
    ],
    ids=["found by review", "just fits", "long code", "does not fit"],
)
def test_code_stays_with_the_cell_that_introduces_it(
    made: tuple[tuple[BlockKind, int], ...], places: list[str]
) -> None:
    chunks = chunk_document(cells(*made), ChunkSettings(target_tokens=100, max_tokens=200), words)
    assert [str(chunk.locator) for chunk in chunks] == places


@given(
    st.lists(st.tuples(st.sampled_from([SAID, CODE, SHOWN]), st.integers(5, 200)), min_size=2, max_size=12)
)
def test_code_is_cut_off_its_introduction_only_where_both_do_not_fit(
    made: list[tuple[BlockKind, int]],
) -> None:
    chunks = chunk_document(cells(*made), ChunkSettings(target_tokens=100, max_tokens=200), words)
    for cell, ((before, one), (after, two)) in enumerate(itertools.pairwise(made), 1):
        if before is SAID and after is CODE and one + two <= 200:
            assert any(chunk.locator.first <= cell < chunk.locator.last for chunk in chunks)


def test_other_formats_are_cut_as_before() -> None:
    """The same blocks on pages: the length decides alone (worked out by hand: 0.22 apart, 0.47 together)."""
    made = cells((SAID, 92), (CODE, 60))
    pages = tuple(replace(b, locator=replace(b.locator, unit=Unit.PAGE)) for b in made.blocks)
    chunks = chunk_document(
        replace(made, blocks=pages), ChunkSettings(target_tokens=100, max_tokens=200), words
    )
    assert [str(chunk.locator) for chunk in chunks] == ["p. 1", "p. 2"]


def test_ids_follow_place_and_text() -> None:
    one, two = (chunk_document(markdown(prose(20) + tail), SIZES, words) for tail in ("", "\n\nMore."))
    assert one[0].id == two[0].id
    assert len({chunk.id for chunk in one}) == len(one)


def test_the_fingerprint_names_every_parameter() -> None:
    assert chunker_fingerprint(SIZES) != chunker_fingerprint(ChunkSettings(target_tokens=33, max_tokens=64))
    assert chunker_fingerprint(SIZES) == chunker_fingerprint(ChunkSettings(target_tokens=32, max_tokens=64))


blocks_of_text = st.lists(
    st.sampled_from(
        [
            "# H\n",
            "## Sub\n",
            "Text here. And more of it.\n",
            "- item one\n- item two\n",
            "```\ncode x\n```\n",
            "| a | b |\n|---|---|\n| 1 | 2 |\n",
            "word " * 90 + "\n",
            "数" * 80 + "\n",
            "\n",
            "<b>html</b>\n",
            "\t\n",
        ]
    ),
    max_size=25,
)


@settings(max_examples=120, deadline=None)
@given(blocks_of_text, st.integers(32, 60), st.integers(0, 20))
def test_chunks_are_exact_spans_in_order_that_cover_every_block(
    parts: list[str], target: int, overlap: int
) -> None:
    text = "\n".join(parts)
    document = markdown(text)
    sizes = ChunkSettings(target_tokens=target, max_tokens=64, overlap_tokens=overlap)
    chunks = chunk_document(document, sizes, letters_or_words)
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    assert all(text[chunk.start : chunk.end] == chunk.text for chunk in chunks)
    assert all(chunk.text.strip() for chunk in chunks)
    assert all(a.start < b.start and a.end < b.end for a, b in itertools.pairwise(chunks))
    covered = {place for chunk in chunks for place in range(chunk.start, chunk.end)}
    for block in document.blocks:
        assert all(place in covered for place in range(block.start, block.end) if not text[place].isspace())
    if not overlap:
        assert all(a.end <= b.start for a, b in itertools.pairwise(chunks))


def letters_or_words(texts: Any) -> list[int]:
    """Words, and one token for each character of a script without spaces."""
    return [sum(len(word) if word[0] > "\u3000" else 1 for word in text.split()) for text in texts]


@pytest.mark.parametrize("text", ["夜" * 1_000_000, "word " * 200_000, "x" * 1_000_000, "\u200b\n" * 100_000])
@pytest.mark.timeout(60)
def test_the_work_grows_with_the_length_of_the_text(text: str) -> None:
    """Each character is counted a few times; counting the rest of a line after each cut made it 2,500 times."""
    counted = 0

    def counting(texts: Any) -> list[int]:
        nonlocal counted
        counted += sum(map(len, texts))
        return [
            0 if text.isspace() else len(text) if text[0] == "夜" else len(text.split()) for text in texts
        ]

    block = Block(BlockKind.PARAGRAPH, 0, len(text), Locator(Unit.LINE, 1, 1))
    document = Document("n.txt", "", DocumentKind.TEXT, "", text, (block,))
    chunks = chunk_document(document, ChunkSettings(), counting)
    assert counted < 6 * len(text)
    assert max(len(chunk.text) for chunk in chunks) <= 200 * 50
    assert sum(len("".join(chunk.text.split())) for chunk in chunks) == len("".join(text.split()))


def test_a_tokenizer_gets_bounded_texts() -> None:
    """It takes a hundred bytes for each character of a call, so a whole document at once took gigabytes."""
    calls: list[list[int]] = []

    def counting(texts: Any) -> list[int]:
        calls.append([len(text) for text in texts])
        return letters(texts)

    chunk_document(markdown("- item\n\n" * 50_000 + "x" * 500_000), ChunkSettings(), counting)
    assert max(max(call) for call in calls) <= 10_000
    assert max(sum(call) for call in calls) <= 210_000


def test_lines_of_passages_in_a_long_block_of_code() -> None:
    text = "".join(f"x{n} = {n}\n" for n in range(500))
    block = Block(BlockKind.CODE, 0, len(text), Locator(Unit.LINE, 3, 502))
    chunks = chunk_document(Document("n.py", "", DocumentKind.TEXT, "", text, (block,)), SIZES, words)
    for chunk in chunks:
        first = 3 + text.count("\n", 0, chunk.start)
        assert (chunk.locator.first, chunk.text.split()[0]) == (first, f"x{first - 3}")


def test_a_passage_that_begins_inside_a_table_keeps_the_names_of_its_columns() -> None:
    rows = "\n".join(f"| Ore {n} | {n * 3} |" for n in range(40))
    chunks = chunk_document(markdown(f"# Mine\n\n| Name | Weight |\n|---|---|\n{rows}\n\nEnd."), SIZES, words)
    assert len(chunks) > 2
    assert chunks[0].headings == ("Mine",)
    assert chunks[1].text.startswith("| Ore ")
    assert chunks[1].headings == ("Mine", "Name | Weight")
    assert chunks[1].locator.heading == "Mine"


@pytest.mark.parametrize(
    ("table", "head"),
    [
        ("Prices\n\nCrop | Price\n" + "\n".join(f"Crop {n} | {n}" for n in range(40)), ("Crop | Price",)),
        ("\n".join(f"3{n} | {n}" for n in range(40)), ()),
    ],
)
def test_heads_of_tables_without_a_rule(table: str, head: tuple[str, ...]) -> None:
    start = table.index(" | ") - 4 if head else 0
    at = Locator(Unit.PARAGRAPH, 1, 1)
    blocks = (Block(BlockKind.TABLE, max(0, start), len(table), at),)
    document = Document("t.docx", "", DocumentKind.WORD, "", table, blocks)
    assert chunk_document(document, SIZES, words)[1].headings == head
