"""The sentence for a quiz without an item says what can be done."""

from __future__ import annotations

import pytest

from rag.study.items import Rejection
from rag.study.quiz import StudySet
from ui.study.making import Wish, _nothing


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
