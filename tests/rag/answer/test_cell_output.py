"""What a cell printed stands below the statement that leads to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from rag.answer.cell_output import output_below
from rag.answer.found import Clock, Draft, Found
from rag.answer.notes import Notes
from rag.answer.quote_answer import QuoteAnswerer, numbered, quotes_of
from rag.events import Retrieved
from rag.types import AnswerKind, Citation, Decision, Hit, Tier

LEAD = "Now the heron is counted at the pond on forty mornings."
SHORT = "mornings: 40\nmost herons in one morning: 7\n"


def _notebook(*cells: tuple[str, str]) -> str:
    """Return a notebook of pairs of a cell's text and what it printed; a cell that printed nothing is prose."""

    def cell(source: str, printed: str) -> dict[str, Any]:
        if not printed:
            return {"cell_type": "markdown", "metadata": {}, "source": source}
        output = {"output_type": "stream", "name": "stdout", "text": printed}
        return {
            "cell_type": "code",
            "execution_count": 1,
            "metadata": {},
            "source": source,
            "outputs": [output],
        }

    made = [cell(*one) for one in cells]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture
def cited(make_notes: Callable[[dict[str, str]], Notes]) -> Callable[..., tuple[Notes, Citation]]:
    def make(printed: str = SHORT, quote: str = LEAD, between: str = "") -> tuple[Notes, Citation]:
        cells = [(f"# Herons\n\n{LEAD}", ""), (between, ""), ("count = most(herons)\nprint(count)", printed)]
        notes = make_notes({"herons.ipynb": _notebook(*(one for one in cells if one[0]))})
        document = notes.document("herons.ipynb")
        start = document.text.index(quote)
        return notes, Citation(1, document.path, "", start, start + len(quote), quote)

    return make


@pytest.mark.parametrize("quote", [LEAD, "count = most(herons)"])
@pytest.mark.parametrize("printed", [SHORT, SHORT.replace("\n", "\n\n", 1)])
def test_the_output_of_the_cell_that_is_quoted_or_comes_next_is_found(
    cited: Callable[..., tuple[Notes, Citation]], quote: str, printed: str
) -> None:
    notes, citation = cited(printed, quote=quote)
    found = output_below(citation, notes)
    assert found is not None
    passage, output = found
    assert output.quote == printed.strip()
    assert notes.document(output.document).text[output.start : output.end] == output.quote
    assert passage.start <= output.start <= output.end <= passage.end


@pytest.mark.parametrize(
    ("printed", "between"),
    [
        (SHORT, "Herons stand still."),
        ("".join(f"morning {n} had herons\n" for n in range(5)), ""),
        ("heron " * 41 + "\n", ""),
        ("{'herons': {'most': 7, 'least': 0}}\n", ""),
    ],
)
def test_other_prose_before_the_cell_and_a_long_output_or_data_are_left_out(
    cited: Callable[..., tuple[Notes, Citation]], printed: str, between: str
) -> None:
    notes, citation = cited(printed, between=between)
    assert output_below(citation, notes) is None


def test_no_other_file_and_no_document_that_is_gone_has_an_output(
    make_notes: Callable[[dict[str, str]], Notes],
) -> None:
    notes = make_notes({"herons.md": f"{LEAD}\n\n```python\nprint(7)\n```\n\n```output\n7\n```\n"})
    citation = Citation(1, "herons.md", "", 0, len(LEAD), LEAD)
    assert output_below(citation, notes) is None
    assert output_below(replace(citation, document="gone.ipynb"), notes) is None


@pytest.fixture
def quoted(cited: Callable[..., tuple[Notes, Citation]], word_scorer: Any) -> Callable[[Tier], Draft]:
    """Return what is quoted for a question about the notebook."""

    def quote(tier: Tier) -> Draft:
        notes, _ = cited()
        hits = tuple(Hit(chunk, 1.0) for chunk in notes.chunks("herons.ipynb"))
        question = "How many herons were counted at the pond on forty mornings?"
        scores = word_scorer.score(question, [hit.chunk for hit in hits])
        return quotes_of(
            Found(
                question,
                question,
                (),
                hits,
                scores,
                Decision(tier, None, None, ""),
                below=partial(output_below, notes=notes),
            )
        )

    return quote


def test_an_answer_cites_the_output_after_the_statement(quoted: Callable[[Tier], Draft]) -> None:
    draft = quoted(Tier.ANSWER)
    assert draft.kind is AnswerKind.ANSWER
    assert f"{LEAD} [1]\n\n```\n{SHORT.strip()}\n```\n[1]" in draft.text
    assert draft.sentences[1].quoted
    assert draft.citations[1].quote == SHORT.strip()
    assert len(draft.sentences) == len(draft.citations)


def test_an_extract_that_quotes_the_output_itself_has_it_once(quoted: Callable[[Tier], Draft]) -> None:
    draft = quoted(Tier.EXTRACT)
    assert draft.kind is AnswerKind.EXTRACT
    assert draft.text.count("mornings: 40") == 1


def test_an_output_in_a_passage_that_was_not_read_is_shown_with_it_and_contradicts_nothing(
    make_hit: Callable[..., Hit], word_scorer: Any
) -> None:
    shown = make_hit("A tone of 730 Hz is detected at the microphone of the pond.", document="tone.ipynb")
    other = make_hit("tone detected at the microphone of the pond: 731.2 Hz", document="tone.ipynb")
    citation = Citation(0, "tone.ipynb", "", 0, len(other.chunk.text), other.chunk.text)
    question = "Which tone is detected at the microphone?"
    scores = word_scorer.score(question, [shown.chunk])
    found = Found(
        question, question, (), (shown,), scores, Decision(Tier.ANSWER, None, None, ""),
        below=lambda _: (replace(other.chunk, id="other"), replace(citation, document="other.ipynb")),
    )  # fmt: skip
    events = QuoteAnswerer().draft(found, Clock(), None)
    retrieved = [event for event in events if isinstance(event, Retrieved)]
    assert [len(event.passages) for event in retrieved] == [1, 2]
    draft = quotes_of(found)
    assert [one.n for one in draft.citations] == [1, 2]
    assert not draft.conflicts


def test_a_passage_that_was_not_found_gets_the_next_number(make_hit: Callable[..., Hit]) -> None:
    first, second = make_hit("Herons fish."), make_hit("Owls hunt.")
    assert numbered((first,), first) == ((first,), 1)
    passages, n = numbered((first,), second)
    assert (n, passages[1].chunk) == (2, second.chunk)
