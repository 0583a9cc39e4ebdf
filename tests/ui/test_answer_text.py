"""An answer as the interface's JSON and on a terminal."""

import io
import json
from collections.abc import Callable

from rag.types import Answer, Citation, Hit, Receipt, Sentence, Timings
from ui.answer_text import answer_panel, answer_record
from ui.console import to_json


def answer(hit: Hit, **changes: object) -> Answer:
    fields: dict[str, object] = {
        "question": "q",
        "standalone_question": "q",
        "text": "It ranks. [1] It flies.",
        "abstained": False,
        "sentences": (
            Sentence("It ranks.", (1,), True, 1.0, "held"),
            Sentence("It flies.", (), False, 0.0, "not held"),
        ),
        "citations": (Citation(1, "a.md", "a.md › line 1", 0, 9, "It ranks."),),
        "hits": (hit,),
        "timings": Timings(0.1, 0.5, 1.0, 100, 7),
        "receipt": Receipt(3, "e", "m", "none", "1", 0, 0.0),
        "left_out": ("1 of 4 passages did not fit",),
    }
    return Answer(**{**fields, **changes})  # type: ignore[arg-type]


def printed(result: Answer) -> str:
    from rich.console import Console

    stream = io.StringIO()
    Console(file=stream, width=100).print(answer_panel(result))
    return stream.getvalue()


def test_the_json_has_every_field_of_the_interface(make_hit: Callable[..., Hit]) -> None:
    record = json.loads(to_json(answer_record("7", answer(make_hit("It ranks.", cosine=0.4)))))
    assert record["id"] == "7"
    assert record["answer"] == "It ranks. [1] It flies."
    assert record["sentences"][0] == {
        "text": "It ranks.",
        "citations": [1],
        "supported": True,
        "support": 1.0,
        "reason": "held",
    }
    assert record["citations"][0] == {
        "n": 1,
        "document": "a.md",
        "locator": "a.md › line 1",
        "start": 0,
        "end": 9,
        "quote": "It ranks.",
    }
    assert record["hits"][0]["locator"] == "note.md › line 1"
    assert record["hits"][0]["why"]["dense_score"] == 0.4
    assert set(record["timings"]) == {
        "retrieve_seconds",
        "first_token_seconds",
        "total_seconds",
        "prompt_tokens",
        "answer_tokens",
    }
    assert record["receipt"]["library_generation"] == 3


def test_a_terminal_shows_passages_warnings_and_cost(make_hit: Callable[..., Hit]) -> None:
    text = printed(answer(make_hit("It ranks.")))
    assert "[1] a.md › line 1" in text
    assert "Not held by the notes: It flies. (not held)" in text
    assert "Left out: 1 of 4 passages did not fit" in text
    assert "first word after 0.5 s" in text


def test_a_refusal_shows_the_nearest_passages(make_hit: Callable[..., Hit]) -> None:
    text = printed(
        answer(make_hit("Near."), text="The notes do not say.", abstained=True, sentences=(), citations=())
    )
    assert "The nearest passages:" in text
    assert "note.md › line 1" in text


def test_markup_in_a_note_is_printed_as_it_is(make_hit: Callable[..., Hit]) -> None:
    citation = Citation(1, "a.md", "a.md › line 1", 0, 9, "[bold]x[/bold] [/nonsense]")
    assert "[bold]x[/bold] [/nonsense]" in printed(answer(make_hit("x"), citations=(citation,)))
