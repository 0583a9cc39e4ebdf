"""The making and the measuring of grounded examples, on notes written for the tests."""

import random

import numpy as np
import pytest

from finetune.grounded.evaluation import judge, summarize
from finetune.grounded.examples import Mix, make_examples, target_of
from finetune.grounded.invented_courses import invented_courses
from finetune.grounded.nearest import nearest
from finetune.grounded.passages import cut, markdown_blocks, passage
from finetune.grounded.questions import ask_by_rule
from finetune.grounded.rows import conversation, load, save
from finetune.grounded.types import Corpus, Question, Support
from rag.errors import DatasetError
from rag.prompt import ABSTENTION

HERON = "A heron stands still in shallow water."
OTTER = "An otter eats fish and crabs."
LYNX = "The lynx hunts hares at dusk."
ALWAYS = Mix(near=0, cut=0, far=0, rephrase=False)


@pytest.fixture
def corpus():
    chunks = [passage("animals", n, text, "Animals") for n, text in enumerate((HERON, OTTER, LYNX))]
    asked = Question("What does an otter eat?", (Support(1, OTTER),), ("fish and crabs",))
    return Corpus("animals", chunks, [asked])


def _examples(corpus, mix):
    return make_examples(corpus, nearest(corpus, None, 3), [corpus], mix, random.Random(1))


def test_the_target_is_the_sentence_with_the_number_its_note_has_in_the_order_shown(corpus):
    (example,) = _examples(corpus, ALWAYS)
    (number,) = example.gold
    assert example.notes[number - 1].passage.text == OTTER
    assert example.target == f"{OTTER} [{number}]"
    assert example.target in conversation(example)[-1]["content"]


def test_a_list_item_is_copied_without_its_bullet():
    question = Question("?", (Support(0, "- Homework: 20%"), Support(3, "Exam\n  80%")))
    assert target_of(question, {0: 2, 3: 1}) == "Homework: 20% [2] Exam 80% [1]"


def test_without_its_sentence_a_note_no_longer_answers(corpus):
    (example,) = _examples(corpus, Mix(near=0, cut=1, far=0, rephrase=False))
    assert example.gold == () and example.target == ABSTENTION
    assert all("otter" not in note.chunk().text for note in example.notes)


def test_hard_negatives_leave_the_right_note_out(corpus):
    (example,) = _examples(corpus, Mix(near=1, cut=0, far=0, rephrase=False))
    assert OTTER not in [note.passage.text for note in example.notes]
    assert example.target == ABSTENTION


def test_words_rank_the_passage_that_holds_them_first(corpus):
    assert nearest(corpus, None, 2)[0, 0] == 1


def test_a_saved_example_comes_back_as_it_was(corpus, tmp_path):
    made = _examples(corpus, Mix(near=0, cut=1, far=0, rephrase=False)) + _examples(corpus, ALWAYS)
    assert save(tmp_path, {"train": made}) == {"train": 2}
    back = load(tmp_path, "train")
    assert [conversation(example) for example in back] == [conversation(example) for example in made]
    with pytest.raises(DatasetError, match="build"):
        load(tmp_path, "test-missing")


def test_an_answer_is_judged_by_its_words_its_citation_and_its_refusal(corpus):
    (example,) = _examples(corpus, ALWAYS)
    right = judge(example, f"It eats fish and crabs. [{example.gold[0]}]")
    assert (right["answer contained"], right["citation right"], right["abstains when it should not"]) == (
        1,
        1,
        0,
    )
    refused = judge(example, ABSTENTION)
    assert (refused["answer contained"], refused["abstains when it should not"]) == (0, 1)
    assert "grounded" not in refused
    assert judge(example, "Elephants fly over Paris [9]")["citation right"] == 0


def test_figures_are_means_with_an_interval_around_them():
    figure = summarize([{"citation right": 1.0}] * 30 + [{"citation right": 0.0}] * 10)["citation right"]
    assert figure.mean == 0.75 and figure.n == 40
    assert 0.55 < figure.low < 0.75 < figure.high < 0.92


def test_an_invented_course_answers_its_questions_verbatim_and_some_not_at_all():
    courses = invented_courses(8, seed=4)
    for course in courses:
        for question in course.questions:
            assert all(s.text in course.passages[s.passage].text for s in question.supports)
            assert all(a in question.supports[0].text for a in question.answers)
    assert any(not q.supports for c in courses for q in c.questions)
    assert [c.passages[0].text for c in courses] == [c.passages[0].text for c in invented_courses(8, seed=4)]


def test_passages_keep_their_headings_and_fit_their_length():
    text = (
        "# Birds\n\n"
        + " ".join(f"Bird {n} sings at dawn." for n in range(40))
        + "\n\n## Owls\n\nOwls hunt at night."
    )
    chunks = cut("birds.md", "Birds", markdown_blocks(text), 300)
    assert chunks[-1].headings == ("Birds", "Owls") and chunks[-1].text == "Owls hunt at night."
    assert all(len(chunk.text) <= 345 for chunk in chunks)


def test_a_definition_and_commented_code_become_questions():
    defined = passage(
        "d", 0, "Overfitting is the process in which a model learns the noise of its data.", "ML"
    )
    (question,) = ask_by_rule(defined, 0, random.Random(0))
    assert "overfitting" in question.text.lower()
    code = passage("d", 1, "```python\n# Load the table of birds\ntable = read(path)\n```", "ML")
    (question,) = ask_by_rule(code, 1, random.Random(0))
    assert question.supports[0].text == "# Load the table of birds\ntable = read(path)"


def test_no_questions_need_no_ranking():
    assert nearest(Corpus("none", [passage("a", 0, "text", "")]), None, 5).shape == (0, 5)
    assert np.issubdtype(nearest(Corpus("none", []), None, 5).dtype, np.integer)
