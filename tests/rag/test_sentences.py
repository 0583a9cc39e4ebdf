"""Sentence boundaries in the rough English of notes."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.sentences import sentence_spans, sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Set k1 = 1.2 first. Then go.", ["Set k1 = 1.2 first.", "Then go."]),
        ("See e.g. BM25 for this. End", ["See e.g. BM25 for this.", "End"]),
        ("Ring Ada, Tel. 5530, abt. 9:00. Or write.", ["Ring Ada, Tel. 5530, abt. 9:00.", "Or write."]),
        ("By S. Robertson. Next.", ["By S. Robertson.", "Next."]),
        ("It is in Hall A. The resit too.", ["It is in Hall A.", "The resit too."]),
        ("It helps. [1] More [2][3]. End. [4]", ["It helps. [1]", "More [2][3].", "End. [4]"]),
        ("- item one\n- item two. More\n\nNew", ["- item one", "- item two.", "More", "New"]),
        ("A wrapped\nline stays. So.", ["A wrapped\nline stays.", "So."]),
        ("1. First step\n2. Second step", ["1. First step", "2. Second step"]),
        ("Run:\n```\na. b. c.\n```\nDone.", ["Run:", "```\na. b. c.\n```", "Done."]),
        ("Run:\n```\na. b.\n ```\nDone.", ["Run:", "```\na. b.\n ```", "Done."]),
        ("| a | b |\n| 1. | 2 |", ["| a | b |", "| 1. | 2 |"]),
        (
            "Rates:\nMode | Rate\nSlow | 1.5\nFast | 9\nDone. So.",
            ["Rates:", "Mode | Rate", "Slow | 1.5", "Fast | 9", "Done.", "So."],
        ),
        ("We know\nP(a | b) here. So.", ["We know\nP(a | b) here.", "So."]),
        ("- `Week 2`: Owls. **(2024.07.02)**\n- More", ["- `Week 2`: Owls. **(2024.07.02)**", "- More"]),
        ("Week 2: Owls. (2024.07.02) [1]", ["Week 2: Owls. (2024.07.02) [1]"]),
        ("Owls hunt. (They also rest.) Often.", ["Owls hunt.", "(They also rest.)", "Often."]),
        ("## 03. Owls\n\nThey hunt.", ["## 03. Owls", "They hunt."]),
        ("# Owls. A note\nThey hunt. Often.", ["# Owls. A note", "They hunt.", "Often."]),
        ("", []),
        ("  \n ", []),
    ],
)
def test_boundaries(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@given(st.text(max_size=300))
def test_spans_are_ordered_disjoint_and_cover_every_visible_character(text: str) -> None:
    spans = sentence_spans(text)
    assert all(a[1] <= b[0] for a, b in pairwise(spans))
    outside = set(range(len(text))) - {i for start, end in spans for i in range(start, end)}
    assert all(text[i].isspace() for i in outside)
