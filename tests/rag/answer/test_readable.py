"""Markup between blocks is never quoted, code and links do not answer."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ingest.parsers.markdown import markdown_blocks
from rag.answer.finding import weigh
from rag.answer.found import Clock, Found
from rag.answer.readable import Reading, is_pointer, reading_of
from rag.answer.write_answer import WriteAnswerer
from rag.events import Closest
from rag.settings import AnswerSettings
from rag.text.sentences import sentence_spans
from rag.types import Chunk, Decision, Document, DocumentKind, Hit, Tier

MDX = """# Owls

Owls hunt at night.

<Quiz choices={[
  { text: "Owls see colours.", explain: "They see shades of grey.", correct: true },
]} />

```python
print(hunt("owls"))
```
"""


def read(text: str, make_chunk: Callable[..., Chunk], mdx: bool = True) -> Reading:
    """The whole of a Markdown text as one passage, as it is read."""
    blocks = tuple(markdown_blocks(text, mdx=mdx))
    document = Document("owls.mdx", "Owls", DocumentKind.MARKDOWN, "", text, blocks)
    return reading_of(make_chunk(text, "owls.mdx"), document)


def test_markup_between_blocks_is_blanked_at_the_same_offsets(make_chunk: Callable[..., Chunk]) -> None:
    shown = read(MDX, make_chunk).chunk.text
    assert len(shown) == len(MDX)
    assert "Owls see colours." in shown
    assert "correct" not in shown
    assert "<Quiz" not in shown
    assert shown.index("Owls see colours.") == MDX.index("Owls see colours.")
    sentences = [shown[start:end] for start, end in sentence_spans(shown)]
    assert "They see shades of grey." in sentences


def test_tags_of_html_are_blanked_and_what_they_raise_stays(make_chunk: Callable[..., Chunk]) -> None:
    text = (
        "<sup>[Duration: <ins>3 months</ins>]</sup> The owl's area is 10<sup>6</sup> m<sup>2</sup>.<br>\n"
        "<img src='owl.png'\n alt='Owl'> Write `<b>` for bold; a <unk> token, x < b and c > d, see <https://owl.example>.\n\n"
        "```html\n<b>bold</b>\n```\n"
    )
    shown = read(text, make_chunk, mdx=False).chunk.text
    assert len(shown) == len(text)
    assert " ".join(shown.split()) == (
        "[Duration: 3 months ] The owl's area is 10<sup>6</sup> m<sup>2</sup>. "
        "Write `<b>` for bold; a <unk> token, x < b and c > d, see <https://owl.example>. ```html <b>bold</b> ```"
    )


def test_the_fence_at_the_end_of_code_that_a_passage_cuts_is_blanked(
    make_chunk: Callable[..., Chunk],
) -> None:
    code = "```python\nowls = 2\nprint(owls)\n```"
    text = f"{code}\n\nOwls hunt at night.\n\n{code}\n"
    document = Document("owls.md", "", DocumentKind.MARKDOWN, "", text, tuple(markdown_blocks(text)))
    start = text.index("print")
    cut = replace(make_chunk(text[start:], "owls.md"), start=start, end=len(text))
    shown = reading_of(cut, document).chunk.text
    assert len(shown) == len(cut.text)
    assert shown.split("\n") == ["print(owls)", "   ", "", "Owls hunt at night.", "", *code.split("\n"), ""]


def test_code_is_machine_text_and_prose_is_not(make_chunk: Callable[..., Chunk]) -> None:
    reading = read(MDX, make_chunk)
    fence, code, prose = MDX.index("```"), MDX.index("print(hunt"), MDX.index("Owls hunt")
    assert reading.is_machine_text(code, code + 19)
    assert not reading.is_machine_text(fence, len(MDX) - 1)
    assert not reading.is_machine_text(prose, prose + 19)


def test_printed_text_is_prose_and_printed_data_is_not(make_chunk: Callable[..., Chunk]) -> None:
    text = "{'answer': 'Owls hunt.\\\\n'}\nThe owl has been found."
    reading = Reading(make_chunk(text), output=((0, len(text)),))
    assert reading.is_machine_text(0, text.index("\n"))
    assert not reading.is_machine_text(text.index("The owl"), len(text))


def test_a_printed_log_is_not_among_the_evidence(
    word_scorer: Any, make_hit: Callable[..., Hit], make_chunk: Callable[..., Chunk]
) -> None:
    text = "Epoch: 1 | Owl loss: 2.39\nEpoch: 2 | Owl loss: 1.24\n\nThe owl loss has settled."
    output = ((0, len(text)),)
    evidence = weigh(
        "What is the owl loss?", [make_hit(text)], word_scorer, read=lambda c: Reading(c, output=output)
    )
    assert [text[one.start : one.end] for one in evidence.scores[0].sentences] == [
        "The owl loss has settled."
    ]
    lines = "Owls marked: 5\n[0.1, 0.2]"
    printed = Reading(make_chunk(lines), output=((0, len(lines)),))
    assert not printed.is_printed_data(0, 14)
    assert printed.is_printed_data(15, len(lines))
    tensor = "[0.0041, -0.0983, 0.0082],\n size=(768, 768), dtype=torch.qint8,\n scale=0.0041, zero_point=0)"
    assert Reading(make_chunk(tensor), output=((0, len(tensor)),)).is_printed_data(0, len(tensor))
    network = "(owls): Embedding(512, 768)\n(norm): LayerNorm((768,), eps=1e-12)\n(layer): List("
    printed = Reading(make_chunk(network), output=((0, len(network)),))
    assert all(
        printed.is_printed_data(network.index(line), network.index(line) + len(line))
        for line in network.split("\n")
    )
    table = "| Owl | Loss |\n|---|---|\n| barn | 2.39 |"
    shown = Reading(make_chunk(table), output=((0, len(table)),))
    assert not shown.is_printed_data(table.index("| barn"), len(table))


@pytest.mark.parametrize(
    ("sentence", "pointer"),
    [
        ("See: [Owl homework](../owls.md)", True),
        ("https://example.org/owls", True),
        ("The [barn owl](owl.md) hunts at night in open country.", False),
        ("See the homework.", False),
        ('[![](https://example.org/owl.svg "Owl badge")](https://example.org/owls "Owls")', True),
        ('<a href="https://example.org/owls"><img src="owl.png" alt="A long text on barn owls"></a>', True),
        ("<sub><ins>BADGES:</ins></sub> <br> &nbsp; ![](https://example.org/owl.svg)", True),
        ("CO<sub>2</sub> is 44", False),
        ("The <b>barn owl</b> hunts, see <a href='owl.md'>the page on owls</a>.", False),
    ],
)
def test_a_sentence_that_only_links_is_a_pointer(sentence: str, pointer: bool) -> None:
    assert is_pointer(sentence) is pointer


def test_a_link_with_the_words_of_the_question_is_no_answer(
    word_scorer: Any, make_hit: Callable[..., Hit], make_chunk: Callable[..., Chunk]
) -> None:
    text = "See: [owl homework deadline](owls.md).\n\nThe owl homework is due on Friday."
    evidence = weigh(
        "When is the owl homework deadline?",
        [make_hit(text)],
        word_scorer,
        read=lambda c: read(c.text, make_chunk),
    )
    best = max(evidence.scores[0].sentences, key=lambda one: one.logit)
    assert text[best.start : best.end] == "The owl homework is due on Friday."


def test_the_quotes_shown_until_a_model_writes_have_no_markup(
    scripted_model: Any, word_scorer: Any, make_hit: Callable[..., Hit], make_chunk: Callable[..., Chunk]
) -> None:
    question = "Which shades do owls see?"
    found = weigh(
        question, [make_hit(MDX, document="owls.mdx")], word_scorer, read=lambda c: read(c.text, make_chunk)
    )
    answerer = WriteAnswerer(scripted_model(replies=["They see shades of grey."]), AnswerSettings())
    events = answerer.draft(
        Found(
            question, question, (), found.hits, found.scores, Decision(Tier.ANSWER, 1.0, 1.0, ""), readings=found.readings
        ),
        Clock(),
        None,
    )  # fmt: skip
    (closest,) = [event for event in events if isinstance(event, Closest)]
    assert "They see shades of grey." in closest.text
    assert "explain:" not in closest.text
    assert "<Quiz" not in closest.text
