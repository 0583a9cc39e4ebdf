"""The making and the measuring of grounded examples, on notes written for the tests."""

import gzip
import random

import numpy as np
import pytest

from finetune.grounded.build import both_ways, with_share
from finetune.grounded.evaluation import judge, summarize
from finetune.grounded.examples import Mix, make_examples, target_of
from finetune.grounded.invented_courses import invented_courses
from finetune.grounded.nearest import Bm25
from finetune.grounded.notes import corpus_of, write_notes
from finetune.grounded.passages import passage
from finetune.grounded.questions import ask_by_rule
from finetune.grounded.rows import conversation, load, save
from finetune.grounded.types import Asked, Corpus, Part, Source, Support, TrainingQuestion
from finetune.grounded.written import load_all as written_courses
from rag.errors import DatasetError
from rag.prompt import ABSTENTION

HERON = "A heron stands still in shallow water."
OTTER = "An otter eats fish and crabs."
LYNX = "The lynx hunts hares at dusk."
ALWAYS = Mix(near=0, cut=0, far=0, rephrase=False)
RANKED = np.array([[1, 0, 2]])
"""What a search finds for the question about the otter, best first."""


@pytest.fixture
def corpus():
    chunks = [passage("animals", n, text, "Animals") for n, text in enumerate((HERON, OTTER, LYNX))]
    asked = TrainingQuestion("What does an otter eat?", (Support(1, OTTER),), ("fish and crabs",))
    return Corpus("animals", chunks, [asked])


def _examples(corpus, mix):
    return make_examples(corpus, RANKED, [corpus], {"human": mix}, random.Random(1))


def test_the_target_is_the_sentence_with_the_number_its_note_has_in_the_order_shown(corpus):
    (example,) = _examples(corpus, ALWAYS)
    (number,) = example.gold
    assert example.notes[number - 1].passage.text == OTTER
    assert example.target == f"{OTTER} [{number}]"
    assert example.target in conversation(example)[-1]["content"]


def test_a_list_item_is_copied_without_its_bullet():
    question = TrainingQuestion("?", (Support(0, "- Homework: 20%"), Support(3, "Exam\n  80%")))
    assert target_of(question, {0: 2, 3: 1}) == "Homework: 20% [2] Exam 80% [1]"


def test_without_its_sentence_a_note_no_longer_answers(corpus):
    (example,) = _examples(corpus, Mix(near=0, cut=1, far=0, rephrase=False))
    assert example.gold == () and example.target == ABSTENTION
    assert all("otter" not in note.chunk().text for note in example.notes)


def test_hard_negatives_leave_the_right_note_out(corpus):
    (example,) = _examples(corpus, Mix(near=1, cut=0, far=0, rephrase=False))
    assert OTTER not in [note.passage.text for note in example.notes]
    assert example.target == ABSTENTION


def test_what_is_measured_is_asked_with_the_answer_among_the_notes_and_without(corpus):
    corpus.questions.append(TrainingQuestion("What does a unicorn eat?", ()))  # has no answer: asked once
    ranked = np.array([[1, 0, 2], [0, 1, 2]])
    made = both_ways(corpus, ranked, [corpus], random.Random(0))
    assert [(example.question, bool(example.gold)) for example in made] == [
        ("What does an otter eat?", True),
        ("What does an otter eat?", False),
        ("What does a unicorn eat?", False),
    ]


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_examples_are_left_out_until_the_share_has_no_answer(corpus, share):
    (answered,) = _examples(corpus, ALWAYS)
    (refused,) = _examples(corpus, Mix(near=1, cut=0, far=0, rephrase=False))
    examples = [answered] * 72 + [refused] * 24
    kept = with_share(examples, share)
    counts = kept.count(answered), kept.count(refused)
    assert counts == {0.1: (72, 8), 0.5: (24, 24)}[share]
    with pytest.raises(DatasetError, match="of one kind"):
        with_share([answered] * 3, share)


def test_notes_stand_in_the_order_of_the_search_where_the_mix_says_so(corpus):
    (example,) = _examples(corpus, Mix(near=0, cut=0, far=0, ranked=1.0, sizes=(3,), rephrase=False))
    shown = [note.passage.text for note in example.notes]
    assert len(shown) >= 2 and shown == [text for text in (OTTER, HERON, LYNX) if text in shown]
    assert example.gold == (1,)


def test_words_rank_the_passage_that_holds_them_first():
    assert np.argmax(Bm25([HERON, OTTER, LYNX]).scores("What does an otter eat?")) == 1
    assert not Bm25([HERON, OTTER]).scores("Why?").any()


def test_a_saved_example_comes_back_as_it_was(corpus, tmp_path):
    made = _examples(corpus, Mix(near=0, cut=1, far=0, rephrase=False)) + _examples(corpus, ALWAYS)
    assert save(tmp_path, {"train": made}) == {"train": 2}
    back = load(tmp_path, "train")
    assert [conversation(example) for example in back] == [conversation(example) for example in made]
    with pytest.raises(DatasetError, match="--data DIR --library DIR --out DIR"):
        load(tmp_path, "test-missing")


@pytest.mark.parametrize("damage", ["cut", "flipped", "shape"])
def test_damaged_examples_are_one_sentence(corpus, tmp_path, damage):
    save(tmp_path, {"train": _examples(corpus, ALWAYS) * 40})
    file = tmp_path / "train.jsonl.gz"
    whole = file.read_bytes()
    damaged = {
        "cut": whole[:-12],
        "flipped": whole[:40] + b"\xff" * 40 + whole[80:],
        "shape": gzip.compress(b'{"notes": [[]]}\n'),
    }
    file.write_bytes(damaged[damage])
    with pytest.raises(DatasetError, match="does not have the grounded examples 'train' whole"):
        load(tmp_path, "train")


def test_no_note_that_the_answer_cites_is_dropped_for_length():
    """Two supports in passages that together are longer than a prompt ever is."""
    texts = [f"{sentence} {'filler ' * 500}" for sentence in (HERON, OTTER)]
    chunks = [passage("animals", n, text, "Animals") for n, text in enumerate([*texts, LYNX])]
    asked = TrainingQuestion("What do they do?", (Support(0, HERON), Support(1, OTTER)))
    (example,) = _examples(Corpus("animals", chunks, [asked]), ALWAYS)
    assert example.gold == (1, 2) and len(example.notes) == 2
    assert HERON in example.target and OTTER in example.target


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
        for asked in course.asked:
            for document, start, end in asked.spans:
                assert all(answer in course.documents[document][start:end] for answer in asked.answers)
    assert any(not asked.spans for course in courses for asked in course.asked)
    assert [c.documents for c in courses] == [c.documents for c in invented_courses(8, seed=4)]


def test_a_definition_and_commented_code_become_questions():
    defined = passage(
        "d", 0, "Overfitting is the process in which a model learns the noise of its data.", "ML"
    )
    (question,) = ask_by_rule(defined, 0, random.Random(0))
    assert "overfitting" in question.text.lower()
    code = passage("d", 1, "```python\n# Load the table of birds\ntable = read(path)\n```", "ML")
    (question,) = ask_by_rule(code, 1, random.Random(0))
    assert question.supports[0].text == "# Load the table of birds\ntable = read(path)"


def test_pages_written_for_the_project_hold_what_answers_their_questions():
    courses = written_courses()
    parts = [course.part for course in courses]
    assert (parts.count(Part.TEST), parts.count(Part.VALID), len(parts)) == (4, 2, 24)
    for course in courses:
        for asked in course.asked:
            for document, start, end in asked.spans:
                text = course.documents[document]
                assert text.count(text[start:end]) == 1
        assert any(not asked.spans for asked in course.asked)


@pytest.mark.model
def test_notes_are_cut_by_ingest_and_found_by_the_search(tmp_path):
    """A support comes back from the library as it stands in its passage, and the search puts that passage first."""
    from finetune.grounded.nearest import CorpusSearch
    from ingest.pipeline import ingest_paths
    from rag.embedding.engine import open_embedder
    from rag.library.library import Library
    from rag.settings import EmbeddingSettings, Settings

    page = "# Animals\n\n## Otters\n\n- An otter eats fish.\n- It sleeps afloat.\n\n## Herons\n\nA heron stands still.\n"
    start = page.index("It sleeps afloat.")
    asked = Asked("Where does an otter sleep?", (("a.md", start, start + 17),))
    source = Source("animals", {"a.md": page, "b.md": "# Lynx\n\nThe lynx hunts hares at dusk.\n"}, [asked])
    assert write_notes([source], tmp_path / "notes") == 2
    embedder = open_embedder(EmbeddingSettings())
    with Library.open(tmp_path / "library", create=True) as library:
        ingest_paths(library, [tmp_path / "notes"], embedder, Settings())
        corpus = corpus_of(source, library)
        (question,) = corpus.questions
        assert question.supports[0].text == "It sleeps afloat."
        best = CorpusSearch(library, embedder).nearest(corpus, 2)[0]
    assert best[0] == question.supports[0].passage
    assert corpus.passages[best[1]].title == "Lynx"


def test_a_seed_gives_the_same_invented_courses_as_ever():
    """The digest is that of the courses before their templates became data: training rows depend on every draw."""
    from dataclasses import asdict
    from hashlib import sha256

    digest = sha256()
    for course in invented_courses(25, seed=0):
        digest.update(repr(asdict(course)).encode())
    assert digest.hexdigest()[:16] == "c1c38f42db9ed71f"
