"""Questions of a scripted writer: what is asked of it, kept, dropped and counted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rag.answer.notes import Notes
from rag.study.items import GAP, Item, ItemKind, Rejection, Topic
from rag.study.quiz import StudySet, make_items
from rag.study.written import WRITTEN_PER_ITEM

WINTER = """# Winter

The **cluster** is a dense ball of bees that surrounds the honey in cold months.

A **willow** is a tree of river banks that feeds bees with its first pollen.

The **smoker** is a tin with bellows that calms guards before an inspection.

The middle of a winter cluster is kept at 25 °C by shivering flight muscles.
"""
GOOD = {
    "dense ball": "What is the dense ball of bees that surrounds the honey in cold months?",
    "river banks": "Which tree of river banks feeds bees with its first pollen?",
    "bellows": "Which tin with bellows calms guards before an inspection?",
    "shivering": "At how many °C is the middle of a winter cluster kept by shivering flight muscles?",
}
KEYS = {"dense ball": "The cluster", "river banks": "willow", "bellows": "A smoker", "shivering": "25 °C"}


class Scripted:
    """A writer that knows four sentences, and what it was asked."""

    def __init__(self, questions: dict[str, str] = GOOD, answers: dict[str, str] = KEYS) -> None:
        self.questions, self.answers = questions, answers
        self.prompts: list[str] = []

    def __call__(self, prompt: str) -> str:
        self.prompts.append(prompt)
        said = self.answers if "Answer:" in prompt else self.questions
        return next((line for words, line in said.items() if words in prompt), "")

    @property
    def requests(self) -> list[str]:
        return [prompt for prompt in self.prompts if "Answer:" not in prompt]


@pytest.fixture
def winter(put_markdown: Callable[[str, str], None], open_notes: Callable[[], Notes]) -> Notes:
    """Four sentences that a question can be written for."""
    put_markdown("winter.md", WINTER)
    return open_notes()


def made(notes: Notes, writer: Callable[[str], str], count: int = 4) -> StudySet:
    return make_items(notes, None, count, topics=[Topic.WRITTEN], write=writer)


def answered(found: StudySet) -> dict[str, Item]:
    return {item.answer: item for item in found.items}


def test_a_model_writes_the_question_and_code_the_key_and_the_choices(winter: Notes) -> None:
    found = answered(made(winter, Scripted()))
    assert set(found) == {"Cluster", "Willow", "Smoker", "25 °C"}
    willow = found["Willow"]
    assert willow.question == f"Winter: {GOOD['river banks']}" and willow.kind is ItemKind.CHOICE
    assert sorted(willow.choices) == ["Cluster", "Smoker", "Willow"]
    assert willow.citation.quote.startswith("A **willow** is a tree")
    assert all(one.endswith(" °C") for one in found["25 °C"].choices)


def test_a_card_needs_no_wrong_choices(
    put_markdown: Callable[[str, str], None], open_notes: Callable[[], Notes]
) -> None:
    put_markdown("one.md", "# Winter\n\n" + WINTER.split("\n\n")[2] + "\n")
    quiz, cards = (
        make_items(open_notes(), None, 1, choice=choice, topics=[Topic.WRITTEN], write=Scripted())
        for choice in (True, False)
    )
    assert not quiz.items and quiz.rejected == {Rejection.FEW_CHOICES: 1}
    assert [(item.kind, item.choices, item.answer) for item in cards.items] == [
        (ItemKind.SHORT, (), "Willow")
    ]


def test_the_writer_sees_a_gap_and_not_the_key(winter: Notes) -> None:
    writer = Scripted()
    made(winter, writer)
    assert len(writer.requests) == 4 and all(GAP in prompt for prompt in writer.requests)
    assert not [prompt for prompt in writer.requests if "river banks" in prompt and "willow" in prompt]


def test_no_question_is_written_after_the_last_item_wanted(winter: Notes) -> None:
    writer = Scripted()
    assert len(made(winter, writer, 1).items) == 1 and len(writer.prompts) == 2


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", Rejection.NO_QUESTION),
        ("A tree of river banks feeds bees with its first pollen.", Rejection.NO_QUESTION),
        ("Which tree of the tree of the tree of the tree of river banks feeds bees?", Rejection.NO_QUESTION),
        ("Which tree of river banks is the tree that feeds bees with its first pollen?", Rejection.NO_QUESTION),
        (f"Which {GAP} of river banks feeds bees with its first pollen?", Rejection.NO_QUESTION),
        ("Which river has the willow on its banks and feeds bees with pollen?", Rejection.GIVEN_AWAY),
        ("Which tree of river banks in the sentence feeds bees with its first pollen?", Rejection.ABOUT_THE_NOTES),
        ("Which tree of river banks feeds bees with pollen in this lecture?", Rejection.ABOUT_THE_NOTES),
        ("Which famous French general crossed the river Rhine with bees?", Rejection.OTHER_QUESTION),
        ("What is a tree?", Rejection.OTHER_QUESTION),
    ],
)  # fmt: skip
def test_a_bad_line_is_dropped_and_counted(winter: Notes, line: str, reason: Rejection) -> None:
    found = made(winter, Scripted(GOOD | {"river banks": line}))
    assert set(answered(found)) == {"Cluster", "Smoker", "25 °C"} and found.rejected == {reason: 1}


def test_a_definition_that_is_a_question_itself_is_not_asked_for_its_name(
    put_markdown: Callable[[str, str], None], open_notes: Callable[[], Notes]
) -> None:
    put_markdown(
        "winter.md", WINTER + "\n- **Thrift**: how little honey of its stores a colony eats in winter.\n"
    )
    questions = {"how little": "How little honey of its stores does a colony eat in winter?"}
    found = made(open_notes(), Scripted(GOOD | questions, KEYS | {"how little": "Thrift"}))
    assert "Thrift" not in answered(found) and found.rejected == {Rejection.OTHER_QUESTION: 1}


ECHO = "The willow is a tree of river banks that feeds bees with its first pollen."


@pytest.mark.parametrize("line", ["The smoker", "", "20 °C", ECHO])
def test_a_question_whose_writer_answers_it_otherwise_is_dropped(winter: Notes, line: str) -> None:
    found = made(winter, Scripted(answers=KEYS | {"river banks": line}))
    assert "Willow" not in answered(found) and found.rejected == {Rejection.NOT_CONFIRMED: 1}


def test_a_writer_that_writes_nothing_is_asked_a_few_times_for_each_item(winter: Notes) -> None:
    writer = Scripted({}, {})
    found = made(winter, writer, 1)
    assert not found.items and len(writer.prompts) == min(4, WRITTEN_PER_ITEM)


@pytest.mark.parametrize("form", ['\n "{}" \nAnswer', "Question: {}", "Question (en): {}"])
def test_labels_and_quotation_marks_around_a_question_go(winter: Notes, form: str) -> None:
    found = made(winter, Scripted(GOOD | {"bellows": form.format(GOOD["bellows"])}))
    assert answered(found)["Smoker"].question == f"Winter: {GOOD['bellows']}"


def test_what_was_accepted_before_an_interrupt_is_kept(winter: Notes) -> None:
    class Interrupted(Scripted):
        def __call__(self, prompt: str) -> str:
            if len(self.prompts) == 4:
                raise KeyboardInterrupt
            return super().__call__(prompt)

    found = made(winter, Interrupted())
    assert len(found.items) == 2 and found.stopped


def test_an_interrupt_before_the_first_item_ends_the_program(winter: Notes) -> None:
    def interrupted(prompt: str) -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made(winter, interrupted)


def test_a_sentence_in_two_documents_is_written_for_once(
    winter: Notes, put_markdown: Callable[[str, str], None], open_notes: Callable[[], Notes]
) -> None:
    put_markdown("again.md", WINTER)
    writer = Scripted({}, {})
    made(open_notes(), writer)
    assert writer.prompts and len(set(writer.prompts)) == len(writer.prompts)


def test_notes_in_another_language_are_asked_in_it(
    put_markdown: Callable[[str, str], None], open_notes: Callable[[], Notes]
) -> None:
    put_markdown(
        "winter.md",
        "# Winter\n\nDie **Traube** ist eine dichte Kugel aus Bienen rund um den Honig im kalten Winter.\n\n"
        "Die **Weide** ist ein Baum an Flüssen mit dem ersten Pollen des Jahres für alle Bienen.\n\n"
        "Der **Rauch** ist ein Mittel zur Beruhigung der Wächter vor einer Kontrolle der Waben.\n",
    )
    questions = {"Flüssen": "Welcher Baum an Flüssen hat den ersten Pollen des Jahres für alle Bienen?"}
    found = made(open_notes(), Scripted(questions, {"Flüssen": "Die Weide"}))
    assert set(answered(found)) == {"Weide"}


def test_the_subject_of_a_section_is_no_wrong_choice(
    put_markdown: Callable[[str, str], None], open_notes: Callable[[], Notes]
) -> None:
    put_markdown("hazel.md", "# Hazel\n\nThe **hazel** is a bush with yellow catkins on its twigs.\n")
    choices = {}
    for title in ("Winter", "Hazel and other trees"):
        put_markdown("winter.md", WINTER.replace("# Winter", f"# {title}"))
        choices[title] = answered(made(open_notes(), Scripted()))["Willow"].choices
    assert "Hazel" in choices["Winter"] and "Hazel" not in choices["Hazel and other trees"]


ROBBING = (
    "# Robbing\n\nThe software of a scale counts robbers.\n\nA tree is a home of swarms, and a willow is a tree.\n\nWillow bushes are cut.\n"
    + "".join(f"\nRobbers rob hive {n}.\n" for n in range(50))
)


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("What is the name of the software of river banks that feeds bees with its first pollen?", False),
        ("What is the swarm of river banks that feeds bees with its first pollen?", False),
        ("What is the home of river banks that feeds bees with its first pollen?", False),
        ("What is the bush of river banks that feeds bees with its first pollen?", True),
        ("What is the name of the tree of river banks that feeds bees with its first pollen?", True),
        ("What is the flower of river banks that feeds bees with its first pollen?", True),
    ],
)
def test_a_question_does_not_call_its_key_what_the_notes_never_call_it(
    winter: Notes,
    put_markdown: Callable[[str, str], None],
    open_notes: Callable[[], Notes],
    question: str,
    found: bool,
) -> None:
    put_markdown("robbing.md", ROBBING)
    made_of = made(open_notes(), Scripted(GOOD | {"river banks": question}))
    assert ("Willow" in answered(made_of)) is found


def test_half_of_a_joined_word_is_no_word_of_the_sentence(
    put_markdown: Callable[[str, str], None], open_notes: Callable[[], Notes]
) -> None:
    put_markdown("winter.md", WINTER.replace("river banks", "software-made river banks"))
    put_markdown("robbing.md", ROBBING)
    for kind, found in (("software", False), ("tree", True)):
        question = f"What is the {kind} of software-made river banks that feeds bees with its first pollen?"
        written = made(open_notes(), Scripted(GOOD | {"river banks": question}))
        assert ("Willow" in answered(written)) is found


def test_a_question_has_no_word_of_its_key(
    put_markdown: Callable[[str, str], None], open_notes: Callable[[], Notes]
) -> None:
    put_markdown("winter.md", WINTER.replace("**willow** is a tree", "**goat willow bush** is a tree"))
    keys = KEYS | {"river banks": "Goat willow bush"}
    question = "Which bush is a tree of river banks that feeds bees with its first pollen?"
    given = made(open_notes(), Scripted(GOOD | {"river banks": question}, keys))
    assert "Goat willow bush" not in answered(given) and given.rejected == {Rejection.GIVEN_AWAY: 1}
    assert "Goat willow bush" in answered(made(open_notes(), Scripted(GOOD, keys)))


DOSE = "# Syrup doses\n\nA syrup dose in autumn has a weight of 18 kg per colony, which lasts until the spring.\n"


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("What is the weight of a syrup dose in autumn?", False),
        ("What is the weight of a syrup dose per colony in autumn?", True),
    ],
)
def test_a_number_is_asked_with_what_it_is_counted_by(
    put_markdown: Callable[[str, str], None],
    open_notes: Callable[[], Notes],
    question: str,
    found: bool,
) -> None:
    put_markdown("doses.md", DOSE)
    made_of = made(open_notes(), Scripted({"syrup": question}, {"syrup": "18 kg"}))
    assert ("18 kg" in answered(made_of)) is found


def test_a_choice_that_another_sentence_makes_right_is_left_out(
    winter: Notes, put_markdown: Callable[[str, str], None], open_notes: Callable[[], Notes]
) -> None:
    put_markdown("hazel.md", "# Hazel\n\nThe **hazel** is a bush with yellow catkins on its twigs.\n")
    willow = answered(made(open_notes(), Scripted()))["Willow"]
    assert "Hazel" in willow.choices
    put_markdown("feed.md", "# Feed\n\nHazel feeds bees with first pollen too.\n")
    willow = answered(made(open_notes(), Scripted()))["Willow"]
    assert "Hazel" not in willow.choices


CASTES = """# Castes

The **{key}** {verb} the cold months of a hive in a dense ball.

{others}"""


@pytest.mark.parametrize(
    ("key", "verb", "like", "unlike"),
    [
        ("winter bees", "outlive", ("guards", "scouts", "nurses"), ("drone", "larva", "queen")),
        ("WBX", "outlives", ("DRN", "LRV", "QN-2"), ("drone", "larva", "queen")),
    ],
)
def test_wrong_choices_have_the_form_of_the_key(
    put_markdown: Callable[[str, str], None],
    open_notes: Callable[[], Notes],
    key: str,
    verb: str,
    like: tuple[str, ...],
    unlike: tuple[str, ...],
) -> None:
    others = (f"The **{name}** likes {n} combs with pollen more than honey.\n\n" for n, name in enumerate(unlike + like))  # fmt: skip
    put_markdown("castes.md", CASTES.format(key=key, verb=verb, others="".join(others)))
    question = "What outlives the cold months of a hive in a dense ball?"
    found = made(open_notes(), Scripted({"dense ball": question}, {"dense ball": key}))
    (item,) = [one for one in found.items if one.answer.casefold() == key.casefold()]
    assert {one.casefold() for one in item.choices} == {one.casefold() for one in (key, *like)}


def test_the_key_of_another_sentence_is_a_wrong_choice(
    put_markdown: Callable[[str, str], None], open_notes: Callable[[], Notes]
) -> None:
    bush = (
        "\n\nThe [Corylus bush](x.md) feeds hungry scouts with yellow catkins on {} days of early spring.\n"
    )
    put_markdown("hazel.md", "# The Corylus bush\n" + "".join(map(bush.format, ("warm", "cold", "wet"))))
    put_markdown("winter.md", WINTER)
    willow = answered(made(open_notes(), Scripted()))["Willow"]
    assert sorted(willow.choices) == ["Cluster", "Corylus bush", "Smoker", "Willow"]
