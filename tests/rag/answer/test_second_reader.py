"""The second reader: its tokens, its graph against the network in PyTorch, and what it changes in an answer."""

import json
from dataclasses import replace

import numpy as np
import pytest

from rag.answer.evidence_encoding import Window
from rag.answer.evidence_scorer import EvidenceScorer
from rag.answer.finding import weigh
from rag.answer.pair_scorer import Joint, PassageScore, SentenceScore
from rag.answer.second_reader.reader import FACTS, WEIGHTS, WEIGHTS_FOLDER, SecondReader
from rag.chat_models.embedded import embedded_gguf
from rag.errors import ModelMissing
from rag.types import Chunk, Hit, Locator, Unit, Why

BUS = "The bus leaves at 7:40 from the main gate. It stops at the library."
TRAM = "The tram leaves at 8:15 from the river. It is often late."
LAB = "Wear goggles in the lab. Reports are due on Friday."


def _chunk(text, number=0):
    return Chunk(
        f"notes.md#{number}", "notes.md", number, 0, len(text), text, Locator(Unit.LINE, 1, 1), "Notes"
    )


def _hits(*texts):
    return [Hit(_chunk(text, number), 1.0 - number / 10, Why()) for number, text in enumerate(texts)]


class Fixed:
    """A scorer that gives the n-th sentence of a passage the logit of `given[passage][n]`."""

    fingerprint = "fixed"
    within = 3.0

    def __init__(self, given, passages=2):
        self.given, self.passages, self.asked = given, passages, []

    def score(self, question, passages):
        self.asked.append([passage.text for passage in passages])
        return tuple(self._one(passage) for passage in passages)

    def score_again(self, question, passages, first):
        assert [one.logit for one in first] == [2, 1]  # the best of the first reading
        return self.score(question, passages)

    def _one(self, passage):
        logits = self.given[passage.text]
        cut = passage.text.index(". ") + 1
        spans = ((0, cut), (cut + 1, len(passage.text)))
        sentences = tuple(
            SentenceScore(start, end, 1 / (1 + np.exp(-logit)), logit)
            for (start, end), logit in zip(spans, logits, strict=True)
        )
        return PassageScore(0.5, max(logits), sentences, (max(logits), max(logits)))

    def any_answers_again(self, scores, first):
        return self.any_answers(scores)

    def any_answers(self, scores):
        return max((score.logit for score in scores), default=-9.0)


def test_the_best_passages_are_read_again_and_the_others_come_later():
    first = Fixed({BUS: (1, 0), TRAM: (2, 0), LAB: (-1, -2)})
    second = Fixed({BUS: (4, -1), TRAM: (-3, -4)})
    found = weigh("When does the bus leave?", _hits(LAB, TRAM, BUS), first, second=second)
    assert second.asked == [[TRAM, BUS]]
    assert [score.sentences[0].logit for score in found.scores] == [-4, -3, 4]
    assert found.probability == 4
    assert found.best_sentence == pytest.approx(1 / (1 + np.exp(-4)))


def test_a_passage_that_is_not_read_again_does_not_decide():
    first = Fixed({BUS: (1, 0), TRAM: (2, 0), LAB: (-1, -2)})
    second = Fixed({BUS: (-5, -5), TRAM: (-6, -6)})
    found = weigh("When does the bus leave?", _hits(LAB, TRAM, BUS), first, second=second)
    assert found.best_sentence == pytest.approx(1 / (1 + np.exp(5)))
    assert found.probability == -5


def test_a_passage_far_below_the_best_is_not_read_again():
    first = Fixed({BUS: (-1.5, -2), TRAM: (2, 1), LAB: (-9, -9)})
    second = Fixed({TRAM: (1, 0)}, passages=3)
    second.score_again = lambda question, passages, first: second.score(question, passages)
    weigh("When does the tram leave?", _hits(LAB, TRAM, BUS), first, second=second)
    assert second.asked == [[TRAM]]


def test_without_a_second_reading_the_first_decides():
    first = Fixed({BUS: (1, 0), TRAM: (2, 0), LAB: (-1, -2)})
    found = weigh("When does the bus leave?", _hits(LAB, TRAM, BUS), first)
    assert found.probability == 2 and found.scores[1].sentences[0].logit == 2


def test_joint_scores_weigh_both_readings():
    first, second = (Fixed({BUS: given})._one(_chunk(BUS)) for given in ((1, -2), (3, 4)))
    weights = Joint((0.25, 0.5, 1.0), (1.0, 0.5, -1.0), (2.0, 1.0, 0.0))
    assert weights.probability(0.5, 0.75) == pytest.approx(0.75)
    assert weights.probability(0.75, 0.5) == pytest.approx(0.9)  # odds of 3 twice
    assert weights.probability(0.0, 1.0) > 0
    joint = weights.join(first, second)
    assert [one.logit for one in joint.sentences] == [2.75, 2.5]
    assert joint.logit == 1 + 2 - 1 and joint.features == second.features
    assert joint.answers == pytest.approx(1 / (1 + np.exp(-2.0)))
    assert [(one.start, one.end) for one in joint.sentences] == [
        (one.start, one.end) for one in first.sentences
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / WEIGHTS).write_bytes(b"\0" * 9), "is damaged"),
        (lambda folder: (folder / FACTS).write_text("{"), "has no second reader"),
        (lambda folder: (folder / FACTS).unlink(), "has no second reader"),
        (lambda folder: (folder / FACTS).write_text(json.dumps({"digest": "0"})), "has no second reader"),
    ],
)
def test_a_damaged_folder_is_one_sentence(tmp_path, change, message):
    for name in (WEIGHTS, FACTS):
        (tmp_path / name).write_bytes((WEIGHTS_FOLDER / name).read_bytes())
    change(tmp_path)
    with pytest.raises(ModelMissing, match=message):
        SecondReader.open(folder=tmp_path)


@pytest.fixture(scope="module")
def reader():
    return SecondReader.open()


@pytest.mark.model
def test_windows_of_a_long_passage_have_every_sentence_once(reader):
    text = " ".join(f"Rule {n} says that bench {n} is cleaned on day {n} of the month." for n in range(40))
    ((*windows,),) = reader._encoder.windows("Who cleans?", [_chunk(text)])
    assert len(windows) > 1 and all(len(window.ids) <= reader._encoder.longest for window in windows)
    seen = [set(window.sentence[window.sentence >= 0].tolist()) for window in windows]
    assert set().union(*seen) == set(range(40)) and sum(map(len, seen)) == 40


@pytest.mark.model
def test_the_graph_agrees_with_the_network_in_pytorch(reader):
    import torch
    from safetensors.numpy import load_file

    from finetune.evidence.lm_network import LmNetwork
    from finetune.evidence.qwen2 import load
    from rag.answer.second_reader.network import depth_of, whole

    trained = whole(load_file(WEIGHTS_FOLDER / WEIGHTS))
    given = load(embedded_gguf(), "cpu", torch.float32, tied=True)
    network = LmNetwork(given, dropout=0.0, depth=depth_of(trained))
    network.load_state_dict({name: torch.from_numpy(np.asarray(values)) for name, values in trained.items()})
    windows = [
        one
        for some in reader._encoder.windows("When is the bus?", [_chunk(BUS), _chunk(LAB)])
        for one in some
    ]
    with torch.no_grad():
        expected = [_in_torch(network.eval(), window) for window in windows]
    for rows, (sentence, pair) in reader._network.run(windows):
        for line, row in enumerate(rows):
            np.testing.assert_allclose(sentence[line], expected[row][0], atol=0.4)
            np.testing.assert_allclose(pair[line], expected[row][1], atol=0.4)


def _in_torch(network, window: Window):
    import torch

    count = int(window.sentence.max()) + 1
    segment = torch.from_numpy(np.where(window.sentence >= 0, window.sentence, count))
    length = len(window.ids)
    batch = {
        "ids": torch.from_numpy(window.ids),
        "position": torch.arange(length),
        "bounds": torch.tensor([0, length]),
        "segment": segment,
        "count": torch.bincount(segment, minlength=count + 1).float(),
        "pair_of": torch.zeros(count + 1, dtype=torch.long),
    }
    sentence, pair = network(batch, 384)
    return sentence[:count].numpy(), float(pair[0])


@pytest.mark.model
def test_it_tells_a_sibling_from_the_asked(reader):
    question = "What time does the tram go?"
    bus, tram, lab = reader.score(question, [_chunk(BUS), _chunk(TRAM), _chunk(LAB)])
    best = max(tram.sentences, key=lambda one: one.logit)
    assert TRAM[best.start : best.end].startswith("The tram leaves at 8:15")
    assert tram.logit > bus.logit > lab.logit and best.score > 0.5
    assert reader.any_answers([bus, lab]) < 0.5 < reader.any_answers([bus, tram, lab])
    assert reader.score(question, []) == ()


@pytest.mark.model
def test_it_reads_the_same_in_one_batch_or_alone(reader):
    passages = [_chunk(text) for text in (BUS, TRAM, LAB)]
    together = reader.score("When are reports due?", passages)
    for passage, score in zip(passages, together, strict=True):
        (alone,) = reader.score("When are reports due?", [passage])
        assert alone.logit == pytest.approx(score.logit, abs=0.05)
        assert replace(alone, sentences=()).features == pytest.approx(score.features, abs=0.05)


@pytest.mark.model
def test_both_readers_can_be_open(reader):
    assert EvidenceScorer.open().fingerprint != reader.fingerprint
