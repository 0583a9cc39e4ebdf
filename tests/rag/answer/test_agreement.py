"""A written answer counts where it cites a statement that the readers rank near the best."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import exp

import pytest

from rag.answer.agreement import (
    FAR_LOGITS,
    agrees,
    has_own_facts,
    is_of_another,
    is_sure,
    near_best,
    supported_by,
    usable,
)
from rag.answer.attribution import Located
from rag.answer.citations import cite
from rag.answer.pair_scorer import PassageScore, SentenceScore
from rag.types import Chunk

FIRST, SECOND = "The final is in Hall A.", "The resit is on 9 February."
EXAMS, BUS = f"{FIRST} {SECOND}", "The bus leaves at nine."


def _scores(text: str, *logits: float) -> PassageScore:
    found, at = [], 0
    for sentence, logit in zip(text.replace(". ", ".|").split("|"), logits, strict=True):
        found.append(SentenceScore(at, at + len(sentence), 1 / (1 + exp(-logit)), logit))
        at += len(sentence) + 1
    return PassageScore(0.5, 0.0, tuple(found), (0.0, 0.0))


@pytest.fixture
def passages(make_chunk: Callable[..., Chunk]) -> list[Chunk]:
    return [make_chunk(BUS, document="bus.md"), make_chunk(EXAMS, document="exams.md", start=100)]


def test_only_what_cites_a_sentence_near_the_best_agrees(passages: list[Chunk]) -> None:
    scores = {passages[0].id: _scores(BUS, 1.0), passages[1].id: _scores(EXAMS, -1.0, 2.0)}
    answering = near_best(passages, scores)
    assert answering == [Located(2, len(FIRST) + 1, len(EXAMS)), Located(1, 0, len(BUS))]
    assert agrees([cite(2, passages[1], SECOND)], passages, answering)
    assert agrees([cite(1, passages[0], BUS)], passages, answering)
    assert not agrees([cite(2, passages[1], FIRST)], passages, answering)
    assert agrees([cite(2, passages[1], FIRST), cite(1, passages[0], BUS)], passages, answering)
    assert not agrees([], passages, answering)


def test_a_passage_without_scores_agrees_with_nothing_and_without_any_all_agree(
    passages: list[Chunk],
) -> None:
    answering = near_best(passages, {passages[1].id: _scores(EXAMS, 0.0, 0.0)})
    assert not agrees([cite(1, passages[0], BUS)], passages, answering)
    assert near_best(passages, {}) is None
    assert agrees([cite(1, passages[0], BUS)], passages, None)


def test_the_best_of_sentences_that_hardly_answer_is_none_to_agree_with(passages: list[Chunk]) -> None:
    answering = near_best(passages, {passages[0].id: _scores(BUS, -3.5)})
    assert answering == [] and not agrees([cite(1, passages[0], BUS)], passages, answering)
    assert near_best(passages, {passages[0].id: _scores(BUS, -2.5)})


def test_words_may_come_from_further_down_than_answers(passages: list[Chunk]) -> None:
    scores = {passages[1].id: _scores(EXAMS, -1.0, -1.0 - FAR_LOGITS + 0.2)}
    assert near_best(passages, scores) == [Located(2, 0, len(FIRST))]
    assert len(usable(passages, scores) or ()) == 2
    further = {passages[1].id: _scores(EXAMS, -1.0, -1.0 - FAR_LOGITS - 0.1)}
    assert len(usable(passages, further) or ()) == 1
    assert usable(passages, {}) is None


def test_a_likely_sentence_answers_beside_a_better_one_and_lends_no_words(passages: list[Chunk]) -> None:
    scores = {passages[1].id: _scores(EXAMS, 5.0, 0.1)}
    assert len(near_best(passages, scores) or ()) == 2
    assert len(usable(passages, scores) or ()) == 1


def test_a_text_is_supported_by_the_statements_that_answer_alone(passages: list[Chunk]) -> None:
    first, resit = Located(2, 0, len(FIRST)), Located(2, len(FIRST) + 1, len(EXAMS))
    found = supported_by("The final is held in Hall A. [1]", passages, [first], 0.6)
    assert found is not None
    (citation,) = found.citations
    assert (citation.n, citation.document, citation.start, citation.quote) == (2, "exams.md", 100, FIRST)
    assert found.text == "The final is held in Hall A. [2]"
    assert supported_by("The final is held in Hall A.", passages, [resit], 0.6) is None
    assert supported_by("It is in Hall A. The bus leaves at nine.", passages, [first], 0.6) is None
    assert supported_by("The final is held in Hall A.", passages, [], 0.6) is None


def test_a_sentence_between_two_that_answer_supports_nothing(make_chunk: Callable[..., Chunk]) -> None:
    parts = ("The final is in Hall A.", "The resit is in Hall C.", "The final lasts two hours.")
    passage, at = make_chunk(" ".join(parts)), len(parts[0]) + len(parts[1]) + 2
    answering = [Located(1, 0, len(parts[0])), Located(1, at, at + len(parts[2]))]
    assert supported_by(parts[1], [passage], answering, 0.6) is None
    assert supported_by(parts[2], [passage], answering, 0.6) is not None


def test_what_is_read_by_letters_is_nothing_to_agree_with(passages: list[Chunk]) -> None:
    spelled = replace(_scores(BUS, 2.0), spelled=1.0)
    assert near_best(passages, {passages[0].id: spelled}) is None
    assert not is_sure([spelled])
    assert is_sure([replace(spelled, spelled=0.3)])


def test_sure_is_who_has_a_likely_sentence() -> None:
    assert is_sure([_scores(BUS, -3.0), _scores(EXAMS, -3.0, 0.0)])
    assert not is_sure([_scores(EXAMS, -3.0, -1.0)]) and not is_sure([])


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("It takes place in the big hall.", False),
        ("It is held in Hall A, as in 2025.", True),
        ("It is held on 9 February.", False),
        ("It is held in Hall A, says Einstein.", True),
    ],
)
def test_own_facts_are_numbers_not_asked_about_and_names_that_nobody_has(
    text: str, own: bool, passages: list[Chunk]
) -> None:
    assert has_own_facts(text, "Is the exam held on 9 February?", passages) is own


@pytest.mark.parametrize(
    ("question", "statement", "other"),
    [
        ("Which company introduced SPI?", "I²C was introduced by Philips.", True),
        ("Which company introduced I2C?", "I²C was introduced by Philips.", False),
        ("What is the efficiency of CSMA/CD?", "Pure ALOHA reaches 0.18.", True),
        ("What is the efficiency of CSMA/CD?", "It reaches 0.18.", False),
        ("How long is the test of Lab 1?", "1. Test of Lab 2 (10 minutes).", True),
        ("How long is the test of Lab 2?", "1. Test of Lab 2 (10 minutes).", False),
        ("How long is the test?", "Pure ALOHA reaches 0.18.", False),
    ],
)
def test_what_names_another_thing_only_is_of_another(
    make_chunk: Callable[..., Chunk], question: str, statement: str, other: bool
) -> None:
    passages = [make_chunk(statement), make_chunk("CSMA/CD, SPI and Lab 1 are in the notes.")]
    assert is_of_another(question, [(1, statement)], passages, passages) is other
    both = [(1, statement), (2, passages[1].text)]
    assert not is_of_another(question, both, passages, passages)


def test_a_heading_names_what_its_statements_are_about(make_chunk: Callable[..., Chunk]) -> None:
    passage = make_chunk("It needs MOSI and MISO.", headings=("SPI",))
    around = [passage, make_chunk("SPI is fast.")]
    assert not is_of_another("How many wires does SPI need?", [(1, passage.text)], [passage], around)


@pytest.mark.parametrize(
    ("question", "statement", "title"),
    [
        ("What is the clock rate of SPI?", "The clock runs at 10 MHz.", ""),
        ("How large is the ROM?", "It holds 32 KB.", ""),
        ("When is the NLP exam?", "The exam is on 9 May at 2 PM.", ""),
        ("Who is the TA?", "Teaching assistant: Ann McDonald", ""),
        ("What is the learning rate of SGD?", "The learning rate is 0.01.", "CS229 notes"),
        ("Is SPI or I2C faster?", "SPI is faster.", "MCU course"),
        ("How long is the test of Lab 1?", "2 points are given for the test.", "Lab"),
        ("Why is the limit in the notebook 6?", "It is 6, because hundreds are tested.", "Notebook 2"),
        ("What is in Lab 1?", "Unlike Lab 2, this is Lab 1. Bring paper.", ""),
    ],
)
def test_units_titles_and_people_are_no_other_thing(
    make_chunk: Callable[..., Chunk], question: str, statement: str, title: str
) -> None:
    passage = make_chunk(statement, title=title)
    names = make_chunk("SPI, I2C, ROM, NLP, TA and SGD are in the notes.")
    assert not is_of_another(question, [(1, statement)], [passage], [passage, names])


def test_a_name_that_the_notes_do_not_have_tells_nothing(make_chunk: Callable[..., Chunk]) -> None:
    passage = make_chunk("TCP has a header of 20 bytes.")
    assert not is_of_another("How long is the header of SCTP?", [(1, passage.text)], [passage], [passage])


def test_nothing_cited_is_of_nothing_else(passages: list[Chunk]) -> None:
    assert not is_of_another("Which company introduced SPI?", [], passages, passages)
