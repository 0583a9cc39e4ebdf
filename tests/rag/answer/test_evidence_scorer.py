"""The evidence scorer: its windows and graph on a tiny network of random weights, its judgement on the one that ships."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answer.evidence_encoding import MAX_TOKENS, EncodedPassage, PairEncoder, Window
from rag.answer.evidence_network import batches_of, build_graph, inputs_of
from rag.answer.evidence_scorer import FACTS, WEIGHTS, WEIGHTS_FOLDER, EvidenceScorer, weights_digest
from rag.embedding.openvino_embedder import openvino_core
from rag.errors import ModelMissing
from rag.text.sentences import sentence_spans
from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[3]
WIDTH, INNER, LAYERS = 24, 48, 2
NOTE = "The exam is on 3 May. It takes two hours.\n- Bring a pen\n- Bring your card"


@pytest.fixture(scope="module")
def weights():
    rng = np.random.default_rng(0)

    def linear(name, out, size):
        return {
            f"{name}.weight": rng.integers(-127, 128, (out, size)).astype(np.int8),
            f"{name}.weight.scale": (rng.random(out) / 300).astype(np.float16),
            f"{name}.bias": rng.normal(0, 0.1, out).astype(np.float16),
        }

    def norm(name):
        return {
            f"{name}.weight": (1 + rng.normal(0, 0.1, WIDTH)).astype(np.float16),
            f"{name}.bias": rng.normal(0, 0.1, WIDTH).astype(np.float16),
        }

    found = {"none": np.array([0.25], np.float16)}
    for name, rows in (("word", 30522), ("position", 512), ("kind", 2)):
        found[f"{name}.weight"] = rng.normal(0, 1, (rows, WIDTH)).astype(np.float16)
    found |= norm("norm")
    for layer in range(LAYERS):
        at = f"layers.{layer}"
        found |= linear(f"{at}.qkv", 3 * WIDTH, WIDTH) | linear(f"{at}.out", WIDTH, WIDTH)
        found |= linear(f"{at}.up", INNER, WIDTH) | linear(f"{at}.down", WIDTH, INNER)
        found |= norm(f"{at}.norm1") | norm(f"{at}.norm2")
    found |= linear("sentence.0", WIDTH, 2 * WIDTH) | linear("sentence.3", 1, WIDTH)
    return found | linear("passage.0", WIDTH, WIDTH) | linear("passage.3", 1, WIDTH)


@pytest.fixture(scope="module")
def folder(weights, tmp_path_factory):
    from safetensors.numpy import save_file

    folder = tmp_path_factory.mktemp("scorer")
    save_file(weights, folder / WEIGHTS)
    calibration = {"sentence": [1.0, 0.5, -1.0], "passage": [0.5, 0.5, 0.0], "question": [0.5, 1.0, -1.0]}
    facts = {"digest": weights_digest(folder / WEIGHTS), "calibration": calibration}
    (folder / FACTS).write_text(json.dumps(facts))
    return folder


@pytest.fixture(scope="module")
def scorer(folder):
    return EvidenceScorer.open(folder)


@pytest.fixture(scope="module")
def encoder():
    return PairEncoder.installed()


def _by_hand(weights, window):
    """The logits of one window by the definition, in numpy."""

    def matrix(name):
        values = weights[name].astype(np.float64)
        scale = weights.get(f"{name}.scale")
        return values if scale is None else values * scale.astype(np.float64)[:, None]

    def linear(x, name):
        return x @ matrix(f"{name}.weight").T + matrix(f"{name}.bias")

    def norm(x, name):
        centred = x - x.mean(-1, keepdims=True)
        unit = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return unit * matrix(f"{name}.weight") + matrix(f"{name}.bias")

    def gelu(x):
        from math import erf

        return x * 0.5 * (1 + np.vectorize(erf)(x / np.sqrt(2)))

    length = len(window.ids)
    kind = (np.arange(length) >= window.first).astype(int)
    x = matrix("word.weight")[window.ids] + matrix("position.weight")[:length] + matrix("kind.weight")[kind]
    x = norm(x, "norm")
    for layer in range(LAYERS):
        at = f"layers.{layer}"
        q, k, v = np.split(linear(x, f"{at}.qkv"), 3, axis=-1)
        heads = []
        for part in range(12):
            at_head = slice(part * WIDTH // 12, (part + 1) * WIDTH // 12)
            weight = np.exp(q[:, at_head] @ k[:, at_head].T / np.sqrt(WIDTH // 12))
            heads.append(weight / weight.sum(-1, keepdims=True) @ v[:, at_head])
        x = norm(x + linear(np.concatenate(heads, -1), f"{at}.out"), f"{at}.norm1")
        x = norm(x + linear(gelu(linear(x, f"{at}.up")), f"{at}.down"), f"{at}.norm2")
    numbers = np.unique(window.sentence[window.sentence >= 0])
    means = [np.concatenate([x[window.sentence == n].mean(0), x[0]]) for n in numbers]
    sentence = linear(gelu(linear(np.array(means), "sentence.0")), "sentence.3")[:, 0] - float(
        weights["none"][0]
    )
    return sentence, linear(gelu(linear(x[0], "passage.0")), "passage.3")[0]


def test_the_graph_is_the_network_by_definition_whatever_the_padding(weights, encoder, make_chunk):
    notes = encoder.passages([make_chunk(NOTE, title="Exams"), make_chunk("Short.")])
    windows = [w for note in notes for w in encoder.windows(encoder.question("when is the exam?"), note)]
    network = openvino_core().compile_model(build_graph(weights), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    sentence, pair = (np.array(value) for value in network(inputs_of(windows)).values())
    for line, window in enumerate(windows):
        by_hand, pair_by_hand = _by_hand(weights, window)
        assert sentence[line, : len(by_hand)] == pytest.approx(by_hand, abs=1e-4)
        assert pair[line] == pytest.approx(pair_by_hand, abs=1e-4)


def test_every_sentence_has_a_score_in_the_order_of_the_text(scorer, make_chunk):
    texts = [NOTE, "One sentence only.", "```\nx = 1\n```\nThen print it.", "| a | b |\n|---|---|\n| 1 | 2 |"]
    scores = scorer.score("when is the exam?", [make_chunk(text) for text in texts])
    for text, score in zip(texts, scores, strict=True):
        assert [(s.start, s.end) for s in score.sentences] == sentence_spans(text)
        assert all(0 <= s.score <= 1 for s in score.sentences) and 0 <= score.answers <= 1
    assert 0 <= scorer.any_answers(scores) <= 1
    assert scorer.score("when is the exam?", [make_chunk(text) for text in texts]) == scores


def test_a_passage_scores_the_same_alone_and_among_others(scorer, make_chunk):
    chunks = [make_chunk(NOTE), make_chunk("Rain falls mostly in autumn. " * 8), make_chunk("Bread.")]
    together = scorer.score("when is the exam?", chunks)
    alone = [scorer.score("when is the exam?", [chunk])[0] for chunk in chunks]
    for one, other in zip(together, alone, strict=True):
        assert one.logit == pytest.approx(other.logit, abs=0.05)


def test_nothing_is_scored_where_there_is_nothing(scorer, make_chunk):
    assert scorer.score("when is the exam?", []) == ()
    assert scorer.any_answers(()) == 0.0
    empty, invisible = scorer.score("when?", [make_chunk(""), make_chunk("\u200b\u200b")])
    assert empty.sentences == ()
    assert len(invisible.sentences) == len(sentence_spans("\u200b\u200b"))


@pytest.mark.parametrize(
    "question", ["", "?", "why " * 4000, "x" * 50_000, "[CLS] [SEP] <|im_start|> \x00 \ud83d"[:-1]]
)
def test_odd_questions_are_scored(scorer, make_chunk, question):
    (score,) = scorer.score(question, [make_chunk(NOTE)])
    assert len(score.sentences) == 4


def test_of_a_long_question_the_start_and_the_end_count(encoder):
    ids = encoder.question("start " + "word " * 5000 + "finish")
    assert len(ids) == 64
    assert ids[0] == encoder.question("start")[0] and ids[-1] == encoder.question("finish")[0]


def test_a_long_passage_is_read_whole_in_windows_cut_between_sentences(scorer, encoder, make_chunk):
    chunk = make_chunk("".join(f"Rule {n} says that case {n} is due on day {n}. " for n in range(80)))
    (passage,) = encoder.passages([chunk])
    windows = encoder.windows(encoder.question("when is case 7 due?"), passage)
    assert len(windows) > 2 and all(len(window.ids) <= MAX_TOKENS for window in windows)
    read = [set(window.sentence.tolist()) - {-1} for window in windows]
    assert sum(map(len, read)) == len(set().union(*read)) == 80
    (score,) = scorer.score("when is case 7 due?", [chunk])
    assert len(score.sentences) == 80 and all(s.logit > -20 for s in score.sentences)


@given(st.lists(st.integers(1, 400), max_size=8), st.integers(0, 64))
def test_windows_hold_every_token_once(lengths, asked):
    sentence = np.repeat(np.arange(len(lengths)), lengths)
    passage = EncodedPassage(
        [7] * 5, list(range(1000, 1000 + len(sentence))), sentence, [(0, 1)] * len(lengths)
    )
    encoder = PairEncoder.installed()
    windows = encoder.windows([9] * asked, passage)
    ids = [int(t) for w in windows for t in w.ids[w.first + 6 : -1]]
    assert ids == passage.ids
    assert [int(n) for w in windows for n in w.sentence if n >= 0] == sentence.tolist()
    assert all(len(w.ids) <= MAX_TOKENS for w in windows)


@given(st.lists(st.integers(1, 320), min_size=1, max_size=40), st.integers(1, 4))
def test_batches_hold_every_row_once_and_are_of_similar_length(lengths, streams):
    batches = batches_of(lengths, streams)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    flat = [lengths[row] for batch in batches for row in batch]
    assert flat == sorted(lengths, reverse=True)


def test_a_folder_that_is_not_whole_is_one_sentence(folder, tmp_path):
    with pytest.raises(ModelMissing, match="has no evidence scorer"):
        EvidenceScorer.open(tmp_path)
    for name in (FACTS, WEIGHTS):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with (tmp_path / WEIGHTS).open("r+b") as file:
        file.seek(-100, 2)
        file.write(b"\0" * 50)
    with pytest.raises(ModelMissing, match="damaged"):
        EvidenceScorer.open(tmp_path)


def test_neither_torch_nor_transformers_is_imported():
    code = (
        "import sys, rag.answer.evidence_scorer as e; e.PairEncoder.installed(); import safetensors.numpy;"
        "print({'torch', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_window_of_two_tokens_is_the_smallest():
    inputs = inputs_of([Window(np.zeros(2, np.int64), 1, np.array([-1, 0]))])
    assert inputs["pool"].sum() == 1 and inputs["mask"].sum() == 2


def test_batches_waste_little_and_share_the_work():
    lengths = [240, 235, 180, 176, 175, 130, 128, 125, 120, 100]
    batches = batches_of(lengths, 2)
    padded = sum(max(lengths[row] for row in batch) * len(batch) for batch in batches)
    assert len(batches) > 1 and padded < 1.1 * sum(lengths)
    assert all(max(lengths[row] for row in batch) * len(batch) <= 0.6 * padded for batch in batches)
    assert batches_of([180] * 10, 2) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]


@pytest.fixture(scope="module")
def shipped():
    return EvidenceScorer.open()


SYLLABUS = (
    "Grading: homework 40 %, midterm 20 %, final exam 40 %.\n"
    "The midterm is on 14 March in room B2. The final exam is on 20 June in the sports hall.\n"
    "Late homework loses 10 % a day. You may bring one handwritten sheet to the final, no laptop."
)
OVERFITTING = (
    "A model overfits when it learns the noise of the training set. Its training error is then much lower than "
    "its error on new data. Regularization, dropout and more data are the usual remedies. "
    "Underfitting means that the model is too simple for the pattern."
)
CODE = (
    "Loading data:\n\n```python\nframe = pd.read_csv('rain.csv')\n```\n\nMissing values:\n\n"
    "```python\nframe = frame.dropna()\n```"
)
TABLE = "| bus | wires | speed |\n|---|---|---|\n| I2C | 2 | 400 kbit/s |\n| SPI | 4 | 10 Mbit/s |\n| UART | 2 | 115 kbit/s |"
POLICY = "Attendance is not compulsory. Slides are uploaded on Friday evening. Office hours are on Tuesday at 3 pm in A17."
ASKED = [
    ("When is the final exam?", SYLLABUS, "The final exam is on 20 June in the sports hall."),
    ("which room is the midterm in", SYLLABUS, "The midterm is on 14 March in room B2."),
    ("How much does the homework count?", SYLLABUS, "Grading: homework 40 %, midterm 20 %, final exam 40 %."),
    ("what happens if I hand in homework late?", SYLLABUS, "Late homework loses 10 % a day."),
    (
        "What can be done against overfitting?",
        OVERFITTING,
        "Regularization, dropout and more data are the usual remedies.",
    ),
    ("what is overfitting", OVERFITTING, "A model overfits when it learns the noise of the training set."),
    ("how do I drop missing values?", CODE, "```python\nframe = frame.dropna()\n```"),
    ("How many wires does SPI need?", TABLE, "| SPI | 4 | 10 Mbit/s |"),
    ("when can I visit the lecturer?", POLICY, "Office hours are on Tuesday at 3 pm in A17."),
    ("do I have to attend?", POLICY, "Attendance is not compulsory."),
    ("¿Cuándo es el examen final?", SYLLABUS, "The final exam is on 20 June in the sports hall."),
    ("Wann ist das Midterm?", SYLLABUS, "The midterm is on 14 March in room B2."),
]


KNOWN_FAULTS = {
    "What can be done against overfitting?": "a sentence on underfitting, which shares its word pieces, is put first",
    "what is overfitting": "a sentence on underfitting that begins like a definition is put first",
    "when can I visit the lecturer?": "that office hours are for visits is not known",
}
"""Questions that the shipped weights get wrong, kept so that the next training is measured on them."""


def _asked(*columns):
    marks = [pytest.mark.xfail(reason=KNOWN_FAULTS[columns[0]])] if columns[0] in KNOWN_FAULTS else []
    return pytest.param(*columns, marks=marks)


@pytest.mark.model
@pytest.mark.parametrize(("question", "text", "sentence"), [_asked(*columns) for columns in ASKED])
def test_the_sentence_that_answers_is_first(shipped, make_chunk, question, text, sentence):
    (score,) = shipped.score(question, [make_chunk(text)])
    best = max(score.sentences, key=lambda found: found.score)
    assert text[best.start : best.end] == sentence
    assert score.answers > 0.4


@pytest.mark.model
@pytest.mark.parametrize("question", [_asked(asked) for asked, _, _ in ASKED])
def test_the_passage_that_answers_is_first_among_all(shipped, make_chunk, question):
    texts = [SYLLABUS, OVERFITTING, CODE, TABLE, POLICY]
    scores = shipped.score(question, [make_chunk(text) for text in texts])
    wanted = next(text for asked, text, _ in ASKED if asked == question)
    assert texts[max(range(len(texts)), key=lambda place: scores[place].logit)] == wanted
    assert shipped.any_answers(scores) > 0.5


@pytest.mark.model
@pytest.mark.parametrize(
    "question",
    [
        "Who discovered penicillin?",
        "What is the capital of Australia?",
        "How do I install the lab software on Windows?",
        "What is the phone number of the library?",
        "How many pages may the project report have?",
    ],
)
def test_what_no_passage_answers_is_improbable(shipped, make_chunk, question):
    texts = [SYLLABUS, OVERFITTING, CODE, TABLE, POLICY]
    scores = shipped.score(question, [make_chunk(text) for text in texts])
    assert shipped.any_answers(scores) < 0.5
    assert all(score.answers < 0.4 for score in scores)


@pytest.mark.model
def test_the_shipped_weights_are_small_and_say_where_they_come_from():
    facts = json.loads((WEIGHTS_FOLDER / FACTS).read_text("utf-8"))
    assert (WEIGHTS_FOLDER / WEIGHTS).stat().st_size <= 25_000_000
    assert facts["license"] == "CC-BY-SA-4.0" and facts["trained_on"] and facts["trainings"]


def test_a_process_that_ends_while_a_thread_compiles_is_not_aborted() -> None:
    code = """
import threading
from rag.answer.evidence_scorer import EvidenceScorer
scorer = EvidenceScorer.open()
build, begun = scorer._network._build, threading.Event()
scorer._network._build = lambda: (begun.set(), build())[1]
threading.Thread(target=scorer._network.ready, daemon=True).start()
begun.wait()
"""
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize(
    ("question", "text", "spelled"),
    [
        ("When do owls hunt?", "Owls hunt at night, when mice leave their holes.", (0.0, 0.1)),
        ("SVM vs kNN", "A support vector machine looks for the widest margin.", (0.0, 0.3)),
        (
            "Wann jagt die Eule?",
            "Die Eule jagt in der Nacht, wenn die Mäuse ihre Löcher verlassen.",
            (0.1, 0.6),
        ),
        ("متى تصطاد البومة؟", "تصطاد البومة في الليل عندما تخرج الفئران من جحورها.", (0.95, 1.0)),
        ("猫头鹰什么时候捕猎？", "猫头鹰在夜里捕猎，那时老鼠离开洞穴。", (0.95, 1.0)),
        ("นกฮูกล่าเหยื่อเมื่อไร", "นกฮูกล่าเหยื่อในเวลากลางคืน", (0.95, 1.0)),
        ("متى تصطاد البومة في الغابة؟", "Owls hunt at night, when mice leave their holes.", (0.8, 1.0)),
    ],
)
def test_texts_without_words_among_the_word_pieces_are_spelled(scorer, make_chunk, question, text, spelled):
    (score,) = scorer.score(question, [make_chunk(text)])
    assert spelled[0] <= score.spelled <= spelled[1]
