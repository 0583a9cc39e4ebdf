"""Parts of the notes that a question names by place ("the second lesson on rocks") or by topic."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rag.answer.notes import Notes
from rag.answer.scope_by_place import named_part


@pytest.fixture
def notes(make_notes: Callable[[dict[str, str]], Notes]) -> Notes:
    return make_notes(
        {
            "README.md": "# Geology for beginners\n\nAll lessons.\n",
            "1-Minerals/README.md": "# Introduction to minerals\n\nLesson 1 and lesson 2.\n",
            "1-Minerals/1-Hardness/README.md": "# Scratching stones\n\nTalc is soft.\n",
            "1-Minerals/1-Hardness/task.md": "# Task\n\nScratch ten stones.\n",
            "1-Minerals/2-Colour/README.md": "# The streak of stones\n\nHematite is red.\n",
            "2-Rivers/README.md": "# Water on the move: rivers\n\nRivers carry sand.\n",
            "2-Rivers/lessons/01-springs.md": "# Springs\n\nWater comes out.\n",
            "2-Rivers/lessons/02-deltas.md": "# Deltas\n\nSand settles.\n",
            "2-Rivers/lessons/03-floods.md": "# Floods\n\nWater comes over.\n",
            "2-Rivers/code/01-flow.md": "# Flow\n\nA program.\n",
        }
    )


@pytest.mark.parametrize(
    ("question", "documents"),
    [
        ("tl;dr of the first minerals lesson", ("1-Minerals/1-Hardness/README.md",)),
        ("Summarise the last lesson on minerals", ("1-Minerals/2-Colour/README.md",)),
        ("What does the second lesson of the rivers module say?", ("2-Rivers/lessons/02-deltas.md",)),
        ("the last rivers lesson", ("2-Rivers/lessons/03-floods.md",)),
        ("¿De qué trata la segunda lesson sobre rivers?", ("2-Rivers/lessons/02-deltas.md",)),
        ("the third lesson", ("2-Rivers/lessons/03-floods.md",)),
        ("the fourth rivers lesson", None),
        ("the first lesson on volcanoes", None),
        ("the first lesson that mentions talc", None),
        ("What comes first, springs or deltas?", None),
    ],
)
def test_a_part_is_named_by_its_place_in_a_group(
    notes: Notes, question: str, documents: tuple[str, ...] | None
) -> None:
    named = named_part(question, notes)
    assert (named and named.documents) == documents


@pytest.mark.parametrize(
    ("question", "documents"),
    [
        ("What happens in the floods lesson?", ("2-Rivers/lessons/03-floods.md",)),
        ("Which stones does the scratching stones lesson use?", ("1-Minerals/1-Hardness/README.md",)),
        ("What is new in the stones lesson?", None),
        ("What happens in floods?", None),
    ],
)
def test_a_part_is_named_by_its_topic_beside_the_word_for_a_part(
    notes: Notes, question: str, documents: tuple[str, ...] | None
) -> None:
    named = named_part(question, notes)
    assert (named and named.documents) == documents


def test_the_first_lecture_is_lecture_1(make_notes: Callable[[dict[str, str]], Notes]) -> None:
    notes = make_notes({f"vorlesung-0{n}.md": f"# Vorlesung {n}\n\nStein {n}.\n" for n in (1, 2, 3)})
    for question, number in (("die erste Vorlesung", 1), ("Worum geht es in der letzten Vorlesung?", 3)):
        named = named_part(question, notes)
        assert named is not None
        assert named.documents == (f"vorlesung-0{number}.md",)
