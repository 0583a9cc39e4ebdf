"""Citations are what code verified, whatever the model wrote."""

import string
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.evidence import check, quote_span, support
from rag.types import Chunk

BM25 = "BM25 is a ranking function. The parameter k1 is usually 1.2. Large values saturate later."
STEMMING = "Stemming maps words to roots. It helps recall, not precision."


@pytest.fixture
def passages(make_chunk: Callable[..., Chunk]) -> list[Chunk]:
    return [make_chunk(BM25, document="ranking.md", start=100), make_chunk(STEMMING, document="text.md")]


def test_a_right_citation_stays_and_quotes_its_sentence_with_document_offsets(passages: list[Chunk]) -> None:
    evidence = check("The parameter k1 is usually 1.2. [1]", passages, 0.6)
    (sentence,) = evidence.sentences
    (citation,) = evidence.citations
    assert (sentence.supported, sentence.support, sentence.citations) == (True, 1.0, (1,))
    assert citation.quote == "The parameter k1 is usually 1.2."
    assert (citation.document, citation.start, citation.end) == ("ranking.md", 100 + 28, 100 + 60)
    assert passages[0].text[citation.start - 100 : citation.end - 100] == citation.quote


def test_a_number_that_was_never_shown_is_dropped_and_the_right_passage_cited(passages: list[Chunk]) -> None:
    evidence = check("Stemming helps recall [7].", passages, 0.6)
    assert evidence.sentences[0].citations == (2,)
    assert evidence.text == "Stemming helps recall. [2]"


def test_a_citation_of_the_wrong_passage_is_moved(passages: list[Chunk]) -> None:
    evidence = check("BM25 is a ranking function. [2]", passages, 0.6)
    assert evidence.sentences[0].citations == (1,)
    assert "corrected" in evidence.sentences[0].reason


def test_a_number_that_no_passage_holds_makes_a_sentence_unsupported(passages: list[Chunk]) -> None:
    (sentence,) = check("The parameter k1 is usually 2.0. [1]", passages, 0.6).sentences
    assert not sentence.supported
    assert sentence.support == pytest.approx(3 / 4)  # parameter, k1, usually are held; 2.0 is not
    assert "2.0" in sentence.reason


def test_the_right_words_with_another_day_are_not_support(make_chunk: Callable[..., Chunk]) -> None:
    syllabus = "The final examination is on Tuesday 15 December in Hall A. The resit is on Friday 5 February."
    chunk = make_chunk(syllabus)
    assert check("The final examination is on Tuesday 15 December. [1]", [chunk], 0.6).sentences[0].supported
    (sentence,) = check(
        "The final examination is on Friday 15 December in Hall A. [1]", [chunk], 0.6
    ).sentences
    assert not sentence.supported
    assert "friday" in sentence.reason


def test_what_was_said_before_is_left_out(passages: list[Chunk]) -> None:
    evidence = check("BM25 is a ranking function. [1]\n\nBM25 is a ranking function. [1]", passages, 0.6)
    assert evidence.text.strip() == "BM25 is a ranking function. [1]"
    assert len(evidence.sentences) == 1


def test_an_invented_sentence_is_marked_and_the_others_stay(passages: list[Chunk]) -> None:
    evidence = check("Stemming maps words to roots. [2] Pandas eat bamboo in China.", passages, 0.6)
    assert [sentence.supported for sentence in evidence.sentences] == [True, False]
    assert evidence.sentences[1].citations == ()


def test_code_is_one_sentence_and_its_citation_stands_outside_the_fence(
    make_chunk: Callable[..., Chunk],
) -> None:
    code = "```python\nrank = bm25.score(query)\n```"
    evidence = check(f"{code}\n[1]", [make_chunk(code)], 0.6)
    assert evidence.text == f"{code}\n[1]"
    assert len(evidence.sentences) == 1


def test_layout_is_kept(passages: list[Chunk]) -> None:
    text = "- Stemming maps words to roots.\n- BM25 is a ranking function."
    evidence = check(text, passages, 0.6)
    assert evidence.text == "- Stemming maps words to roots. [2]\n- BM25 is a ranking function. [1]"


def test_no_passages_support_nothing() -> None:
    evidence = check("BM25 is a ranking function. [1]", [], 0.6)
    assert not evidence.sentences[0].supported
    assert evidence.citations == ()


def test_support_is_the_share_of_content_words() -> None:
    assert support("The ranking function saturates.", ["A ranking function."]) == pytest.approx(2 / 3)
    assert support("It is so.", ["anything"]) == 1.0


@given(st.text(), st.text(alphabet=string.printable, max_size=200))
def test_a_quote_is_always_a_span_of_its_passage(sentence: str, passage: str) -> None:
    start, end = quote_span(sentence, passage)
    assert 0 <= start <= end <= len(passage)


@given(st.text(max_size=200))
def test_only_shown_passages_are_ever_cited(text: str) -> None:
    from rag.types import Locator, Unit

    chunk = Chunk("id", "a.md", 0, 0, 5, "Words and 12 numbers.", Locator(Unit.LINE, 1, 1))
    evidence = check(text, [chunk], 0.5)
    assert {n for sentence in evidence.sentences for n in sentence.citations} <= {1}
