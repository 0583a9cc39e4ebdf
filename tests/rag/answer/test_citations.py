"""Citations are what code verified, whatever the model wrote."""

import re
import string
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answer.attribution import Located
from rag.answer.citations import check
from rag.answer.sentence_support import quote_span, support
from rag.text.sentences import sentence_spans
from rag.types import Chunk

COURSE = Path(__file__).resolve().parents[3] / "examples" / "course"
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


@pytest.mark.parametrize(
    "sentence",
    [
        "The Anglo-Saxon Chronicle was begun in the ninth century.",
        "PyTorch was developed by Meta/Facebook.",
        "Usual rate | 0.1 to 1 Mbit/s | 1 to 50 Mbit/s",
        "Ensure Node.js is installed.",
        "response.output[0].content[1].text",
        "*Self-attention* relates Pre-trained tokens.",
    ],
)
def test_a_sentence_of_a_passage_supports_itself(sentence: str, make_chunk: Callable[..., Chunk]) -> None:
    chunk = make_chunk(f"Before it comes this. {sentence}\n\nAfter it comes that.")
    (checked,) = check(f"{sentence} [1]", [chunk], 0.6).sentences
    assert (checked.supported, checked.quoted, checked.citations) == (True, True, (1,))


def test_parts_of_joined_words_are_held(make_chunk: Callable[..., Chunk]) -> None:
    chunk = make_chunk("PyTorch was developed by Meta/Facebook in 2016.")
    assert check("In 2016 it was Facebook who developed PyTorch.", [chunk], 0.6).sentences[0].supported


def test_a_number_beside_the_closest_sentence_is_held(make_chunk: Callable[..., Chunk]) -> None:
    chunk = make_chunk("The threshold decides which echoes count. It is 42 dB below the peak.")
    assert check("The threshold which decides is 42.", [chunk], 0.6).sentences[0].supported
    assert not check("The threshold which decides is 43.", [chunk], 0.6).sentences[0].supported


def test_every_sentence_of_the_example_course_supports_itself(make_chunk: Callable[..., Chunk]) -> None:
    texts = [path.read_text(encoding="utf-8") for path in sorted(COURSE.glob("*.md"))]
    chunks = [make_chunk(section) for text in texts for section in re.split(r"\n(?=#)", text)]
    cases = [(chunk, chunk.text[start:end]) for chunk in chunks for start, end in sentence_spans(chunk.text)]
    failed = [
        sentence
        for chunk, sentence in cases
        if not all(checked.supported for checked in check(f"{sentence}\n[1]", [chunk], 0.6).sentences)
    ]
    assert len(cases) > 200
    assert failed == []


@pytest.mark.parametrize("written", ["2*10^8 m/s", "2·10⁸ m/s", r"$2 \\cdot 10^{8}$ m/s"])
def test_a_formula_in_another_notation_is_held(written: str, make_chunk: Callable[..., Chunk]) -> None:
    chunk = make_chunk("The signal travels along the cable at $2\\cdot10^{8}$ m/s, slower than light.")
    assert check(f"The signal travels at {written}.", [chunk], 0.6).sentences[0].supported


def test_another_unit_and_the_opposite_are_no_support(make_chunk: Callable[..., Chunk]) -> None:
    chunk = make_chunk("The filter attenuates the tone by 42 dB. Late homework is not accepted by the tutor.")
    (unit,) = check("The filter attenuates the tone by 42 m.", [chunk], 0.6).sentences
    assert (unit.supported, unit.reason) == (False, "the passage does not say 42 m")
    (denied,) = check("Late homework is accepted by the tutor.", [chunk], 0.6).sentences
    assert (denied.supported, denied.reason) == (False, "the passage says the opposite")
    assert check("The tutor accepts no late homework.", [chunk], 0.6).sentences[0].supported


@pytest.mark.parametrize(
    ("formula", "supported"),
    [
        (r"$V_{\text{LSB}} = \frac{V_{\text{ref}}}{2^N}$", True),
        (r"\( V_{LSB} = V_{ref} / 2^{N} \)", True),
        (r"$V_{LSB} = V_{ref} \cdot 2^N$", False),
        (r"\( V_{LSB} = \frac{2^N}{V_{ref}} \)", False),
        (r"$V_{LSB}$", True),
    ],
)
def test_a_formula_that_no_passage_has_is_no_support(
    make_chunk: Callable[..., Chunk], formula: str, supported: bool
) -> None:
    note = r"The width of one step of the converter is $$ V_{\text{LSB}} = \frac{V_{\text{ref}}}{2^N} . $$ It is fixed by the reference."
    written = f"The width of one step of the converter is {formula}."
    for locate in (None, lambda _: Located(1, 0, len(note))):
        (sentence,) = check(written, [make_chunk(note)], 0.5, locate).sentences
        assert sentence.supported is supported
