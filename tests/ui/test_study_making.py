"""The sentence for a quiz without an item says what can be done."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from rag.errors import InputError
from rag.study.items import Rejection, Topic
from rag.study.quiz import StudySet
from ui.study.making import Wish, _made, _nothing, model_writer


@pytest.mark.parametrize(
    ("scope", "topics", "rejected", "end"),
    [
        ([], [], {}, "2 checked)."),
        (["lecture:3"], [], {}, "Choose a wider --scope."),
        (["lecture:3"], ["code"], {}, "Choose a wider --scope or leave --kind out."),
        ([], [], {Rejection.FEW_CHOICES: 2}, "which cards do not need: lectern study cards."),
    ],
)
def test_an_empty_quiz_names_what_may_help(
    scope: list[str], topics: list[str], rejected: dict[Rejection, int], end: str
) -> None:
    wish = Wish(scope, 5, topics, 0, True, False, None, None, None, False)
    made = StudySet((), 2, rejected or {Rejection.NOT_FOUND: 2}, 30)
    said = _nothing(made, wish)
    assert said.endswith(end) and (", ".join(scope) or "the notes") in said


def test_written_questions_alone_need_a_model() -> None:
    wish = Wish([], 5, ["written"], 0, True, False, None, None, None, False)
    with pytest.raises(InputError, match="--model"):
        _made(cast("Any", None), cast("Any", None), wish, [Topic.WRITTEN])


def test_a_writer_asks_for_one_line(scripted_model: type) -> None:
    model = scripted_model(replies=["What is a comb?"])
    write = model_writer(cast("Any", SimpleNamespace(model=model)))
    assert write("Sentence: _____ is a wall of wax.") == "What is a comb?"
    assert [one.content for one in model.asked[0]] == ["Sentence: _____ is a wall of wax."]
