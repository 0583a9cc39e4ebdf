"""The pieces of notes that questions are made of."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from rag.study.claims import Claims
from rag.study.code import code_proposals, is_self_contained
from rag.study.definitions import property_proposals
from rag.study.formulas import formulas_of
from rag.study.numbers import Quantity, number_proposals, quantities_in, value_of, wrong_numbers
from rag.study.readable import Line, heading_shown, is_whole, lines_of, readable
from rag.study.steps import step_proposals
from rag.study.tables import table_proposals
from rag.study.terms import terms_of
from rag.types import Block, BlockKind, Document, DocumentKind


def markdown(text: str) -> Document:
    from ingest.parsers.markdown import markdown_blocks

    return Document("n.md", "N", DocumentKind.MARKDOWN, "h", text, tuple(markdown_blocks(text)))


def test_markup_goes_and_formulas_stay() -> None:
    raw = "- A **drone** is [male](http://x.y) ![](z.png) with $a_b * c$ and `__init__`."
    assert readable(raw) == "A drone is male with $a_b * c$ and `__init__`."


@pytest.mark.parametrize(
    "sentence",
    [
        "It is the only bee of a hive that lays eggs.",
        "A queen is the only bee of this hive that lays eggs.",
        "Which bee is the only one that lays any eggs?",
        "a queen is the only bee that lays eggs",
        "A queen (the only bee that lays eggs is big.",
    ],
)
def test_a_sentence_that_needs_another_is_not_whole(sentence: str) -> None:
    assert not is_whole(sentence)


def test_terms_are_found_by_their_marks() -> None:
    found = terms_of(
        markdown(
            "# N\n\nA *drone* is a male bee without a sting.\n\n- **Comb**: the wall of cells in a hive.\n"
            "- **Advice**: Always wear gloves near the hive.\n\n**Royal jelly (RJ)** is the only food of a queen bee.\n"
        )
    )
    assert [(term.name, term.short, term.listed) for term in found] == [
        ("drone", "", False), ("Comb", "", True), ("Royal jelly", "RJ", False),
    ]  # fmt: skip


def test_quantities_have_units_and_years_and_formulas_are_none() -> None:
    text = "In 2019 articles cited 3.92 dB, 5 GB, GPT-3 models, $4 m$ and `7 s` or 80 %."
    assert [(one.number, one.unit) for one in quantities_in(text)] == [
        ("3.92", "dB"),
        ("5", "GB"),
        ("80", "%"),
    ]


@pytest.mark.parametrize(
    ("written", "value"), [("1,024", "1024"), ("3,5", "3.5"), ("-12.5", "-12.5"), ("x", None)]
)
def test_written_numbers_have_their_value(written: str, value: str | None) -> None:
    assert value_of(written) == (None if value is None else Decimal(value))


def test_wrong_numbers_have_the_unit_and_are_not_near_the_key() -> None:
    known = [Quantity("101", "Hz", 0, 0), Quantity("500", "Hz", 0, 0), Quantity("7", "s", 0, 0)]
    assert wrong_numbers("100", "Hz", known, "at _ Hz", 3) == ["500", "200", "50"]


def test_a_share_of_a_whole_has_no_wrong_choice_above_it() -> None:
    known = [Quantity("150", "%", 0, 3), Quantity("60", "%", 0, 2)]
    assert wrong_numbers("90", "%", known, "at _ %", 3) == ["60", "45", "9"]
    assert "300" in wrong_numbers("150", "%", known, "at _ %", 3)


@pytest.mark.parametrize(
    ("rest", "keys"),
    [
        ("18 kg with honey.", ["18"]),
        ("18 kg or more with honey.", []),
        ("18 kg to 20 kg with honey.", ["20"]),
    ],
)
def test_a_number_with_another_one_beside_it_is_not_asked_for(rest: str, keys: list[str]) -> None:
    document = markdown(f"# Hive weight\n\nThe hive in winter has a weight of {rest}\n")
    found = number_proposals(document, lines_of(document), ["weight", "honey"])
    assert [one.key for one in found] == keys


def test_a_bound_is_not_asked_because_other_numbers_satisfy_it() -> None:
    text = "# Hive\n\nA hive in winter has a weight of {}18 kg with its honey.\n"
    kept, bound = (markdown(text.format(words)) for words in ("", "at least "))
    (asked,) = number_proposals(kept, lines_of(kept), ["weight", "honey"])
    assert asked.key == "18" and number_proposals(bound, lines_of(bound), ["weight", "honey"]) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "A hive in winter needs 6, 12 or 18 kg of its honey.",
        "A hive in winter does not need a weight of 18 kg of honey.",
    ],
)
def test_a_number_of_a_series_or_a_denial_is_not_asked(sentence: str) -> None:
    document = markdown(f"# Hive\n\n{sentence}\n")
    assert number_proposals(document, lines_of(document), ["weight", "honey", "winter"]) == []


def test_a_heading_that_is_a_question_is_not_the_context_of_a_number() -> None:
    text = "# {}\n\nA hive in winter has a weight of 18 kg with its honey.\n"
    plain, question = (markdown(text.format(name)) for name in ("Winter honey", "How heavy is it?"))
    assert [one.lead for one in number_proposals(plain, lines_of(plain), ["weight", "honey"])] == [
        "Winter honey"
    ]
    assert [one.lead for one in number_proposals(question, lines_of(question), ["weight", "honey"])] == [""]


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("The wall of cells that the workers build from wax is called a **comb**.", True),
        ("Tip: 🐝 **Deep dive**: for more about the dance of the workers see the guide.", False),
        ("The workers build the many cells of a **single** [`wax`] wall in a hive.", False),
        ("The workers of a large hive are **kept** from the cells of the queen.", False),
        ("A picture from **Hive and comb**.", False),
    ],
)
def test_emphasis_is_not_a_term(line: str, asked: bool) -> None:
    document = markdown(f"# Hive\n\n{line}\n\nA single comb hangs in the hive.\n\nThe single comb is full.\n")
    lines = lines_of(document)
    found = property_proposals(document, lines, [], Claims.of(lines).mentions)
    assert bool(found) is asked


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("- **Learning** needs a simulator of the hive with its bees.", ["Learning"]),
        ("- **Learning** and a simulator of the hive with its bees.", []),
        ("- **Learning** how to open a hive and how to close it.", []),
        ("- **Learning**: the change of a bee by what it did before", ["Learning"]),
        ("- **Learning**: *the change of a bee by what it did before*", []),
    ],
)
def test_a_bold_start_is_a_term_where_a_statement_follows(line: str, names: list[str]) -> None:
    assert [term.name for term in terms_of(markdown(f"# N\n\n{line}\n"))] == names


def test_a_footnote_is_no_part_of_a_heading() -> None:
    assert heading_shown("2. The dance of the bees [^1]") == "The dance of the bees"
    assert heading_shown("[**The dance of the bees**]") == "The dance of the bees"
    assert heading_shown("2. **Scouts** and `_dance_`") == "Scouts and `_dance_`"


def test_steps_about_files_are_not_asked() -> None:
    text = "# N\n\n## Honey\n\nDo it so:\n\n1. Open the hive.\n2. Read {}.\n3. Take the comb.\n4. Close the hive.\n"
    assert len(step_proposals(markdown(text.format("the scale")))) == 1
    assert step_proposals(markdown(text.format("scale.csv"))) == []


def test_rows_of_a_comparison_are_not_asked_for_and_give_no_wrong_choices_of_other_kinds() -> None:
    alike = markdown(
        "# N\n\n| Property | Hive | Nest | Log |\n|---|---|---|---|\n| Heat | 35 °C | 30 °C | 20 °C |\n"
        "| Weight | 40 kg | 1 kg | 15 kg |\n| Price | 90 € | 2 € | 8 € |\n| Height | 80 cm | 20 cm | 95 cm |\n"
    )
    asked = [one for one in table_proposals(alike) if one.key == "40 kg"]
    assert [sorted(one.choices) for one in asked] == [["1 kg", "15 kg"]]
    heads = "# N\n\n| Feature | {} | {} |\n|---|---|---|\n"
    rows = "| Start | cold spring | late snow |\n| Food | lime trees | wild roses |\n| Queen | quite young | very old |\n| End | early frost | dry summer |\n"
    keys = [{one.key for one in table_proposals(markdown(heads.format(*names) + rows))} for names in (
        ("Season", "Weather"), ("First hive", "Second hive"),
    )]  # fmt: skip
    assert "Start" in keys[0] and "Start" not in keys[1] and "cold spring" in keys[1]


def test_a_cell_that_lists_the_same_things_is_no_wrong_choice() -> None:
    rows = "| Red | Rose, lime |\n| Blue | Lime, rose |\n| White | Rose |\n| Green | Fern, moss |\n| Brown | Oak, elm |\n"
    found = table_proposals(markdown("# N\n\n| Hive | Plants |\n|---|---|\n" + rows))
    (red,) = [one for one in found if one.lead == "N. Red"]
    assert sorted(red.choices) == ["Fern, moss", "Oak, elm"]
    assert {one.key for one in found if "which “Hive”" in one.text} == {"Green", "Brown"}


def test_a_worked_out_cell_is_not_asked() -> None:
    head = "# N\n\n| Value | Formula |\n|---|---|\n"
    rows = "| Mean | \\\\( m = s / n \\\\) |\n| Example | \\\\( m = 0.5 \\\\) |\n| Spread | \\\\( d = b - a \\\\) |\n| Sum | \\\\( s = n m \\\\) |\n"
    shown = [f"{one.key} {one.text}" for one in table_proposals(markdown(head + rows))]
    assert any("s / n" in text for text in shown) and not any("0.5" in text for text in shown)


def test_a_table_of_links_is_not_asked() -> None:
    links = "# N\n\n| What | Where |\n|---|---|\n" + "".join(
        f"| a{n} | [b{n}](http://x/{n}) |\n" for n in range(4)
    )
    assert table_proposals(markdown(links)) == []


def test_the_extreme_of_a_column_is_worked_out_and_mixed_units_are_not_compared() -> None:
    head = "# N\n\n| Mode | Rate |\n|---|---|\n"
    same = table_proposals(markdown(head + "| slow | 100 kB |\n| fast | 900 kB |\n| middle | 400 kB |\n"))
    (item,) = [one for one in same if one.computed]
    assert item.key == "fast"
    mixed = table_proposals(markdown(head + "| slow | 100 kB |\n| fast | 1 MB |\n| middle | 400 kB |\n"))
    assert not [one for one in mixed if one.computed]


def test_a_row_whose_name_says_what_its_cell_says_is_not_asked() -> None:
    head = "# N\n\n| Tool | Purpose |\n|---|---|\n"
    rows = "| GoogleSearch | search with Google |\n| Comb | cuts the wax |\n| Smoker | calms all bees |\n| Veil | guards a face |\n"
    assert {one.key for one in table_proposals(markdown(head + rows)) if "Tool" in one.text} == {
        "Comb",
        "Smoker",
        "Veil",
    }


def test_steps_ask_for_the_next_one() -> None:
    text = "# N\n\n## Honey\n\nDo it so:\n\n1. Open the hive.\n2. Smoke the bees.\n3. Take the comb.\n4. Close the hive.\n"
    (item,) = step_proposals(markdown(text))
    steps = ["Open the hive.", "Smoke the bees.", "Take the comb.", "Close the hive."]
    asked = next(step for step in steps if step.rstrip(".") in item.text)
    assert steps.index(item.key) == steps.index(asked) + 1 and item.key not in item.choices


def test_a_sentence_before_a_formula_that_leans_on_another_brings_it_along() -> None:
    text = "# N\n\nA swarm is a colony that leaves. Its weight is\n\n$$ w = n m $$\n\nIts speed is\n\n$$ v = s / t $$\n"
    abouts = [one.about for one in formulas_of(markdown(text))]
    assert abouts == ["A swarm is a colony that leaves. Its weight is", ""]


def test_formulas_have_one_equals_sign_and_the_sentence_before() -> None:
    text = "# N\n\nThe force is\n\n$$ F = m a . $$\n\nA chain:\n\n$$ a = b = c $$\n\n$$ x < 3 $$\n"
    (one,) = formulas_of(markdown(text))
    assert (one.left, one.right, one.about) == ("F", "m a", "The force is")


@pytest.mark.parametrize(
    ("code", "alone"),
    [
        ("x = [1, 2]\nprint(len(x))", True),
        ("import numpy as np\nprint(np.arange(3) * 2)", True),
        ("def f(a):\n    return a + 1\n\nprint(f(2))", True),
        ("print([n * n for n in range(3)])", True),
        ("x = x + 1\nprint(x)", False),
        ("print(frame.shape)", False),
        ("import random\nprint(random.random())", False),
        ("print('fixed')", False),
        ("import torch\nprint(torch.ones(2))", False),
        ("x = (", False),
    ],
)
def test_code_is_asked_only_if_it_needs_nothing_else(code: str, alone: bool) -> None:
    assert is_self_contained(code) is alone


def test_the_key_of_code_is_its_stored_output(line_block: Callable[..., Block]) -> None:
    code, output = "x = [3, 4]\nprint(sum(x))", "7"
    text = f"{code}\n{output}"
    blocks = (
        line_block(BlockKind.CODE, 0, len(code)),
        line_block(BlockKind.OUTPUT, len(code) + 1, len(text)),
    )
    (item,) = code_proposals(Document("n.ipynb", "N", DocumentKind.NOTEBOOK, "h", text, blocks))
    assert item.key == "7" and "print(sum(x))" in item.text
    other = (blocks[0], line_block(BlockKind.OUTPUT, len(code) + 1, len(text), part=2))
    assert code_proposals(Document("n.ipynb", "N", DocumentKind.NOTEBOOK, "h", text, other)) == []


def test_a_person_is_known_by_capital_letters_even_if_a_word_has_another_use() -> None:
    texts = [
        "Ada Small keeps bees.",
        "Ada Small wrote.",
        "Ask Ada Small.",
        "Meet Ada Small.",
        "A small hive.",
    ]
    lines = [Line(text, text, 0, len(text), (), BlockKind.PARAGRAPH) for text in texts]
    assert Claims.of(lines).is_name("Ada Small") and not Claims.of(lines[3:]).is_name("Ada Small")
    assert not Claims.of(lines).is_name("Bees")


def test_claims_know_what_the_notes_say_of_a_term() -> None:
    def line(text: str) -> Line:
        return Line(text, text, 0, len(text), (), BlockKind.PARAGRAPH)

    claims = Claims.of([line("Thermal noise is white."), line("White noise has equal power in every hertz.")])
    assert claims.supports("_____ has equal power in every hertz.", "white noise")
    assert not claims.supports("_____ has equal power in every hertz.", "thermal noise")
    assert claims.related("thermal noise", "white noise") and not claims.related(
        "white noise", "thermal noise"
    )
