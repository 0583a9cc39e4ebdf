"""An answer as the interface's JSON and on a terminal."""

import io
import json
from collections.abc import Callable

from rag.answer.texts import EXTRACT_LEAD
from rag.note_warnings import NoteWarning, WarningCode
from rag.types import (
    Answer,
    AnswerKind,
    Citation,
    Conflict,
    Diagnostics,
    Hit,
    Omission,
    OmissionCode,
    Receipt,
    Sentence,
    Timings,
    Unread,
)
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
        "omissions": (Omission(OmissionCode.PASSAGES_OVER_CONTEXT, 1, 4),),
    }
    return Answer(**{**fields, **changes})  # type: ignore[arg-type]


def printed(result: Answer) -> str:
    from rich.console import Console

    stream = io.StringIO()
    Console(file=stream, width=100).print(answer_panel(result))
    return stream.getvalue()


def test_unread_content_is_named_beside_a_refusal(make_hit: Callable[..., Hit]) -> None:
    pictures = NoteWarning(WarningCode.PICTURES, (2, 4), count=3, unit="slide")
    unread = tuple(Unread(f"{n}.pptx", (pictures,)) for n in range(6))
    refusal = answer(make_hit("It ranks.", cosine=0.4), abstained=True, kind=AnswerKind.NONE, unread=unread)
    shown = printed(refusal)
    assert "Not read: 0.pptx › slides 2, 4: 3 pictures without a description" in shown
    assert "Not read: 2 more documents (lectern doctor names them)" in shown
    assert json.loads(to_json(answer_record("7", refusal)))["unread"][0] == {
        "document": "0.pptx",
        "code": "pictures",
        "unit": "slide",
        "places": [2, 4],
        "reason": "slides 2, 4: 3 pictures without a description",
    }


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
        "quoted": False,
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
    assert (record["kind"], record["answers_question"], record["conflicts"]) == ("answer", None, [])


def test_the_json_has_the_tier_and_the_marks(make_hit: Callable[..., Hit]) -> None:
    quoted = Sentence("It ranks.", (1,), True, 1.0, "held", quoted=True)
    given = answer(
        make_hit("It ranks."),
        kind=AnswerKind.EXTRACT,
        sentences=(quoted,),
        answers_question=0.25,
        conflicts=(Conflict((1, 3)),),
    )
    record = json.loads(to_json(answer_record("7", given)))
    assert (record["kind"], record["abstained"], record["answers_question"]) == ("extract", False, 0.25)
    assert record["conflicts"] == [{"citations": [1, 3]}]
    assert record["sentences"][0]["quoted"] is True


def test_a_terminal_shows_passages_warnings_and_cost(make_hit: Callable[..., Hit]) -> None:
    text = printed(answer(make_hit("It ranks.")))
    assert "[1] a.md › line 1" in text
    assert "Not found in the passages: It flies. (not held)" in text
    assert "Left out: 1 of 4 passages did not fit" in text
    assert "first word after 0.5 s" in text


def test_a_refusal_shows_the_nearest_passages(make_hit: Callable[..., Hit]) -> None:
    text = printed(
        answer(make_hit("Near."), text="The notes do not say.", abstained=True, sentences=(), citations=())
    )
    assert "Nearest in your notes:" in text
    assert "note.md › line 1" in text


def test_every_sentence_has_its_mark(make_hit: Callable[..., Hit]) -> None:
    quoted = Sentence("It ranks.", (1,), True, 1.0, "held", quoted=True)
    plain = Sentence("It flies.", (2,), True, 0.9, "held")
    text = printed(
        answer(
            make_hit("It ranks."),
            text="It ranks. [1] It flies. [2]",
            sentences=(quoted, plain),
            answers_question=0.5,
        )
    )
    assert "It ranks. (quoted from [1]) It flies. (supported by [2])" in text
    assert "Answers the question: unsure (0.50)" in text


def test_an_extract_is_quotes_by_passage(make_hit: Callable[..., Hit]) -> None:
    sentences = tuple(
        Sentence(text, (n,), True, 1.0, "held", quoted=True)
        for n, text in ((1, "It ranks."), (1, "def f():\n    pass"), (2, "What: Lab; When: Friday"))
    )
    citations = tuple(
        Citation(s.citations[0], "a.md", f"a.md › line {s.citations[0]}", 0, 9, s.text) for s in sentences
    )
    text = printed(
        answer(
            make_hit("It ranks."),
            text=f"{EXTRACT_LEAD}\n\nIt ranks. [1]",
            kind=AnswerKind.EXTRACT,
            sentences=sentences,
            citations=citations,
            conflicts=(Conflict((1, 2)),),
        )
    )
    assert text.startswith("Closest in your notes, not a direct answer\n")
    assert "[1] a.md › line 1\n  │ It ranks.\n  │ def f():\n  │     pass\n" in text
    assert "[2] a.md › line 2\n  │ What: Lab; When: Friday\n" in text
    assert "Your notes disagree: [1] and [2]" in text
    assert "supported" not in text


def test_a_refusal_says_how_near_the_notes_come(make_hit: Callable[..., Hit]) -> None:
    refused = answer(
        make_hit("Near. Far."),
        text="The notes do not say.",
        abstained=True,
        kind=AnswerKind.NONE,
        sentences=(),
        citations=(),
        details=Diagnostics(gate="nearest passage at 0.23"),
    )
    assert "How near the notes come: nearest passage at 0.23." in printed(refused)
    assert "[1] note.md › line 1\n  │ Near.\n" in printed(refused)


def test_small_talk_is_one_line(make_hit: Callable[..., Hit]) -> None:
    talk = answer(
        make_hit("x"), text="Hello!", kind=AnswerKind.TALK, sentences=(), citations=(), hits=(), omissions=()
    )
    assert printed(talk) == "Hello!\n"


def test_markup_in_a_note_is_printed_as_it_is(make_hit: Callable[..., Hit]) -> None:
    citation = Citation(1, "a.md", "a.md › line 1", 0, 9, "[bold]x[/bold] [/nonsense]")
    assert "[bold]x[/bold] [/nonsense]" in printed(answer(make_hit("x"), citations=(citation,)))
