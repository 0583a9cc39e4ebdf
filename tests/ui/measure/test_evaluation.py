"""Golden questions anchored in a library: refused where no score would be true."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from eval.golden.golden_file import GoldenQuestion, GoldSpan
from eval.metrics.summary import result_object
from rag.errors import DatasetError
from rag.settings import Settings
from ui.measure.evaluation import Measurement, anchored, answerable
from ui.measure.evaluation_output import print_measurement


@pytest.fixture
def application() -> Any:
    """A library of one document with 15 characters."""
    documents = [SimpleNamespace(path="loss.md")]
    library = SimpleNamespace(
        documents=lambda: documents, document=lambda path: SimpleNamespace(text="The loss falls.")
    )
    return SimpleNamespace(library=library)


def question(identifier: str, end: int) -> GoldenQuestion:
    span = GoldSpan(document="loss.md", start=4, end=end)
    return GoldenQuestion(id=identifier, question="What falls?", gold=(span,))


def test_a_span_past_the_end_is_refused(application: Any) -> None:
    assert anchored(application, [question("a", 15)]).spans == {"a": (("loss.md", 4, 15),)}
    with pytest.raises(
        DatasetError, match=r"Question b, gold in loss.md: the span 4-200000 reaches past the end"
    ):
        anchored(application, [question("a", 15), question("b", 200_000)])


def test_retrieval_needs_a_question_that_the_notes_answer() -> None:
    hopeless = GoldenQuestion(id="u", question="Who is the dean?", unanswerable=True)
    assert answerable([hopeless, question("a", 8)], Path("g.jsonl")) == [question("a", 8)]
    with pytest.raises(DatasetError, match=r"Every question of g\.jsonl is unanswerable"):
        answerable([hopeless], Path("g.jsonl"))


def test_a_measurement_without_questions_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    print_measurement(Measurement([], result_object([], 0.0), Settings()), "Retrieval", None, "")
    assert "Retrieval: 0 questions" in capsys.readouterr().out
