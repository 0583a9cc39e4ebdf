"""Near misses made of examples with an answer, on notes written for the tests."""

import random

import numpy as np
import pytest

from finetune.evidence.aspects import aspect, aspect_all, check_all, kept_aspect
from finetune.evidence.contrasts import TEST, contrasts, cut, is_specific, names_of, other_aspects, renamed
from finetune.evidence.contrasts import main as add_contrasts
from finetune.evidence.examples import EvidenceExample, ShownPassage, load, save
from finetune.evidence.packing import pack

KEYS = "Keys are at the desk. Locker 12 opens with the blue key of Anna Berg. Return it on Friday evening."
BIKES = "Bikes stand in the yard behind the gym."


def _example(question="Which key opens locker 12?", evidence=((0, 1),), **fields):
    shown = (ShownPassage("House rules", KEYS), ShownPassage("House rules", BIKES))
    return EvidenceExample("rules", "teacher-own", question, shown, evidence, **fields)


def test_the_answer_is_cut_and_its_neighbours_stay():
    made = cut(_example())
    assert made.passages[0].text == "Keys are at the desk. Return it on Friday evening."
    assert made.passages[1].text == BIKES
    assert made.evidence == () and made.origin == "teacher-cut"


def test_a_passage_of_which_nothing_would_be_left_is_not_cut():
    assert cut(_example("Where do bikes stand?", ((1, 0),))) is None


def test_a_number_of_the_answer_becomes_one_that_no_passage_has():
    made = renamed(_example(), [], random.Random(0))
    number = made.question.removeprefix("Which key opens locker ").removesuffix("?")
    assert number.isdigit() and number != "12"
    assert made.evidence == () and made.passages == _example().passages


def test_a_name_becomes_another_of_the_same_notes():
    asked = _example("What does the key of Anna Berg open?")
    made = renamed(asked, ["Clara"], random.Random(0))
    assert made.question in (
        "What does the key of Clara Berg open?",
        "What does the key of Anna Clara open?",
    )
    assert renamed(asked, [], random.Random(0)) is None
    assert renamed(asked, ["Friday"], random.Random(0)) is None  # a passage has it


def test_what_only_the_question_has_is_not_renamed():
    assert (
        renamed(_example("I have 3 bags, which key opens the locker?"), ["Clara"], random.Random(0)) is None
    )


@pytest.mark.parametrize(
    ("word", "place", "expected"),
    [("12", 3, True), ("IPv6", 0, True), ("Anna", 0, False), ("Anna", 2, True), ("key", 2, False)],
)
def test_numbers_and_capitals_inside_a_sentence_are_specific(word, place, expected):
    assert is_specific(word, place) is expected


def test_names_leave_questions_in_other_languages_out():
    german = EvidenceExample("rules", "teacher-language", "Wo ist der Schrank?", (), ())
    english = _example("Where does Clara keep IPv6 and Locker?")
    assert names_of([german, english])["rules"] == ["Clara", "Locker"]


def test_only_sure_answers_are_contrasted():
    many = [_example(), _example(weak=True), _example(evidence=())] * 40
    made = contrasts(many, {}, seed=1)
    kinds = [example.origin for example in made]
    assert 8 <= kinds.count("teacher-cut") <= 24  # of 40, with a share of .4
    assert 12 <= kinds.count("teacher-renamed") <= 28
    doubtful = contrasts(many, {"Which key opens locker 12?": 0.3}, seed=1)
    assert {example.origin for example in doubtful} == {"teacher-renamed"}


def _row(after, asked="Who paid for locker 12?"):
    return {
        "question": "Which key opens locker 12?",
        "asked": asked,
        "chances": [0.8, 0.01, 0.1],
        "after": after,
    }


def test_another_aspect_is_taken_where_the_teacher_doubts_it():
    rows = [_row([0.3, 0.2, 0.1]), _row([0.7, 0.2, 0.1]), _row([0.3, 0.01, 0.1])]
    (made,) = other_aspects([_example(), _example(evidence=())], rows)
    assert made.question == "Who paid for locker 12?"
    assert made.evidence == () and made.origin == "teacher-aspect"


@pytest.mark.parametrize(
    ("after", "kept"),
    [
        ("Who paid for locker 12?", True),
        ("Which key belongs to locker 12?", True),
        ("Which key is blue and opens locker 12?", False),  # the notes have it
        ("Who paid for the swimming pool?", False),  # another thing
        ("Which key opens locker 12", False),  # the same again
    ],
)
def test_another_aspect_keeps_the_thing_and_names_what_the_notes_lack(after, kept):
    assert kept_aspect("Which key opens locker 12?", after, f"House rules\n{KEYS}") is kept


class _Teacher:
    """Turns every question into one about who paid, and finds no line for it."""

    def answers(self, requests):
        if "choices" in requests[0]:
            assert all(request["messages"][-1]["content"].startswith("Who paid") for request in requests)
            return [{"scores": [-1.0] * len(request["choices"])} for request in requests]
        return [{"texts": ["Who paid for locker 12?\nand more"], "finished": [True]} for _ in requests]


def test_the_teacher_turns_questions_and_says_what_it_finds():
    start = KEYS.index("Locker")
    row = {
        "question": "Which key opens locker 12?",
        "context": "House rules",
        "passage": KEYS,
        "sentence": [start, start + 47],
    }
    assert aspect(row["question"], row["context"])[-1]["content"].endswith("Which key opens locker 12?")
    (found,) = aspect_all(_Teacher(), [row])
    check_all(_Teacher(), [found])
    assert found["asked"] == "Who paid for locker 12?"
    assert found["after"] == [pytest.approx(np.exp(-1), abs=1e-4)] * 3


def test_the_near_misses_are_added_to_training_and_tested_apart(tmp_path, monkeypatch):
    save(tmp_path / "in", {"train": [_example()] * 20, "valid": [_example()] * 20})
    monkeypatch.setattr("sys.argv", ["contrasts", "--examples", f"{tmp_path}/in", "--out", f"{tmp_path}/out"])
    add_contrasts()
    assert load(tmp_path / "out", "train")[:20] == load(tmp_path / "in", "train")
    assert load(tmp_path / "out", "valid") == load(tmp_path / "in", "valid")
    test = load(tmp_path / "out", TEST)
    assert sum(bool(example.evidence) for example in test) == 20 < len(test)


def test_what_the_teacher_did_not_read_is_taught_by_its_labels():
    part = pack([_example(), _example(), cut(_example())])
    taught = part.with_teacher(np.zeros(8, np.float16), np.zeros(4, np.float16)).taught
    assert [row.tolist() for row in (taught[0][0], taught[0][2])] == [[0.0] * 4, [-5.0] * 3]
    assert taught[1][2].tolist() == [-5.0, -5.0]
