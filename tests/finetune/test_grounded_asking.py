"""Questions that a model writes about sentences: what it learns from, what it is asked, and which of its questions are kept."""

import gzip
import json
import random

import numpy as np
import pytest

from finetune.grounded.asking import (
    QUESTIONS,
    add_asked,
    leads_back,
    pairs,
    read_asked,
    reads_as_question,
    sentences_to_ask,
)
from finetune.grounded.build import keep_led_back
from finetune.grounded.json_lines import write_lines
from finetune.grounded.passages import passage
from finetune.grounded.types import Corpus, Support, TrainingQuestion
from rag.errors import DatasetError

OTTER = "An otter eats fish, crabs and mussels along the coast."
DEN = "Its den, called a holt, lies between the roots of a tree."
HERON = "A heron stands still in shallow water and waits for frogs."


@pytest.fixture
def corpus():
    chunks = [
        passage("animals.md", 0, f"{OTTER} {DEN}", "Animals", ("Otters",)),
        passage("animals.md", 1, f"# Herons\n\n{HERON}\n\n- nests:\n\n| bird | eggs |\n|---|---|", "Animals"),
    ]
    human = TrainingQuestion("What do otters eat?", (Support(0, OTTER),))
    rule = TrainingQuestion("What is a heron?", (Support(1, HERON),), origin="rule")
    return Corpus("animals", chunks, [human, rule])


class Words:
    """An embedder whose vectors count the letters of words known by hand."""

    def _vectors(self, texts):
        known = ("otter", "eat", "holt", "heron", "water")
        rows = np.array([[text.lower().count(word) for word in known] for text in texts], dtype=np.float32)
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)

    def embed_passages(self, texts):
        return self._vectors(texts)

    def embed_query(self, text):
        return self._vectors([text])[0]


def test_the_asker_learns_from_human_questions_with_their_sentence_marked(corpus):
    ((system, asked, answer),) = pairs([corpus])
    assert system["role"] == "system" and answer == {"role": "assistant", "content": "What do otters eat?"}
    assert asked["content"] == f"Animals › Otters\n\n>> {OTTER} << {DEN}"


def test_it_is_asked_about_prose_only(corpus):
    assert {one.text for one in sentences_to_ask(corpus, random.Random(0))} == {OTTER, DEN, HERON}


@pytest.mark.parametrize(
    "text",
    [
        "What does it eat?",  # who could know what "it" is?
        "Otters eat fish.",
        "What otters?",
        "What do otters eat?\nWhat do herons eat?",
        " ".join(["What do otters eat along the coast of"] * 6) + "?",
    ],
)
def test_what_cannot_be_asked_on_its_own_is_dropped(text):
    assert not reads_as_question(text)
    assert reads_as_question("What do otters eat?")


def test_equal_questions_and_those_on_unknown_passages_are_not_added_twice_or_at_all(corpus):
    one = (corpus.passages[0].id, DEN, "What is an otter's holt?")
    assert add_asked(corpus, [one, one, ("gone", DEN, "What is an otter's holt?")]) == 1
    added = corpus.questions[-1]
    assert (added.origin, added.supports) == ("asked", (Support(0, DEN),))


def test_a_question_leads_back_when_its_sentence_is_among_the_two_closest_of_its_passage():
    text = "Otters eat. Otters eat too. A holt is a den. A heron stands in water."
    chunks = [passage("animals.md", 0, text, "Animals")]

    def asked(question, sentence):
        return TrainingQuestion(question, (Support(0, sentence),), origin="asked")

    questions = [
        asked("what is a holt", "A holt is a den."),
        asked("what do otters eat", "Otters eat too."),
        asked("what do otters eat", "A heron stands in water."),
    ]
    assert leads_back(questions, chunks, Words(), Words().embed_query) == [True, True, False]


def test_only_questions_of_the_model_are_held_against_the_search(corpus):
    asked = [TrainingQuestion(f"{n}?", (Support(0, OTTER),), origin="asked") for n in ("otter eat", "heron")]
    corpus.questions += asked
    ranked = np.array([[1, 0], [0, 1], [0, 1], [1, -1]])
    kept = keep_led_back(corpus, ranked, Words(), Words().embed_query)
    assert [q.text for q in corpus.questions] == ["What do otters eat?", "What is a heron?", "otter eat?"]
    assert kept.tolist() == [[1, 0], [0, 1], [0, 1]]


def test_written_questions_come_back_by_corpus_and_a_damaged_file_is_one_sentence(tmp_path):
    row = {"corpus": "animals", "passage": "p", "sentence": OTTER, "question": "What do otters eat?"}
    write_lines(tmp_path / QUESTIONS, [row])
    assert read_asked(tmp_path) == {"animals": [("p", OTTER, "What do otters eat?")]}
    whole = gzip.compress(json.dumps(row).encode() + b"\n")
    for damaged in (gzip.compress(b'{"corpus": 1}\n')[:-9], whole[:20] + b"\xff" * 20 + whole[40:]):
        (tmp_path / QUESTIONS).write_bytes(damaged)
        with pytest.raises(DatasetError, match="does not have written questions whole"):
            read_asked(tmp_path)
