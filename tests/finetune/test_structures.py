"""Training of the choice of a list, on rows and questions made for the test."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.questions.list_rows import questions_of
from finetune.grounded.json_lines import write_lines
from finetune.structures.ask import CHOICES, LEADS, WHOLE, asking, checking, shown
from finetune.structures.train import figures, train
from finetune.structures.write import is_worth_asking
from rag.answer.structure_features import NAMES
from rag.answer.structures import Item, Structure


def test_a_list_is_shown_with_what_introduces_it() -> None:
    text = shown("Bread", ("Bread", "Tools"), "You need:", (), ["a bowl", "a scale"])
    assert text == "Lesson: Bread\nHeading: Tools\nBefore the list: You need:\n- a bowl\n- a scale"


def test_a_long_list_is_cut_and_says_so() -> None:
    assert shown("Bread", (), "", (), [str(n) for n in range(15)]).endswith("- 11\n(3 more)")


def test_every_form_has_a_demonstration_and_every_choice_one() -> None:
    for form in LEADS:
        turns = asking("Lesson: Bread", form)
        assert [turn["role"] for turn in turns] == ["system", *["user", "assistant"] * 3, "user"]
    letters = {turn["content"] for turn in checking("Lesson: Bread", "What?") if turn["role"] == "assistant"}
    assert letters == set(CHOICES)


def test_questions_that_the_teacher_doubts_are_left_out(tmp_path: Path) -> None:
    forms = [("own", 0.9), ("own", 0.3), ("item", 0.1), ("item", 0.8), ("miss", 0.2)]
    rows = [
        {"course": "c", "form": form, "question": f"{form} {share}", "chances": [share, 1 - share, 0.0]}
        for form, share in forms
    ]
    write_lines(tmp_path / "questions.jsonl.gz", rows)
    write_lines(tmp_path / "facts.jsonl.gz", [{"corpus": "c", "question": "a fact"}])
    found = [
        (row["question"], whole)
        for _, row, whole in questions_of(tmp_path / "questions.jsonl.gz", tmp_path / "facts.jsonl.gz")
    ]
    assert found == [("own 0.9", True), ("item 0.1", False), ("miss 0.2", False), ("a fact", False)]
    assert {form for form, _ in forms} - set(WHOLE) == {"item", "miss"}


def test_lines_that_a_program_printed_are_not_asked_about() -> None:
    items = (Item(0, 3, ("loss", "0.1")), Item(4, 7, ("mean", "0.2")))
    table = Structure("a.md", "A", (), "", ("", ""), items)
    assert is_worth_asking(table)
    assert not is_worth_asking(Structure("a.md", "A", (), "", ("", ""), items, printed=True))
    assert not is_worth_asking(Structure("a.md", "A", (), "", (), (Item(0, 1, ("7",)), Item(2, 3, ("9",)))))


def test_training_learns_which_list_is_meant() -> None:
    """Rows of 200 questions with three lists each; the one with the highest first feature is meant, if it is positive."""
    random = np.random.default_rng(0)
    features = random.normal(size=(600, len(NAMES))).astype(np.float32)
    groups = np.repeat(np.arange(200), 3)
    first = features[:, 0].reshape(200, 3)
    labels = ((first == first.max(1, keepdims=True)) & (first > 0.5)).reshape(-1)
    model = train(features, labels)
    wanted = labels.reshape(200, 3).any(1).repeat(3)
    lines = figures(
        model, {"features": features, "labels": labels, "groups": groups, "wanted": wanted}, (0.5,)
    )
    share = float(lines[0].rpartition(" ")[2])
    assert share > 0.9
    assert len(lines) == 2
