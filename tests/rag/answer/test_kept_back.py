"""Lists, counts, tables, comparisons and follow-ups: what is chosen and what is kept back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from rag.answer.asked import Asked
from rag.answer.cited_lines import without_mark
from rag.answer.follow_up import asks_for_reason, offered
from rag.answer.found import Draft
from rag.answer.kinds import kind_draft
from rag.answer.notes import Notes
from rag.answer.route import Route
from rag.embedding.engine import open_embedder
from rag.settings import EmbeddingSettings
from rag.types import AnswerKind, Conflict, Decision, Role, Tier, Turn


def test_the_largest_number_is_found_in_any_unit(
    make_notes: Callable[[dict[str, str]], Notes], draft_of: Callable[..., Draft | None]
) -> None:
    rows = "| Slow | 400 kbit/s |\n| Quick | 1 Mbit/s |\n"
    notes = make_notes({"rates.md": f"# Rates\n\n| Mode | Rate |\n|---|---|\n{rows}"})
    draft = draft_of(notes, "Which mode has the highest rate?", Route.TABLE)
    assert draft is not None
    assert draft.text.startswith("Quick: Rate 1000 kbit/s")


def test_a_column_is_chosen_over_all_tables(
    make_notes: Callable[[dict[str, str]], Notes], draft_of: Callable[..., Draft | None]
) -> None:
    modes = "## Modes of the probe\n\n| Probe mode | Code |\n|---|---|\n| a | 0 |\n| b | 1 |\n"
    probes = "## Probes\n\n| Probe | Price |\n|---|---|\n| glass | 9 |\n| steel | 4 |\n"
    notes = make_notes({"probes.md": f"# Probes\n\n{modes}\n{probes}"})
    draft = draft_of(notes, "Which probe has the lowest price, in any mode of the probe?", Route.TABLE)
    assert draft is not None
    assert draft.text.startswith("steel: Price 4")


def test_an_unlikely_list_is_kept_back(
    notes: Notes, draft_of: Callable[..., Draft | None], likely: Callable[[float], None]
) -> None:
    question = "List the parts of the marks with their weight"
    likely(0.5)
    assert draft_of(notes, question, Route.LIST) is not None
    likely(0.1)
    assert draft_of(notes, question, Route.LIST, tier=Tier.EXTRACT, answers=0.1) is None


def test_one_row_is_no_list(notes: Notes, draft_of: Callable[..., Draft | None]) -> None:
    draft = draft_of(notes, "List the names of those who hold the oral exam", Route.LIST)
    assert draft is None or len(draft.sentences) > 1


@pytest.mark.parametrize(
    ("question", "route"),
    [
        ("How many parts do the marks of BIO-2 have?", Route.COUNT),
        ("What is the weight of sheet 1 in 1998?", Route.TABLE),
    ],
)
def test_a_table_without_what_the_question_names_is_kept_back(
    ask: Callable[..., Draft | None], question: str, route: Route
) -> None:
    assert ask(question.replace("BIO-2", "BIO-1").replace(" in 1998", ""), route) is not None
    draft = ask(question, route)
    assert draft is None or draft.citations[0].document != "plan.md"


def test_numbered_rows_of_another_course_are_not_counted(
    make_notes: Callable[[dict[str, str]], Notes],
    draft_of: Callable[..., Draft | None],
) -> None:
    rows = "".join(f"| {n} | {topic} |\n" for n, topic in enumerate(("Roots", "Leaves", "Bark"), 1))
    notes = make_notes({"README.md": f"# Trees\n\n| Lesson | Topic |\n|---|---|\n{rows}"})
    draft = draft_of(notes, "How many lessons does the course have?", Route.COUNT)
    assert draft is not None
    assert draft.text.startswith("3 - Trees")
    other = draft_of(notes, "How many lessons does the course Marine Birds have?", Route.COUNT)
    assert other is None or not other.text.startswith("3 - Trees")


def test_the_number_of_a_heading_counts_nothing(
    make_notes: Callable[[dict[str, str]], Notes], draft_of: Callable[..., Draft | None]
) -> None:
    items = "- Why does it float?\n- Why is it cold?\n"
    notes = make_notes({"ice.md": f"# Ice\n\n## 7. Questions to prepare\n\n{items}"})
    draft = draft_of(notes, "How many questions am I to prepare?", Route.COUNT)
    assert draft is not None
    assert draft.text.startswith("2 - 7. Questions")


def test_rows_are_found_by_a_word_in_the_column_named(
    make_notes: Callable[[dict[str, str]], Notes], draft_of: Callable[..., Draft | None]
) -> None:
    rows = "| Sheet 1 | 2 March |\n| Sheet 2 | 16 March |\n| Talk | 3 April |\n"
    notes = make_notes({"plan.md": f"# Plan\n\n| Part | Due |\n|---|---|\n{rows}"})
    draft = draft_of(notes, "What is due in March?", Route.TABLE)
    assert draft is not None
    assert [one.text.split(";")[0] for one in draft.sentences] == ["Part: Sheet 1", "Part: Sheet 2"]


def test_versions_below_a_title_are_no_side(
    make_notes: Callable[[dict[str, str]], Notes], draft_of: Callable[..., Draft | None]
) -> None:
    versions = "Snake version: 3.9.2\n\nBird version: 7.20.0\n"
    notes = make_notes({"moss.md": f"# Moss\n\n{versions}", "fern.md": f"# Stones\n\n{versions}"})
    assert (
        draft_of(notes, "What is the difference between the moss and the gravel?", Route.COMPARISON) is None
    )


def test_a_comparison_prefers_what_is_said_of_both_sides(
    make_notes: Callable[[dict[str, str]], Notes],
    draft_of: Callable[..., Draft | None],
) -> None:
    alone = "# Mosses\n\nThis is the moss. What is a moss like? A moss is what is soft underfoot here.\n"
    both = "# Ground\n\nA moss drinks through its leaves. A fern drinks through its roots.\n"
    notes = make_notes({"a.md": alone, "b.md": both})
    draft = draft_of(notes, "Compare moss and fern", Route.COMPARISON)
    assert draft is not None
    assert draft.text.startswith("**moss**\n- A moss drinks through its leaves.")
    assert "This is the moss." not in draft.text


def test_documents_of_a_kind_are_listed(
    make_notes: Callable[[dict[str, str]], Notes], draft_of: Callable[..., Draft | None]
) -> None:
    notebook = '{"cells": [{"cell_type": "markdown", "metadata": {}, "source": ["# %s\\n\\nText."]}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    notes = make_notes(
        {"a.ipynb": notebook % "Ferns", "b.ipynb": notebook % "Mosses", "plan.md": "# Plan\n\nSmall text.\n"}
    )
    draft = draft_of(notes, "List the notebooks", Route.LIST)
    assert draft is not None
    assert [one.text for one in draft.sentences] == ["Ferns", "Mosses"]
    count = draft_of(notes, "How many notebooks are there?", Route.COUNT)
    assert count is not None
    assert count.text.startswith("2:")
    for question in ("How many notebooks have a text?", "How many notebooks are on ferns?"):
        other = draft_of(notes, question, Route.COUNT)
        assert other is None or not other.text.startswith("2:")


def test_the_half_of_a_question_that_the_notes_answer_is_answered(notes: Notes) -> None:
    hits, decision = tuple(notes.search("glycolysis", 5)), Decision(Tier.EXTRACT, 0.1, 1.0, "")

    def asked(kind: AnswerKind) -> Asked:
        def answer(question: str) -> Draft | None:
            return Draft(kind, "Two ATP.") if "glycolysis" in question else None

        question = "What does glycolysis yield and where is the ticket office?"
        return Asked(question, Route.TWO, notes, hits, (), None, None, True, answer, decision)

    draft = kind_draft(asked(AnswerKind.ANSWER))
    assert draft is not None
    assert draft.kind is AnswerKind.ANSWER
    assert draft.text == "Two ATP.\n\n**where is the ticket office**: The notes do not say."
    assert kind_draft(asked(AnswerKind.EXTRACT)) is None
    spanish = replace(asked(AnswerKind.ANSWER), question="¿Qué da la glycolysis y ¿dónde está la taquilla?")
    draft = kind_draft(spanish)
    assert draft is not None
    assert "**dónde está la taquilla**" in draft.text


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("How many nests are there in all woods together?", "12 - sum of Nests"),
        ("How many nests are there altogether?", "12 - sum of Nests"),
        ("How many woods together?", ""),
    ],
)
def test_a_column_is_summed_where_the_question_counts_what_it_names(
    make_notes: Callable[[dict[str, str]], Notes],
    draft_of: Callable[..., Draft | None],
    question: str,
    text: str,
) -> None:
    rows = "| North | 5 |\n| South | 7 |\n| Total | 12 |\n"
    notes = make_notes(
        {
            "birds.md": f"# Birds\n\n## Nests in woods\n\n| Wood | Nests |\n|---|---|\n{rows}\nThree nests fell.\n"
        }
    )
    draft = draft_of(notes, question, Route.COUNT)
    assert draft is not None
    assert draft.text.startswith(text)
    assert ("sum of" in draft.text) is bool(text)


def test_counts_that_disagree_are_both_quoted(
    make_notes: Callable[[dict[str, str]], Notes], draft_of: Callable[..., Draft | None]
) -> None:
    notes = make_notes(
        {
            "plan.md": "# Plan\n\nThere are six homework sheets.\n",
            "news.md": "# News\n\nThere are seven homework sheets this year.\n",
            "paper.md": "# Paper\n\nTwo sheets of paper are enough.\n",
        }
    )
    draft = draft_of(notes, "How many homework sheets are there?", Route.COUNT)
    assert draft is not None
    assert {one.text for one in draft.sentences} == {
        "There are six homework sheets.",
        "There are seven homework sheets this year.",
    }
    assert draft.conflicts == (Conflict((1, 2)),)


@pytest.mark.parametrize(
    ("said", "message", "asked"),
    [
        ("Diffusion needs no energy. Shall I list the steps of a measurement?", "yes please", "steps"),
        ("La difusión no gasta energía. ¿Quieres ver los pasos?", "sí", "pasos"),
        ("Diffusion needs no energy. Shall I list the steps of a measurement?", "why?", ""),
        ("Diffusion needs no energy. Shall I list the steps of a measurement?", "not now", ""),
        ("Diffusion needs no energy. Shall I list the steps of a measurement?", "nein danke", ""),
        ("Diffusion needs no energy.", "yes please", ""),
        ("Diffusion needs no energy. Shall I?", "yes please", ""),
    ],
)
def test_what_an_answer_offers_is_taken_up(said: str, message: str, asked: str) -> None:
    offer = offered(said, message)
    assert asked in offer
    assert bool(offer) is bool(asked)


def test_an_offer_that_is_taken_is_asked(notes: Notes) -> None:
    history = (
        Turn(Role.USER, "What is diffusion?"),
        Turn(Role.ASSISTANT, "It follows the gradient. Shall I list the steps?"),
    )
    hits = tuple(notes.search("diffusion", 5))
    answered: list[str] = []

    def answer(question: str) -> Draft:
        answered.append(question)
        return Draft(AnswerKind.LIST, "1. Measure.")

    decision = Decision(Tier.ANSWER, 1.0, 1.0, "")
    asked = Asked("yes please", Route.CONTINUE, notes, hits, (), None, None, True, answer, decision, history)
    draft = kind_draft(asked)
    assert draft is not None
    assert draft.text == "1. Measure."
    assert "steps" in answered[0]


@pytest.mark.parametrize(("reason", "consent"), [(0.9, 0.2), (0.5, 0.45), (0.1, 0.8)])
def test_a_message_near_to_why_asks_for_the_reason_without_a_mark(reason: float, consent: float) -> None:
    near = {"why?": reason, "yes": consent}
    found = asks_for_reason("why so", lambda message, texts: [near.get(text, 0.0) for text in texts])
    assert found is (reason == 0.9)


@pytest.mark.model
def test_the_embedded_model_tells_why_from_yes() -> None:
    embedder = open_embedder(EmbeddingSettings())

    def near(message: str, texts: Sequence[str]) -> list[float]:
        return [float(one) for one in embedder.embed_passages(texts) @ embedder.embed_query(message)]

    asking, consenting = (
        ("why", "but why", "how so"),
        ("yes please", "sure", "ja bitte", "show me", "the first one"),
    )
    assert [one for one in (*asking, *consenting) if asks_for_reason(one, near)] == list(asking)


def test_the_mark_of_an_item_is_left_out_and_bold_text_stays() -> None:
    assert without_mark("- **Static**: before") == "**Static**: before"
    assert without_mark("**Static**: before") == "**Static**: before"
