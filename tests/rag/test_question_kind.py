"""What is asked for, and sentences that have it or lack it."""

import pytest

from rag.question_kind import Kind, holds_kind, kind_of


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("How many owls live in the barn?", Kind.NUMBER),
        ("In winter, how much does an owl eat?", Kind.NUMBER),
        ("For how long does an owl brood?", Kind.LENGTH),
        ("When is the owl walk?", Kind.TIME),
        ("By what date do I sign up?", Kind.TIME),
        ("Which room is the talk in?", Kind.PLACE),
        ("Where is the barn?", Kind.PLACE),
        ("Who leads the owl walk?", Kind.PERSON),
        ("When the owl calls, why do mice hide?", None),
        ("Explain how many owls can share a barn", None),
        ("How do owls hunt?", None),
        ("", None),
    ],
)
def test_only_plain_wording_has_a_kind(question: str, kind: Kind | None) -> None:
    assert kind_of(question) is kind


@pytest.mark.parametrize(
    ("question", "has", "lacks"),
    [
        ("How many owls live in barn 7?", "Nine owls live in barn 7.", "Barn 7 was built on 3 May for owls."),
        ("How many eggs does barn B12 hold?", "Barn B12: 4 eggs.", "Barn B12 is cold."),
        ("How long does an owl brood?", "It broods for 30 days.", "Owl 2024 broods on hay."),
        ("When was walk 2 held?", "Walk 2: the barn (2031.07.02)", "Walk 2: the barn."),
        ("When is the walk?", "We start at noon.", "Bring warm gloves."),
        ("Which room is the talk in?", "The talk fills Hall 4.", "The talk is on 9 March 2031."),
        ("Where is the feather box?", "You find it behind the stove.", "Feathers are grey."),
        ("Who leads the walk?", "The walk is led by a ranger.", "The walk leads uphill."),
        ("Who leads the walk?", "On foot, Ada Moss leads.", "The walk leads uphill."),
    ],
)
def test_a_sentence_has_or_lacks_what_is_asked_for(question: str, has: str, lacks: str) -> None:
    kind = kind_of(question)
    assert kind is not None
    assert holds_kind(kind, has, question)
    assert not holds_kind(kind, lacks, question)


def test_without_a_kind_every_text_will_do() -> None:
    assert holds_kind(None, "Owls.", "How do owls hunt?")
