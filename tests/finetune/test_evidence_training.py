"""The evidence scorer's training data, batches, loss and figures, on notes written for the tests."""

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.evidence.batches import MASK_ID, Sizes, collate, plan
from finetune.evidence.examples import EvidenceExample, ShownPassage, load, parts_of, save
from finetune.evidence.export import rounded
from finetune.evidence.figures import auc, calibration_error, fit, log_sum_exp, sigmoid
from finetune.evidence.negatives import NegativeSearch, draw
from finetune.evidence.packed import LONGEST, Ragged, load_packed, save_packed
from finetune.evidence.packing import pack
from finetune.evidence.teacher_questions import add_teacher, trust_of
from finetune.evidence.training_examples import Mix, evidence_in, train_examples
from finetune.grounded.passages import passage
from finetune.grounded.types import Corpus, Support, TrainingQuestion
from rag.answer.evidence_encoding import MAX_TOKENS
from rag.errors import DatasetError

EXAM = "The exam is on 3 May. Bring a pen."
QUIZ = "The quiz is on 7 June. It is short."
LAB = "The lab report is due on Friday."
HERON = "A heron stands still in shallow water."
ASKED = TrainingQuestion("When is the exam?", (Support(0, "The exam is on 3 May."),), ("3 May",), "human")


@pytest.fixture
def corpus():
    course = [passage("course.md", n, text, "Course") for n, text in enumerate((EXAM, QUIZ, LAB))]
    birds = [passage("birds.md", 0, HERON, "Birds"), passage("dates.md", 0, "The exam: 3 May.", "Dates")]
    return Corpus("course", [*course, *birds], [ASKED])


@pytest.fixture
def vectors():
    return np.eye(5, 8, dtype=np.float32)


class Embedder:
    """Gives every text the same vector."""

    def embed_passages(self, texts):
        return np.ones((len(texts), 8), np.float32)


def _example(evidence=((0, 0),), **fields):
    shown = (
        ShownPassage("Course", EXAM),
        ShownPassage("Course", QUIZ),
        ShownPassage("", " ".join([LAB] * 60)),
    )
    return EvidenceExample("course", "human", "When is the exam?", shown, evidence, **fields)


def test_a_passage_that_holds_the_answer_too_is_no_negative(corpus, vectors):
    search = NegativeSearch(corpus, vectors)
    same, rest = search.siblings(ASKED, search.cosines(np.ones((1, 8), np.float32))[0])
    assert sorted(same) == [1, 2]  # of the same document
    assert rest == [3]  # not "The exam: 3 May."


def test_negatives_are_drawn_once_each_and_near_ones_first():
    rng = random.Random(0)
    drawn = [draw(range(8), range(10, 18), 3, 0.5, rng) for _ in range(400)]
    assert all(len(set(found)) == 3 for found in drawn)
    share = sum(place < 10 for found in drawn for place in found) / 1200
    assert 0.4 < share < 0.6
    counts = np.bincount([place for found in drawn for place in found if place < 8], minlength=8)
    assert counts[0] > 2 * counts[4]
    assert draw([1], [], 3, 0.5, rng) == [1]


def test_evidence_are_the_sentences_that_a_support_covers():
    text = "One is here. Two follows it. Three ends."
    assert evidence_in(text, ["Two follows it."]) == (1,)
    assert evidence_in(text, ["One is here. Two follows it."]) == (0, 1)
    assert evidence_in(text, ["Four"]) == ()


def test_training_examples_have_their_evidence_or_none(corpus, vectors):
    mix = Mix(rounds=(("human", 60),), near=0.3, cut=0.2, far=0.0)
    made = train_examples(corpus, vectors, Embedder(), [corpus], mix, random.Random(1))
    assert len(made) == 60
    for example in made:
        texts = [shown.text for shown in example.passages]
        if example.evidence:
            ((slot, sentence),) = example.evidence
            assert texts[slot] == EXAM and sentence == 0
        else:
            assert EXAM not in texts
    assert 15 < sum(not example.evidence for example in made) < 45


@pytest.mark.parametrize(
    ("row", "trust"),
    [
        ({}, "strong"),
        ({"round_trip": True, "chances": [0.1, 0.9, 0.0]}, "strong"),
        ({"round_trip": False, "chances": [0.5, 0.1, 0.3], "rank": 3, "language": "en"}, "strong"),
        ({"round_trip": False, "chances": [0.2, 0.01, 0.6], "rank": 3, "language": "en"}, "weak"),
        ({"round_trip": False, "chances": [0.2, 0.01, 0.6], "rank": 3, "language": "de"}, "doubtful"),
        ({"round_trip": False, "chances": [0.2, 0.3, 0.6], "rank": 3, "language": "en"}, "doubtful"),
        ({"round_trip": False, "chances": [0.5, 0.1, 0.3]}, "doubtful"),
    ],
)
def test_trust_in_a_teachers_question(row, trust):
    assert trust_of(row) == trust


def test_a_teachers_question_goes_to_the_passage_it_was_written_on(corpus):
    row = {"corpus": "course", "passage": QUIZ, "question": "quiz date?", "sentence": [0, 22], "style": "own"}
    assert add_teacher([corpus], [row, {**row, "passage": "unknown"}]) == 1
    added = corpus.questions[-1]
    assert (added.text, added.origin) == ("quiz date?", "teacher-own")
    assert added.supports == (Support(1, "The quiz is on 7 June."),)


def test_examples_come_back_as_they_were_saved(tmp_path):
    parts = {"train": [_example(weak=True)], "test-x": [_example((), right=((1, 0),))]}
    assert save(tmp_path, parts) == {"train": 1, "test-x": 1}
    assert {name: load(tmp_path, name) for name in parts_of(tmp_path)} == parts
    with pytest.raises(DatasetError, match="Build them with"):
        parts_of(tmp_path / "nothing")


def test_a_packed_part_comes_back_as_it_was_saved(tmp_path):
    part = pack([_example(), _example((), weak=True)])
    save_packed(tmp_path / "train.npz", part)
    again = load_packed(tmp_path / "train.npz")
    for name in ("heads", "bodies", "sentence", "shown", "gold", "evidence", "right", "ignored"):
        one, other = getattr(part, name), getattr(again, name)
        assert one.flat.tolist() == other.flat.tolist() and one.start.tolist() == other.start.tolist()
    assert again.weak.tolist() == [0, 1] and again.asked.tolist() == [0, 0]
    assert LONGEST == MAX_TOKENS


def test_a_batch_holds_every_pair_whole_and_its_padding_apart():
    part = pack([_example(), _example((), weak=True)])
    sizes = Sizes.for_tokens(2048)
    batch = collate(part, np.arange(2), sizes)
    lengths = np.diff(batch["bounds"])
    assert lengths.sum() == 2048 and lengths.max() <= LONGEST
    pairs, sentences, examples = batch["used"]
    assert (pairs, examples) == (6, 2) and part.lengths().sum() == lengths[:6].sum()
    assert batch["gold"][:6].tolist() == [1, 0, 0, 0, 0, 0]
    first = np.concatenate([part.heads[0], part.bodies[0]])
    assert batch["ids"][: len(first)].tolist() == first.tolist()
    assert batch["target"][:sentences].sum() == 1 and batch["target"][0] == 1
    # The third passage is longer than an input: its last sentences have no token and no part in the loss.
    assert (batch["count"][4:sentences] == 0).any() and batch["count"][:4].all()
    assert set(batch["owner"][:sentences]) == {0, 1}


def test_hidden_words_are_of_the_question_alone():
    part = pack([_example()] * 40)
    batch = collate(part, np.arange(10), Sizes.for_tokens(8192), np.random.default_rng(0), masked=0.5)
    hidden = batch["ids"] == MASK_ID
    assert hidden.any() and not batch["kind"][hidden].any()


def test_a_part_is_planned_into_batches_that_fit():
    part = pack([_example(), _example(())] * 30)
    sizes = Sizes.for_tokens(2048)
    batches = plan(part, np.arange(60), sizes)
    assert np.concatenate(batches).tolist() == list(range(60))
    assert all(part.lengths()[rows].sum() <= 2048 for rows in batches) and len(batches) > 10


def test_weights_in_8_bits_are_near_the_ones_they_came_from():
    state = {
        "a": np.random.default_rng(0).normal(size=(6, 64)).astype(np.float32),
        "b": np.ones(4, np.float32),
    }
    found = rounded(state)
    assert found["a"].dtype == np.int8 and found["b"].dtype == np.float16
    again = found["a"] * found["a.scale"].astype(np.float32)[:, None]
    assert np.abs(again - state["a"]).max() < 0.02 * np.abs(state["a"]).max()


@given(
    st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=30).filter(
        lambda pairs: len({truth for _, truth in pairs}) == 2
    )
)
def test_the_area_under_the_curve_is_the_share_of_pairs_in_order(pairs):
    good = [score for score, truth in pairs if truth]
    bad = [score for score, truth in pairs if not truth]
    by_hand = sum((g > b) + 0.5 * (g == b) for g in good for b in bad) / (len(good) * len(bad))
    scores, truths = (np.array(column) for column in zip(*pairs, strict=True))
    assert auc(scores.astype(float), truths) == pytest.approx(by_hand)


def test_the_calibration_finds_the_weights_that_made_the_truths():
    rng = np.random.default_rng(0)
    x = rng.normal(0, 3, (20_000, 2))
    y = rng.random(20_000) < sigmoid(0.7 * x[:, 0] - 0.4 * x[:, 1] + 0.5)
    assert fit(x, y) == pytest.approx((0.7, -0.4, 0.5), abs=0.05)
    assert calibration_error(sigmoid(0.7 * x[:, 0] - 0.4 * x[:, 1] + 0.5), y) < 0.01
    assert calibration_error(np.array([0.9, 0.9]), np.array([True, False])) == pytest.approx(0.4)


def test_the_log_sum_exp_of_each_owner():
    found = log_sum_exp(np.array([0.0, 0.0, 5.0]), np.array([0, 0, 2]), 3)
    assert found == pytest.approx([math.log(2), -30, 5])


@pytest.mark.model
def test_the_loss_is_that_of_the_definition():
    torch = pytest.importorskip("torch")
    from finetune.evidence.train import Recipe, loss_of

    part = pack([_example(), _example(())])
    sizes = Sizes.for_tokens(2048)
    batch = {name: torch.from_numpy(value) for name, value in collate(part, np.arange(2), sizes).items()}
    rng = np.random.default_rng(0)
    z = rng.normal(size=sizes.sentences).astype(np.float32)
    p = rng.normal(size=sizes.pairs).astype(np.float32)
    recipe = Recipe(sentence_loss=0.3, passage_loss=0.2)
    found = loss_of(torch.from_numpy(z), torch.from_numpy(p), batch, recipe, sizes).item()
    real, target, owner = (batch[name].numpy() for name in ("count", "target", "owner"))
    listwise = []
    for example in range(2):
        mine = (owner == example) & (real > 0)
        good = np.exp(z[mine & (target > 0)]).sum() if (mine & (target > 0)).any() else 1.0
        listwise.append(math.log((1 + np.exp(z[mine]).sum()) / good))
    each = np.logaddexp(0, z) - target * z
    sentences = (each * np.where(target > 0, 4, 1))[real > 0].sum() / (real > 0).sum()
    pairs = (np.logaddexp(0, p) - batch["gold"].numpy() * p)[:6].mean()
    assert found == pytest.approx(np.mean(listwise) + 0.3 * sentences + 0.2 * pairs, rel=1e-4)


@pytest.mark.model
def test_negatives_of_the_teachers_that_look_like_answers_are_left_out():
    pytest.importorskip("torch")
    from finetune.evidence.prediction import Logits
    from finetune.evidence.train import without_doubtful

    part = pack([_example(), EvidenceExample("c", "teacher-own", "quiz?", _example().passages, ((1, 0),))])
    pair = np.array([5, 5, 5, 5, 5, -5], np.float32)
    left = without_doubtful(part, Logits(np.zeros(0, np.float32), pair), 0.9)
    assert left.ignored.flat.tolist() == [False, False, False, True, False, False]
    batch = collate(left, np.arange(2), Sizes.for_tokens(2048))
    assert batch["real"][:6].tolist() == [1, 1, 1, 0, 1, 1]


def test_ragged_rows():
    rows = Ragged.of([[1, 2], [], [3]], np.int64)
    assert len(rows) == 3 and rows[1].tolist() == [] and rows.lengths.tolist() == [2, 0, 1]


def test_a_near_miss_is_shown_with_its_passage_and_has_no_evidence(corpus, vectors):
    row = {"corpus": "course", "passage": EXAM, "question": "When is the resit?", "style": "miss"}
    assert add_teacher([corpus], [{**row, "round_trip": True}, {**row, "round_trip": False}]) == 1
    corpus.questions = corpus.questions[1:]
    (made,) = train_examples(corpus, vectors, Embedder(), [corpus], Mix(), random.Random(0))
    assert made.question == "When is the resit?"
    assert EXAM in [shown.text for shown in made.passages]
    assert made.evidence == ()
