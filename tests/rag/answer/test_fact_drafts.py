"""Forms of the usual answer, and which kinds of answers are tried for a question."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rag.answer.asked import Asked
from rag.answer.asked_names import SPELLED_ROWS, has_names
from rag.answer.cited_lines import joined
from rag.answer.fact_drafts import has_number
from rag.answer.found import Draft, Found
from rag.answer.kinds import kind_draft, routed_draft
from rag.answer.likely_kinds import Trial, trials
from rag.answer.notes import Notes
from rag.answer.outline_parts import folder_lines
from rag.answer.pair_scorer import PassageScore, SentenceScore
from rag.answer.route import Route, Routed
from rag.answer.structures import Item, Structure
from rag.text.sentences import sentence_spans
from rag.types import AnswerKind, Conflict, Decision, Tier


@pytest.fixture(autouse=True)
def no_list_is_likely(likely: Callable[[float], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists around an answer have tests of their own (`test_likely_list`)."""
    likely(0.0)
    monkeypatch.setattr("rag.answer.likely_list.ANSWERS", 2.0)


def usual(notes: Notes, question: str, logits: dict[str, float]) -> Draft | None:
    """The draft of a question whose best sentences are those that begin so."""
    hits = tuple(notes.search(question, 12))
    scores = []
    for hit in hits:
        text = hit.chunk.text
        sentences = tuple(
            SentenceScore(start, end, 0.9 if value > 0 else 0.1, value)
            for start, end in sentence_spans(text)
            for value in [max((v for k, v in logits.items() if text[start:].startswith(k)), default=-5.0)]
        )
        scores.append(PassageScore(0.9, 2.0, sentences, (2.0, 2.0)))
    found = Found(question, question, (), hits, tuple(scores), Decision(Tier.ANSWER, 1.0, 1.0, ""))
    return routed_draft(found, Routed(Route.FACT, 0.9), None, (), notes, None, lambda _: None, False)


BENCH = """# Bench

Every bench has the following. Count the parts when you leave.

- a red lamp
- a blue lamp
- a flask

Wash the flask.
"""


def test_the_whole_list_is_quoted_with_its_introduction(
    make_notes: Callable[[dict[str, str]], Notes],
) -> None:
    notes = make_notes({"bench.md": BENCH})
    draft = usual(notes, "Is there a flask?", {"Every bench": 2.0, "- a blue lamp": 1.5})
    assert draft is not None
    assert draft.text.startswith("Every bench has the following.")
    assert [one.text for one in draft.sentences[1:]] == ["a red lamp", "a blue lamp", "a flask"]
    assert usual(notes, "Is there a flask?", {"- a blue lamp": 1.5}) is None


def test_an_answer_without_a_number_is_an_extract_where_a_number_is_asked_for(
    make_notes: Callable[[dict[str, str]], Notes],
) -> None:
    notes = make_notes({"bench.md": BENCH})
    draft = usual(notes, "How many spoons are there in total?", {"Wash": 2.0})
    assert draft is not None
    assert draft.kind is AnswerKind.EXTRACT
    assert usual(notes, "Who washes what?", {"Wash": 2.0}) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("three lamps", True),
        ("7 lamps", True),
        ("五盏灯", True),
        ("twenty lamps", True),
        ("one lamp", True),
        ("no lamps", True),
        ("a lamp", False),
        ("rinse once", False),
    ],
)
def test_a_number_may_be_a_word_or_digits_of_any_script(text: str, number: bool) -> None:
    assert has_number(text) is number


def test_a_list_with_as_many_items_as_asked_for_is_tried() -> None:
    question = "What four things does the lamp do?"
    assert Trial(Route.LIST, False, counted=True) in trials(question, Routed(Route.FACT, 0.9))
    assert not any(one.counted for one in trials("What does the lamp do?", Routed(Route.FACT, 0.9)))


@pytest.mark.parametrize(
    ("message", "counts"),
    [
        ("how many modules are there", True),
        ("how many chapters are in this course", True),
        ("combien de chapitres y a-t-il", True),
        ("What are the modules?", False),
        ("¿De qué trata el curso?", False),
    ],
)
def test_the_parts_of_an_outline_are_counted_where_a_number_is_asked_for(message: str, counts: bool) -> None:
    found = trials(message, Routed(Route.OUTLINE, 0.95))
    assert (found[0].route is Route.COUNT) is counts
    assert found[-1] == Trial(Route.OUTLINE, True)


def test_an_outline_says_how_many_parts_it_has(make_notes: Callable[[dict[str, str]], Notes]) -> None:
    notes = make_notes({"a.md": "# Ants\n\nSmall.\n", "b.md": "# Bees\n\nYellow.\n"})
    hits, decision = tuple(notes.search("Ants and bees", 5)), Decision(Tier.ANSWER, 1.0, 1.0, "")
    asked = Asked(
        "What topics are there?", Route.OUTLINE, notes, hits, (), None, None, True, lambda _: None, decision
    )
    draft = kind_draft(asked)
    assert draft is not None
    assert draft.text.startswith("2:")


def test_an_outline_leaves_no_part_out_of_its_number(make_notes: Callable[[dict[str, str]], Notes]) -> None:
    folders = {f"{name}/{n}.md": f"# {name} {n}\n\nSmall.\n" for name in ("ants", "bees") for n in range(8)}
    notes = make_notes(folders | {f"{n}.md": f"# Loose {n}\n\nSmall.\n" for n in range(14)})
    assert len(folder_lines(notes, notes.records())) == 16


AGENTS = """# Agents

Who decides?

- In a fixed chain the developer decides.
- In a free agent the model decides.
- Nobody decides on Sundays.
"""


@pytest.mark.parametrize(
    ("question", "both"),
    [
        ("Who decides in a fixed chain and who in a free agent?", True),
        ("Who decides in a fixed chain?", False),
        ("Who decides in a fixed chain and who in a blue boat?", False),
    ],
)
def test_the_other_of_two_things_is_quoted_too(
    make_notes: Callable[[dict[str, str]], Notes], question: str, both: bool
) -> None:
    draft = usual(make_notes({"agents.md": AGENTS}), question, {"- In a fixed chain": 2.0})
    assert (draft is not None) is both
    if draft is not None:
        assert draft.kind is AnswerKind.ANSWER
        assert [one.text for one in draft.sentences] == [
            "- In a fixed chain the developer decides.",
            "- In a free agent the model decides.",
        ]


@pytest.mark.parametrize(
    ("message", "route", "compares"),
    [
        ("Moving average against median filter", Route.TABLE, True),
        ("SPI und I²C", Route.FACT, True),
        ("When are labs 1 and 2 due?", Route.FACT, False),
        ("sum and product", Route.CODE, False),
        ("Getting started with Git", Route.FACT, False),
        ("Introduction to Python", Route.LIST, False),
    ],
)
def test_two_things_and_nothing_else_are_compared(message: str, route: Route, compares: bool) -> None:
    assert (Trial(Route.COMPARISON, False) in trials(message, Routed(route, 0.9))) is compares


@pytest.mark.parametrize(
    ("names", "there"),
    [({"NB9"}, True), ({"nb9"}, True), ({"NB7"}, False), ({"NB9", "Zinc"}, True), (set(), True)],
)
def test_names_are_found_behind_the_first_rows_of_a_long_table(names: set[str], there: bool) -> None:
    rows = [Item(n, n + 1, ("Copper", f"{n}")) for n in range(SPELLED_ROWS + 50)]
    table = Structure("metals.md", "Zinc", (), "", ("Metal", "Row"), (*rows, Item(0, 1, ("Iron NB9", "0"))))
    assert has_names(table, frozenset(names)) is there


def test_joined_answers_keep_their_conflicts_with_the_new_numbers() -> None:
    one = Draft(AnswerKind.ANSWER, "Six. [1] Seven. [2]", (), (), ("a", "b"), conflicts=(Conflict((1, 2)),))  # type: ignore[arg-type]
    both = joined([one, one], AnswerKind.ANSWER)
    assert both.text == "Six. [1] Seven. [2]\n\nSix. [3] Seven. [4]"
    assert [conflict.citations for conflict in both.conflicts] == [(1, 2), (3, 4)]
