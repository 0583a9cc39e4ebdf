"""A written sentence is cited where the notes have its facts in other words, and only there."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.answer.attribution import Located, locator
from rag.answer.citations import check
from rag.text.words import content_words
from rag.types import Chunk

BOARD = (
    "Pull-up resistors hold the line high. The laboratory boards use 1.5 kilohms. A long cable needs less."
)
EXAM = "The final takes place on Tuesday 15 December. Every hand-in closes at 17:00. Lab report 4 is due on Friday."


class WordEmbedder:
    """Embeds a text as its content words, one dimension for each word seen."""

    def __init__(self) -> None:
        self.words: dict[str, int] = {}

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([self.embed_query(text) for text in texts])

    def embed_query(self, text: str) -> NDArray[np.float32]:
        vector = np.zeros(256, np.float32)
        for word in content_words(text):
            vector[self.words.setdefault(word, len(self.words))] = 1
        return vector / max(1.0, float(np.linalg.norm(vector)))


@pytest.fixture
def passages(make_chunk: Callable[..., Chunk]) -> list[Chunk]:
    return [make_chunk(EXAM, document="exam.md"), make_chunk(BOARD, document="board.md", start=50)]


def test_the_question_repeated_around_a_fact_is_supported_and_quotes_the_fact(passages: list[Chunk]) -> None:
    question = "What pull-up value is fitted on the boards that we use in the lab?"
    written = "The pull-up value fitted on the boards that we use in the lab is 1.5 kilohms."
    assert not check(written, passages, 0.6).sentences[0].supported
    evidence = check(written, passages, 0.6, locator(question, passages, WordEmbedder()))
    (sentence,), (citation,) = evidence.sentences, evidence.citations
    assert (sentence.supported, sentence.citations) == (True, (2,))
    assert citation.quote == "The laboratory boards use 1.5 kilohms."
    assert (citation.start, citation.end) == (50 + BOARD.index("The lab"), 50 + BOARD.index(" A long"))
    assert evidence.text.endswith("[2]")


@pytest.mark.parametrize(
    ("question", "written"),
    [
        (
            "What pull-up value is fitted on our boards?",
            "The pull-up value fitted on our boards is 2.5 kilohms.",
        ),
        (
            "When is lab report 5 due?",
            "Lab report 5 is due on Friday.",
        ),  # a number of the question that no note has
        ("What is fitted on our boards?", "Something is fitted on our boards."),  # nothing new
        ("What is fitted on our boards?", "Pandas climb trees on our boards."),
    ],
)
def test_what_the_notes_do_not_have_is_not_supported(
    question: str, written: str, passages: list[Chunk]
) -> None:
    evidence = check(written, passages, 0.9, locator(question, passages, WordEmbedder()))
    assert not evidence.sentences[0].supported


def test_a_second_figure_may_be_in_a_statement_beside(passages: list[Chunk]) -> None:
    question = "By when must lab report 4 be handed in?"
    locate = locator(question, passages, WordEmbedder())
    found = locate("Lab report 4 must be handed in by Friday at 17:00.")
    assert found is not None
    assert EXAM[found.start : found.end] == "Lab report 4 is due on Friday."


def test_passages_without_statements_support_nothing(make_chunk: Callable[..., Chunk]) -> None:
    assert locator("What?", [make_chunk("# Title")], WordEmbedder())("It is 5.") is None
    assert locator("What?", [], WordEmbedder())("It is 5.") is None


def _span(n: int, text: str, sentence: str) -> Located:
    return Located(n, text.index(sentence), text.index(sentence) + len(sentence))


def test_a_statement_that_answers_may_lack_the_verb_of_the_sentence(make_chunk: Callable[..., Chunk]) -> None:
    text = "Ten seconds give 19 segments. A second gives one."
    passages, question = [make_chunk(text)], "How many pieces does the record have?"
    written = "Cutting the record results in 19 pieces."
    assert locator(question, passages, WordEmbedder())(written) is None
    answering = [_span(1, text, "Ten seconds give 19 segments.")]
    assert locator(question, passages, WordEmbedder(), answering)(written) == answering[0]


def test_a_statement_that_answers_supports_no_other_figure(passages: list[Chunk]) -> None:
    answering = [_span(2, BOARD, "The laboratory boards use 1.5 kilohms.")]
    locate = locator("What do the boards use?", passages, WordEmbedder(), answering)
    assert locate("The boards use 2.5 kilohms.") is None
    assert locate("The boards use 1.5 farads, nobody knows why, somewhere far away.") is None
