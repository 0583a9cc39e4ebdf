"""Kinds of answers that the notes decide, over small hand-written notes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rag.answer.asked import Asked
from rag.answer.choose_structure import ranked_structures
from rag.answer.equal_rows import beside_rows_draft, equal_rows_draft
from rag.answer.found import Draft, Found
from rag.answer.kinds import kind_draft, routed_draft
from rag.answer.likely_kinds import Trial, trials
from rag.answer.notes import Notes
from rag.answer.outline_parts import folder_lines
from rag.answer.route import Route, Routed
from rag.answer.scope_in_words import named_by_number
from rag.answer.structures import printed_series, structures_of
from rag.types import AnswerKind, Decision, Document, Tier

PLAN = """# Geology field course

## Sessions

| Session Number | Topic | Guide |
|---|---|---|
| 01 | Basalt columns | Ines |
| 02 | Limestone caves | Omar |
| 03 | River terraces | Ines |
| Extra | Museum | Omar |

## Rain

| Rain_mm | Year | Month |
|---|---|---|
| 41.5 | 2021 | 4 |
| 63.0 | 2021 | 5 |
| 12.2 | 2022 | 5 |

## Reports

| Report | Due |
|---|---|
| Sketch 1 | 3 May |
| Sketch 2 | 17 May |
| Map | 1 July |
"""
CAVES = """# Limestone caves

## How water cuts

Rain takes up carbon dioxide and dissolves the rock.

## How stone grows

Drops that dry leave lime behind.
"""
CODE = """# Sample sheet

Clean the names of the rocks before you count them.

```python
def shorten_label(label):
    return label.split()[0].lower()
```

Apply it to every sample of the sheet.

```python
samples["label"] = samples["label"].apply(shorten_label)
```
"""


@pytest.fixture
def notes(make_notes: Callable[[dict[str, str]], Notes]) -> Notes:
    return make_notes({"README.md": PLAN, "samples.md": CODE})


@pytest.fixture
def ask(notes: Notes) -> Callable[..., Draft | None]:
    def answer(question: str, routed: Routed, tier: Tier = Tier.ANSWER) -> Draft | None:
        hits = tuple(notes.search(question, 12))
        scores = notes.scorer.score(question, [hit.chunk for hit in hits])
        found = Found(question, question, (), hits, scores, Decision(tier, 1.0, 1.0, ""))
        return routed_draft(found, routed, None, (), notes, None, lambda _: None, False)

    return answer


COUNT, FACT = Routed(Route.COUNT, 0.9), Routed(Route.FACT, 1.0)


@pytest.mark.parametrize(
    ("question", "number"),
    [("How many sessions are there?", 3), ("How many sessions does Ines guide?", 2)],
)
def test_numbered_rows_are_counted(ask: Callable[..., Draft], question: str, number: int) -> None:
    draft = ask(question, COUNT)
    assert draft.kind is AnswerKind.COUNT
    assert draft.text.startswith(f"{number} - Sessions")
    assert len(draft.sentences) == number


def test_a_cell_is_found_by_its_row_and_column_where_no_sentence_answers(ask: Callable[..., Draft]) -> None:
    draft = ask("Rain in May 2021?", FACT, Tier.EXTRACT)
    assert draft.kind is AnswerKind.TABLE
    assert [one.text for one in draft.sentences] == ["Rain_mm: 63.0; Year: 2021; Month: 5"]


def test_a_row_without_a_column_in_the_question_is_no_cell(ask: Callable[..., Draft | None]) -> None:
    assert ask("Is 2021 over?", FACT, Tier.EXTRACT) is None


def test_all_rows_that_a_question_names_answer(ask: Callable[..., Draft]) -> None:
    draft = ask("When are the sketches due?", FACT)
    assert [one.text for one in draft.sentences] == [
        "Report: Sketch 1; Due: 3 May",
        "Report: Sketch 2; Due: 17 May",
    ]


def test_the_smallest_of_the_rows_that_are_named(ask: Callable[..., Draft]) -> None:
    draft = ask("In which month of 2021 was the rain lowest?", Routed(Route.TABLE, 0.9))
    assert "Rain_mm: 41.5; Year: 2021; Month: 4" in draft.text
    assert "12.2" not in draft.text


def test_a_cell_of_code_brings_the_function_that_it_uses(ask: Callable[..., Draft]) -> None:
    draft = ask("Show me the code that is applied to every sample of the sheet", Routed(Route.CODE, 0.9))
    assert "def shorten_label(label):" in draft.text


def test_lines_of_a_name_and_a_number_are_a_table() -> None:
    text = "basalt      12\nlimestone    7\nchert        3\nName: rock, dtype: int64\n"
    head, rows = printed_series(text, 0, len(text))
    assert head == ("", "")
    assert [row.cells for row in rows] == [("basalt", "12"), ("limestone", "7"), ("chert", "3")]
    assert printed_series(text[:30], 0, 30) == ((), ())


def test_names_and_numbers_that_a_program_printed_are_a_table_and_no_list(
    make_notes: Callable[[dict[str, str]], Notes],
) -> None:
    printed = (
        "# Counting rocks\n\n## Read the sheet\n\nRocks by kind:\n\n"
        "```output\nbasalt      12\nlimestone    7\nchert        3\n```\n\n## Count the rocks\n\nCount them twice.\n"
    )
    notes = make_notes({"counting.md": printed})
    question = "What are the steps of counting rocks?"
    hits = notes.search(question, 12)
    lists = ranked_structures(notes, question, hits)
    assert [[item.text for item in one.structure.items] for one in lists] == [
        ["Read the sheet", "Count the rocks"]
    ]
    tables = ranked_structures(notes, question, hits, tables_only=True)
    assert [[item.text for item in one.structure.items] for one in tables] == [
        ["basalt | 12", "limestone | 7", "chert | 3"]
    ]


def test_lines_that_a_program_printed_are_no_equal_rows(
    make_notes: Callable[[dict[str, str]], Notes],
) -> None:
    printed = "# Sheet\n\n```output\nempty rows    29\nrows    720\nrows marked    5\n```\n"
    notes = make_notes({"sheet.md": printed})
    question = "How many rows are empty after marking?"
    hits = tuple(notes.search(question, 12))
    scores = notes.scorer.score(question, [hit.chunk for hit in hits])
    asked = Asked(
        question, Route.FACT, notes, hits, scores, None, None, True, lambda _: None, Decision(Tier.ANSWER, 1.0, 1.0, "")
    )  # fmt: skip
    assert equal_rows_draft(asked) is None
    assert beside_rows_draft(asked) is None


def test_printed_columns_stay_a_table_of_columns(read_note: Callable[[str, str], Document]) -> None:
    text = "# Run\n\n```output\nrock    count    share\nbasalt    12    55\nchert    3    13\nflint    7    32\n```\n"
    (found,) = [one for one in structures_of(read_note("run.md", text)) if one.head]
    assert found.head == ("rock", "count", "share")
    assert not found.printed


def test_an_outline_is_tried_where_the_router_only_suspects_one() -> None:
    question = "How is the lecture on limestone caves organised?"
    assert trials(question, Routed(Route.FACT, 0.2))[-1] == Trial(Route.OUTLINE, False)
    assert trials(question, Routed(Route.FACT, 0.9)) == []


def test_a_suspected_outline_is_of_a_document_that_is_named(
    make_notes: Callable[[dict[str, str]], Notes],
) -> None:
    notes = make_notes({"README.md": PLAN, "samples.md": CODE, "caves.md": CAVES})

    def outlined(question: str) -> Draft | None:
        return kind_draft(
            Asked(
                question, Route.OUTLINE, notes, tuple(notes.search(question, 12)), (), None, None, False,
                lambda _: None, Decision(Tier.EXTRACT, 1.0, 1.0, ""),
            )
        )  # fmt: skip

    draft = outlined("How is the lecture on limestone caves organised?")
    assert draft is not None
    assert [one.text for one in draft.sentences] == ["How water cuts", "How stone grows"]
    assert outlined("How is everything organised?") is None


def test_the_router_is_asked_alone_where_it_is_sure() -> None:
    assert trials("Show me next_window", Routed(Route.CODE, 0.9)) == [Trial(Route.CODE, True)]
    assert trials("why?", Routed(Route.FACT, 0.4), True) == [Trial(Route.CONTINUE, True)]


def test_a_count_is_tried_before_an_outline_that_the_router_took_it_for() -> None:
    found = trials("How many lectures are in the notes?", Routed(Route.OUTLINE, 0.8))
    assert found[-1] == Trial(Route.OUTLINE, True)
    assert Trial(Route.COUNT, False) in found


@pytest.mark.parametrize(
    ("question", "row"),
    [
        ("What is due after sketch 1?", "Report: Sketch 2; Due: 17 May"),
        ("What is due before the map?", "Report: Sketch 2; Due: 17 May"),
        ("What is due after sketch 1 but before the map?", "Report: Sketch 2; Due: 17 May"),
    ],
)
def test_the_row_beside_the_one_that_is_named(ask: Callable[..., Draft], question: str, row: str) -> None:
    assert [one.text for one in ask(question, FACT).sentences] == [row]


def test_folders_with_the_same_title_are_told_apart(make_notes: Callable[[dict[str, str]], Notes]) -> None:
    notes = make_notes(
        {f"chapter{n}/1.md": f"# Introduction\n\nChapter {n} is on rock {n}." for n in (1, 2, 3)}
    )
    named = named_by_number("Summarise chapter 2", notes)
    assert named is not None
    assert named.label == "chapter2 - Introduction"


def test_an_outline_goes_into_the_folder_that_has_most(make_notes: Callable[[dict[str, str]], Notes]) -> None:
    files = {
        f"parts/chapter{n}/{k}.md": f"# Rock {n}, page {k}\n\nOn rock {n}."
        for n in (1, 2, 10)
        for k in range(5)
    }
    lines = folder_lines(notes := make_notes({"README.md": PLAN, **files}), notes.records())
    assert [line.text.partition(" ")[0] for line in lines] == ["chapter1", "chapter2", "chapter10"]
