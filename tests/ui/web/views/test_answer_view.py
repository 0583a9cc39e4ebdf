"""What a question and its answer look like: read as text, the way a screen reader does."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest

from eval.golden.feedback import Verdict
from rag.types import (
    Answer,
    AnswerKind,
    Citation,
    Diagnostics,
    NamedPart,
    Omission,
    OmissionCode,
    Sentence,
    Timings,
)
from ui.web.conversation import Exchange, ExchangeOutcome
from ui.web.views.answer_view import (
    checked_html,
    exchange_html,
    facts,
    heading_of,
    partial_html,
    transcript_html,
    welcome_html,
)
from ui.web.views.sources_view import empty_html, sources_html

POISON = '<script>alert(1)</script> ![x](http://evil.example/?q=1) <img src=x onerror="alert(1)">'


class Elements(HTMLParser):
    """Every element of some HTML with its attributes, as a browser reads them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def test_a_supported_sentence_says_so_and_cites(make_answer: Callable[..., Answer]) -> None:
    html = checked_html("e1", make_answer())
    assert words(html) == "The owl hunts at night. ✓ supported by [1] (its cited passage holds it)"
    assert html.count('data-action="show" data-exchange="e1" data-n="1" aria-label="Show passage 1"') == 1


def test_an_unsupported_sentence_says_so_in_words(make_answer: Callable[..., Answer]) -> None:
    sentences = (
        Sentence("The owl hunts at night.", (1,), True, 1.0, "its cited passage holds it"),
        Sentence("It costs 7 euros.", (1,), False, 0.3, "no shown passage holds the number 7"),
        Sentence("It is nice.", (), False, 0.1, "no shown passage holds it"),
    )
    answer = make_answer("The owl hunts at night. [1] It costs 7 euros. [1] It is nice.", sentences=sentences)
    said = words(checked_html("e1", answer))
    assert "It costs 7 euros. [1] ! not found in the passages (no shown passage holds the number 7)" in said
    assert "It is nice. ! not found in the passages (no shown passage holds it)" in said


def test_only_verified_citations_are_shown(make_answer: Callable[..., Answer]) -> None:
    answer = make_answer("The owl hunts at night. [7]")
    assert "[7]" not in checked_html("e1", answer)
    assert "[1]" in checked_html("e1", answer)


def test_sentences_that_are_not_in_the_text_are_shown_on_their_own(
    make_answer: Callable[..., Answer],
) -> None:
    assert "The owl hunts at night." in words(checked_html("e1", make_answer("Something else entirely.")))


@pytest.mark.parametrize(
    ("text", "shown", "said"),
    [
        ("The owl [1] hunts", 2, "The owl [1] hunts"),
        ("The owl hunts [", 2, "The owl hunts"),
        ("The owl hunts [1", 2, "The owl hunts"),
        ("The owl [9] hunts [1, 2].", 2, "The owl hunts [1] [2] ."),
        ("a[i] = [x] and", 2, "a[i] = [x] and"),
    ],
)
def test_citations_while_the_answer_streams(
    make_exchange: Callable[..., Exchange], text: str, shown: int, said: str
) -> None:
    exchange = make_exchange(text=text, shown=shown, outcome=ExchangeOutcome.PENDING, answer=None)
    assert words(partial_html(exchange)) == said


@pytest.mark.parametrize("outcome", list(ExchangeOutcome))
def test_poison_in_every_part_is_inert(
    make_exchange: Callable[..., Exchange], make_answer: Callable[..., Answer], outcome: ExchangeOutcome
) -> None:
    sentence = Sentence(POISON, (1,), False, 0.0, POISON)
    answer = make_answer(
        POISON,
        sentences=(sentence,),
        standalone_question=POISON,
        details=Diagnostics(gate=POISON),
    )
    poisoned = replace(
        answer.hits[0], chunk=replace(answer.hits[0].chunk, text=POISON, document=POISON, id=POISON)
    )
    for kind in (AnswerKind.ANSWER, AnswerKind.EXTRACT, AnswerKind.TALK, AnswerKind.NONE):
        told = replace(
            answer, kind=kind, abstained=kind is AnswerKind.NONE, hits=(poisoned,),
            citations=(Citation(1, POISON, POISON, 100, 100 + len(POISON), POISON),),
        )  # fmt: skip
        exchange = make_exchange(
            told,
            question=POISON, standalone_question=POISON, text=POISON, outcome=outcome, error=POISON,
        )  # fmt: skip
        html = exchange_html(exchange) + transcript_html(POISON, []) + welcome_html([POISON], 1)
        elements = Elements(html).found
        assert {"script", "img", "iframe"}.isdisjoint(name for name, _ in elements)
        assert not [name for _, attributes in elements for name in attributes if name.startswith("on")]
        assert [attributes["class"] for name, attributes in elements if name == "a"] in (
            [],
            ["export"],
            ["golden"],
        )


def test_a_rewritten_question_is_shown_only_when_it_differs(make_exchange: Callable[..., Exchange]) -> None:
    assert "Understood as" not in exchange_html(make_exchange())
    assert "Understood as: When does the barn owl hunt?" in words(
        exchange_html(make_exchange(standalone_question="When does the barn owl hunt?"))
    )


def test_an_abstention_says_who_refused_and_points_to_the_nearest_passages(
    make_exchange: Callable[..., Exchange], make_answer: Callable[..., Answer]
) -> None:
    answer = make_answer("The notes do not say.", abstained=True, sentences=(), citations=())
    gate = exchange_html(make_exchange(answer, shown=0))
    assert "The notes do not say. No answer is given. Nothing in your notes is near enough" in words(gate)
    part = exchange_html(make_exchange(answer, shown=0, scope=("folder:owls", "document:/a.md")))
    assert "Asked about: owls/, a.md" in words(part)
    assert "Nothing in the notes you chose is near enough" in words(part)
    assert "Nearest in your notes The owl hunts at night. from [1]" in words(gate)
    assert "supported" not in gate
    assert "The model read 1 passage and found no answer in it." in words(
        exchange_html(make_exchange(answer))
    )
    assert "Nothing in your notes matches" in words(exchange_html(make_exchange(answer, shown=0, hits=())))


def test_the_facts_are_the_answers_own(
    make_exchange: Callable[..., Exchange], make_answer: Callable[..., Answer]
) -> None:
    answer = make_answer(omissions=(Omission(OmissionCode.PASSAGES_OVER_CONTEXT, 2, 6),))
    assert facts(make_exchange(answer, context_tokens=2048, prompt_tokens=1612)) == [
        "1 of 1 passages shown",
        "1,612 of 2,048 tokens",
        "first word after 0.8 s",
        "2.3 s in all",
        "left out: 2 of 6 passages did not fit the model's context",
    ]
    refused = make_answer(
        timings=Timings(0.05, None, 0.06), abstained=True, details=Diagnostics(gate="nearest at 0.12")
    )
    assert facts(make_exchange(refused, shown=0, prompt_tokens=0)) == [
        "0 of 1 passages shown", "0.1 s in all",
    ]  # fmt: skip


def test_what_can_be_done_depends_on_what_came_of_it(make_exchange: Callable[..., Exchange]) -> None:
    finished = exchange_html(make_exchange())
    assert all(f'data-action="{action}"' in finished for action in ("retry", "show", "judge"))
    assert 'data-action="retry"' not in exchange_html(make_exchange(), last=False)
    failed = exchange_html(
        make_exchange(outcome=ExchangeOutcome.FAILED, answer=None, error="The disk is full.")
    )
    assert "The disk is full." in failed
    assert 'data-action="retry"' in failed
    assert 'data-action="judge"' not in failed
    assert "data-action" not in exchange_html(
        make_exchange(outcome=ExchangeOutcome.PENDING, answer=None, text="")
    )


def test_the_closest_quotes_are_shown_while_a_model_reads(make_exchange: Callable[..., Exchange]) -> None:
    pending = make_exchange(
        outcome=ExchangeOutcome.PENDING, answer=None, text="", closest="Owls <hunt> at night."
    )
    html = exchange_html(pending)
    assert "Closest in your notes, not a direct answer" in html
    assert "Owls &lt;hunt&gt; at night." in html
    assert "Closest in your notes" not in exchange_html(replace(pending, text="The owl"))


def test_a_verdict_is_remembered(make_exchange: Callable[..., Exchange]) -> None:
    html = exchange_html(make_exchange(verdict=Verdict.WRONG_SOURCE))
    assert re.findall(r'data-verdict="([^"]*)" aria-pressed="true"', html) == ["wrong source"]


def test_an_empty_library_asks_for_notes_first() -> None:
    assert "Better: &lt;b&gt;" in welcome_html([], 3, "Better: <b>")
    assert "There is nothing to ask about yet" in welcome_html([], 0)
    assert 'data-question="What is a &#34;finch&#34;?"' in welcome_html(['What is a "finch"?'], 3)


def test_the_rule_of_a_table_has_no_mark(make_answer: Callable[..., Answer]) -> None:
    rows = ("| Bird | Hunts |", "|---|---|", "| Owl | at night |")
    sentences = tuple(Sentence(row, (1,), True, 1.0, "held") for row in rows)
    html = checked_html("e1", make_answer("\n".join(rows), sentences=sentences))
    assert html.count("<tr>") == 2
    assert words(html).count("supported by") == 2


def test_fenced_code_and_a_formula_keep_their_look_under_a_mark(make_answer: Callable[..., Answer]) -> None:
    code, formula = "```python\nx = 1\n```", "$$\nE = m\n$$"
    sentences = tuple(Sentence(text, (1,), True, 1.0, "held") for text in (code, formula))
    html = checked_html("e1", make_answer(f"{code}\n[1]\n\n{formula} [1]", sentences=sentences))
    assert "```" not in html
    assert "$$" not in html
    assert "<lectern-math display>E = m</lectern-math>" in html
    assert words(html).count("supported by [1]") == 2
    assert "<button" not in html[html.index("<pre") : html.index("</pre>")]


def test_small_talk_has_no_marks_and_no_facts(
    make_exchange: Callable[..., Exchange], make_answer: Callable[..., Answer]
) -> None:
    talk = make_answer("Hello!", kind=AnswerKind.TALK, sentences=(), citations=(), hits=())
    exchange = make_exchange(talk, shown=0, prompt_tokens=0)
    html = exchange_html(exchange)
    assert facts(exchange) == []
    assert "verdict" not in html
    assert 'data-action="show"' not in html
    assert "Was this right?" not in html
    assert sources_html(exchange) == empty_html()


def test_a_question_is_searched_as_typed_and_back(make_exchange: Callable[..., Exchange]) -> None:
    understood = make_exchange(standalone_question="When does the barn owl hunt?")
    assert 'data-action="retry" data-exchange="e1" data-exact="yes">Search as typed' in exchange_html(
        understood
    )
    assert "data-exact" not in exchange_html(understood, last=False)
    assert "data-exact" not in exchange_html(make_exchange())
    typed = exchange_html(make_exchange(exact=True))
    assert "Searched as typed." in typed
    assert 'data-exact="no">Undo' in typed


def test_the_part_that_a_question_names_is_shown_and_can_be_left_out(
    make_exchange: Callable[..., Exchange], make_answer: Callable[..., Answer]
) -> None:
    part = NamedPart("Lecture 3: Owls", ("owls.md", "owls-2.md"))
    limited = make_exchange(make_answer("They hunt at dusk.", scope=part))
    html = exchange_html(limited)
    assert "Lecture 3: Owls and 1 more" in html
    assert 'data-unnamed="yes"' in html
    assert "data-unnamed" not in exchange_html(limited, last=False)
    assert "data-unnamed" not in exchange_html(make_exchange())
    widened = exchange_html(make_exchange(everywhere=True))
    assert "Searched in all notes." in widened
    assert 'data-unnamed="no">Undo' in widened


def test_a_long_question_is_a_short_heading_with_the_whole_below(
    make_exchange: Callable[..., Exchange],
) -> None:
    pasted = "word " * 20_000
    html = exchange_html(make_exchange(question=pasted))
    heading = html.partition("<h3")[2].partition("</h3>")[0]
    assert len(heading) < 500
    assert "The whole question (100,000 characters)" in html
    assert html.count(pasted.strip()) == 1
    assert heading_of("Why?\nAnd how?") == "Why?\nAnd how?"
    assert heading_of("a\n" * 9) == "a a a a a a …"
