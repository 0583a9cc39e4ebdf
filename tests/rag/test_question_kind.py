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
        ("What time?", Kind.TIME),
        ("What day of the week is the walk?", Kind.TIME),
        ("When is Walk 2?", Kind.TIME),
        ("When are feather lists due?", Kind.TIME),
        ("By when must lists be handed in?", Kind.TIME),
        ("When do we sit the owl test?", Kind.TIME),
        ("What room number is it?", Kind.PLACE),
        ("In 1969, who led the walk?", Kind.PERSON),
        ("Nobody waits at the barn, who's late?", Kind.PERSON),
        ("What time zone is used for walks?", None),
        ("What date format do lists have?", None),
        ("Which time series shows owls?", None),
        ("Which building blocks has a nest?", None),
        ("What hall effect sensor counts owls?", None),
        ("When is a nest stable?", None),
        ("When are nests stable?", None),
        ("When does an owl moult?", None),
        ("When do we use a red lamp?", None),
        ("What should a guest, who missed the walk, bring?", None),
        ("What happens to a guest, who missed the walk?", None),
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


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("How many boxes has the wall?", "The wall is 3x3."),
        ("How many mice are there?", "There are 1e6 mice."),
        ("How many owls share a nest?", "Up to 3 may share one."),
        ("What share of mice is eaten?", "The split is 80:20."),
        ("How many mice are there?", "Thirteen mice."),
        ("How many mice are there?", "Eighty mice."),
        ("How long is Walk 2?", "Walk 2 lasts 2 hours."),
        ("How long is Walk 2?", "You have 2 hours for Walk 2."),
        ("How many owls has Barn 3?", "Barn 3 has 3 owls."),
        ("How many owls has Barn 3?", "B3 has 3 owls."),
        ("How many of the 3 owls hunt?", "2 of 3 owls hunt."),
        ("How many eggs does barn B12 hold?", "It holds 12 eggs."),
        ("Who leads the walk?", "Staff: Jürgen leads."),
        ("Who leads the walk?", "Today Özlem leads."),
        ("Who leads the walk?", "сегодня ведёт Иван"),
        ("Who leads the walk?", "RSPB leads."),
    ],
)
def test_what_is_asked_for_is_seen_in_any_spelling(question: str, text: str) -> None:
    assert holds_kind(kind_of(question), text, question)


def test_the_number_of_a_named_thing_is_no_answer_wherever_it_is_repeated() -> None:
    question = "How long is Walk 2?"
    assert not holds_kind(kind_of(question), "Walk 2: Walk 2 lasts long.", question)


def test_without_a_kind_every_text_will_do() -> None:
    assert holds_kind(None, "Owls.", "How do owls hunt?")
