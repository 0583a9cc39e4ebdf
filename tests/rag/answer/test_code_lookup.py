"""Functions are found by their names, by what their names abbreviate, and among several versions."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rag.answer.code_names import has_initials, prose_words
from rag.answer.found import Draft, Found
from rag.answer.kinds import routed_draft
from rag.answer.notes import Notes
from rag.answer.route import Route, Routed
from rag.types import AnswerKind, Decision, Document, Tier

MERGE = """# Merging tide tables

## Weighted harbour mean

The weighted harbour mean joins two tables.

```text
weighted harbour mean of two tables
A = 1.0 weighted, B = 2.0 weighted
harbour mean: 1.5
```

Here it is:

```python
def whm(tables, weight=1):
    return sum(weight * one for one in tables) / len(tables)
```
"""
DRAFT = """# Scratch pad

```python
def tide_level(hour):
    return 2.0
```
"""
LESSON = """# Tides

## The level at an hour

We wrap the formula in a function that we use below.

```python
def tide_level(hour):
    return 2.0 + 1.5 * cos(hour / 2)
```

Call `ebbs()` for the list of low tides. Filter out the short ones.

```python
def ebbs(levels):
    return [n for n, one in enumerate(levels) if one < 1]


def filter(levels):
    return [one for one in levels if one]
```
"""


@pytest.fixture
def notes(make_notes: Callable[[dict[str, str]], Notes]) -> Notes:
    return make_notes({"a-scratch.md": DRAFT, "merge.md": MERGE, "tides.md": LESSON})


def test_a_function_is_found_by_what_its_name_abbreviates(
    notes: Notes, draft_of: Callable[..., Draft | None]
) -> None:
    draft = draft_of(notes, "code for the weighted harbour mean (tide tables)", Route.CODE)
    assert draft is not None
    assert draft.text.startswith("```python\ndef whm(tables, weight=1):")


def test_an_abbreviation_needs_its_words_together_in_the_notes() -> None:
    prose = " the weighted harbour mean joins two tables "
    assert has_initials("whm", "code of the weighted harbour mean", prose)
    assert not has_initials("whm", "code where Hannes moves", prose)
    assert not has_initials("hm", "code of the harbour mean", prose)
    assert has_initials("weighted_harbour_mean", "show whm", "")


def test_a_program_comes_before_what_is_printed(
    make_notes: Callable[[dict[str, str]], Notes], draft_of: Callable[..., Draft | None]
) -> None:
    notes = make_notes({"merge.md": MERGE.replace("whm", "joined")})
    draft = draft_of(notes, "code for the weighted harbour mean of two tables", Route.CODE)
    assert draft is not None
    assert "def joined(tables" in draft.text


def test_of_several_versions_the_introduced_one_is_shown_and_others_are_named(
    notes: Notes, draft_of: Callable[..., Draft | None]
) -> None:
    draft = draft_of(notes, "show tide_level", Route.CODE)
    assert draft is not None
    assert "1.5 * cos(hour / 2)" in draft.text
    assert "Another version: Scratch pad" in draft.text


def test_versions_that_differ_in_quotes_alone_are_one(
    make_notes: Callable[[dict[str, str]], Notes], draft_of: Callable[..., Draft | None]
) -> None:
    code = "# Day {0}\n\n```python\ndef greet_all():\n    return {1}hello{1}\n```\n"
    notes = make_notes({"a.md": code.format(1, '"'), "b.md": code.format(2, "'")})
    draft = draft_of(notes, "show greet_all", Route.CODE)
    assert draft is not None
    assert "Another version" not in draft.text


@pytest.mark.parametrize(("question", "shown"), [("ebbs function", True), ("the filter function", False)])
def test_a_name_that_is_no_word_of_prose_asks_for_its_definition(
    notes: Notes, question: str, shown: bool
) -> None:
    hits = tuple(notes.search(question, 12))
    scores = notes.scorer.score(question, [hit.chunk for hit in hits])
    found = Found(question, question, (), hits, scores, Decision(Tier.ANSWER, 1.0, 1.0, ""))
    draft = routed_draft(found, Routed(Route.FACT, 0.6), None, (), notes, None, lambda _: None, False)
    assert (draft is not None and draft.kind is AnswerKind.CODE) is shown


def test_words_marked_as_code_are_no_prose(read_note: Callable[[str, str], Document]) -> None:
    words = prose_words(read_note("tides.md", LESSON))
    assert " filter " in words
    assert " ebbs " not in words
