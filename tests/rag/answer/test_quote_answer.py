"""What the scorer picks is quoted: the answer, or the closest, each with its citation."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from rag.answer.conflicts import conflicts_between
from rag.answer.found import Clock, Draft, Found
from rag.answer.pair_scorer import PassageScore, SentenceScore
from rag.answer.quote_answer import QuoteAnswerer
from rag.answer.quotes import names_of_twins, quoted_sentences, quotes_text
from rag.answer.select import EXTRACT_WORDS, select_answer, select_extract
from rag.answer.selected import Selected
from rag.answer.statements import statements_of
from rag.answer.texts import EXTRACT_LEAD, REFUSAL
from rag.types import AnswerKind, Chunk, Conflict, Decision, Hit, Sentence, Tier

TCP = "TCP is reliable. Its header has 20 bytes. Owls hunt at night."
TABLE = "| Element | Density |\n|---|---|\n| Gold | 10.8 |\n| Iron | 7.9 |"


@pytest.fixture
def drafted(word_scorer: Any, make_hit: Callable[..., Hit]) -> Callable[..., Draft]:
    def draft(question: str, *texts: str, tier: Tier = Tier.ANSWER) -> Draft:
        hits = tuple(make_hit(text, document=f"{n}.md") for n, text in enumerate(texts, 1))
        scores = word_scorer.score(question, [hit.chunk for hit in hits])
        found = Found(
            question, question, (), hits, scores, Decision(tier, 0.5, 0.5, "by hand"), answerable=0.9
        )
        steps = QuoteAnswerer().draft(found, Clock(), None)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]

    return draft


def test_an_answer_is_the_best_statement_with_what_it_leans_on(drafted: Callable[..., Draft]) -> None:
    draft = drafted("How many bytes has the header?", "Ships sail. They float.", TCP)
    assert (draft.kind, draft.text) == (
        AnswerKind.ANSWER,
        "TCP is reliable. Its header has 20 bytes. [2]",
    )
    (citation,) = draft.citations
    assert (citation.n, citation.document, citation.quote) == (
        2,
        "2.md",
        "TCP is reliable. Its header has 20 bytes.",
    )
    assert draft.sentences[0].quoted
    assert draft.answers_question == 0.9


@pytest.mark.parametrize(("asked", "kind"), [("TCP", AnswerKind.ANSWER), ("UDP", AnswerKind.EXTRACT)])
def test_the_header_of_another_protocol_is_no_answer(
    drafted: Callable[..., Draft], asked: str, kind: AnswerKind
) -> None:
    notes = ("The header of TCP has 20 bytes.", "UDP sends.")
    draft = drafted(f"How many bytes has the header of {asked}?", *notes)
    assert draft.kind is kind
    assert "20 bytes" in draft.text


def test_the_best_item_of_a_list_comes_first_and_the_best_sentence_of_prose_in_its_order(
    make_hit: Callable[..., Hit],
) -> None:
    chunks = [make_hit(text).chunk for text in ("- Hall 2\n- 17 February", "1. Mix it.\n2. Heat it.")]
    for chunk, words in zip(
        chunks, (["- 17 February", "- Hall 2"], ["1. Mix it.", "2. Heat it."]), strict=True
    ):
        chosen = select_answer([chunk], scored([chunk], [[1.5, 2.0]]))
        assert [chunk.text[one.start : one.end] for one in chosen] == words


def test_a_row_of_a_passage_below_its_tables_head_is_written_with_its_columns(
    word_scorer: Any, make_hit: Callable[..., Hit]
) -> None:
    hit = make_hit("| Gold | 10.8 |\n| Iron | 7.9 |\n| Lead | 11.3 |")
    chunk = replace(hit.chunk, headings=("Ores", "Element | Density"))
    chosen = select_answer([chunk], word_scorer.score("density of Gold", [chunk]))
    assert quoted_sentences(chosen, [chunk], [chunk])[0].text == "Element: Gold; Density: 10.8"
    prose = replace(chunk, text="Gold is heavy.")
    chosen = select_answer([prose], word_scorer.score("Gold", [prose]))
    assert quoted_sentences(chosen, [prose], [prose])[0].text == "Gold is heavy."


def test_the_head_of_a_wide_table_without_digits_is_its_first_row(drafted: Callable[..., Draft]) -> None:
    table = "Group | Lab | Seminar\nA | Mon | Wed\nB | Tue | Thu"
    assert drafted("B Tue Thu", table).text == "Group: B; Lab: Tue; Seminar: Thu [1]"


def test_an_empty_first_name_of_a_column_keeps_the_cells_in_place(drafted: Callable[..., Draft]) -> None:
    table = "|  | 2023 | 2024 |\n|---|---|---|\n| oats | 4.5 | 5 |"
    assert drafted("oats", table).text == "oats; 2023: 4.5; 2024: 5 [1]"


def test_a_row_is_written_with_its_columns(drafted: Callable[..., Draft]) -> None:
    draft = drafted("What is the density of Gold?", TABLE)
    assert draft.text == "Element: Gold; Density: 10.8 [1]"
    assert draft.citations[0].quote == "| Gold | 10.8 |"
    assert (draft.sentences[0].supported, draft.sentences[0].quoted) == (True, False)


def test_an_extract_is_said_to_be_one(drafted: Callable[..., Draft]) -> None:
    draft = drafted("Which bytes do owls hunt?", TCP, tier=Tier.EXTRACT)
    assert draft.kind is AnswerKind.EXTRACT
    assert draft.text.startswith(EXTRACT_LEAD)
    assert "Owls hunt at night." in draft.text
    assert all(sentence.quoted for sentence in draft.sentences)


def test_none_is_the_refusal_and_passages_without_statements_too(drafted: Callable[..., Draft]) -> None:
    assert drafted("What?", TCP, tier=Tier.NONE).text == REFUSAL
    assert drafted("Leakage?", "# Leakage", tier=Tier.EXTRACT).kind is AnswerKind.NONE


def test_an_extract_is_short_and_begins_with_the_best(word_scorer: Any, make_chunk: Any) -> None:
    chunks = [
        make_chunk(" ".join(f"Sentence {n} of note {k} says owls." for n in range(40))) for k in range(5)
    ]
    chosen = select_extract(chunks, word_scorer.score("Which note says owls?", chunks))
    words = sum(len(chunks[one.n - 1].text[one.start : one.end].split()) for one in chosen)
    assert 20 <= words <= EXTRACT_WORDS
    assert chosen[0].n == 1


def test_selections_never_overlap(word_scorer: Any, make_chunk: Callable[..., Chunk]) -> None:
    chunks = [make_chunk(TCP), make_chunk("It is. These are. Owls.")]
    for select in (select_answer, select_extract):
        chosen = select(chunks, word_scorer.score("Are these owls reliable bytes?", chunks))
        places = [(one.n, one.start, one.end) for one in chosen]
        assert places == sorted(places)
        assert all(a[0] < b[0] or a[2] < b[1] for a, b in pairwise(places))
    assert select_answer([], ()) == ()
    assert select_extract([], ()) == ()


def quote(text: str, n: int) -> Sentence:
    return Sentence(text, (n,), True, 1.0, "", True)


def test_blocks_and_other_passages_begin_a_paragraph() -> None:
    assert quotes_text([quote("A.", 1), quote("B.", 1), quote("C.", 2)]) == "A. [1] B. [1]\n\nC. [2]"
    assert quotes_text([quote("Run:\n```\nmake\n```", 1)]) == "Run:\n```\nmake\n```\n[1]"


def test_a_quote_without_its_tags_is_not_word_for_word(make_chunk: Callable[..., Chunk]) -> None:
    text = "Owls hunt at <b>night</b> only. Owls sleep by day."
    chunk = make_chunk(text)
    read = replace(chunk, text=text.replace("<b>", "   ").replace("</b>", "    "))
    chosen = (
        Selected(1, 0, text.index(" Owls sleep"), 1.0),
        Selected(1, text.index("Owls sleep"), len(text), 0.9),
    )
    quoted = quoted_sentences(chosen, [read], [chunk])
    assert quoted[0].text == "Owls hunt at night only."
    assert [one.quoted for one in quoted] == [False, True]


def test_notes_that_disagree() -> None:
    old, new = quote("The final exam lasts 90 minutes.", 1), quote("The final exam lasts 120 minutes.", 3)
    other = quote("The midterm has 5 questions.", 2)
    assert conflicts_between([old, other, new]) == (Conflict((1, 3)),)
    assert conflicts_between([old, quote("The final exam lasts 90 minutes in Hall A.", 2)]) == ()


def test_notes_disagree_on_numbers_in_words() -> None:
    five, seven = quote("Rinse once with five samples.", 1), quote("Rinse once with seven samples.", 2)
    assert conflicts_between([five, seven]) == (Conflict((1, 2)),)


def test_a_number_in_a_formula_is_no_value_that_notes_disagree_on() -> None:
    rule = quote("The cut-off frequency is half the clock rate, $f_c/2$.", 1)
    case = quote("This chip has a clock rate of 48 kHz, so its cut-off frequency is 24 kHz.", 2)
    assert conflicts_between([rule, case]) == ()
    other = quote("That chip has a clock rate of 96 kHz, so its cut-off frequency is 41 kHz.", 3)
    assert conflicts_between([case, other]) == (Conflict((2, 3)),)


def scored(chunks: list[Chunk], logits: list[list[float]]) -> tuple[PassageScore, ...]:
    """Return scores with these logits for the statements of each passage."""
    return tuple(
        PassageScore(
            0.5, 0.0,
            tuple(
                SentenceScore(one.start, one.end, 0.5, logit)
                for one, logit in zip(statements_of(chunk.text), row, strict=True)
            ),
            (0.0, 0.0),
        )
        for chunk, row in zip(chunks, logits, strict=True)
    )  # fmt: skip


def test_an_answer_has_what_answers_nearly_as_well_in_any_passage(make_chunk: Callable[..., Chunk]) -> None:
    chunks = [make_chunk("Owls sleep. Owls hunt at night."), make_chunk("At dusk owls hunt. Mice hide.")]
    chosen = select_answer(chunks, scored(chunks, [[-4.0, 1.2], [2.0, -3.0]]), alone=True)
    assert [chunks[one.n - 1].text[one.start : one.end] for one in chosen] == [
        "At dusk owls hunt.",
        "Owls hunt at night.",
    ]
    assert len(select_answer(chunks, scored(chunks, [[-4.0, 0.9], [2.0, -3.0]]), alone=True)) == 1


@pytest.mark.parametrize(
    ("text", "best", "quoted"),
    [
        ("A loop calls tools until all is done. An agent is that. Most have names.", 1, (0, 2)),
        ("Owls have big ears and eyes. They weigh 430 g.\n\nOne weighs 7 g. Bats weigh 8 g.", 3, (3, 4)),
        ("Some birds are awake at night. The brown owl hunts at night from September on.", 1, (1, 2)),
        ("- Run it at night.\n- Mice hide.", 1, (1, 2)),
        ("| Metal | Weight |\n|---|---|\n| Gold | 19.3 |\nGold is heavy.", 1, (1, 2)),
        (f"{'Rain ' * 45}falls. An agent is that.", 1, (1, 2)),
    ],
)
def test_a_short_best_sentence_without_a_figure_brings_the_one_before(
    make_chunk: Callable[..., Chunk], text: str, best: int, quoted: tuple[int, int]
) -> None:
    chunk = make_chunk(text)
    statements = statements_of(text)
    scores = scored([chunk], [[3.0 if n == best else -5.0 for n in range(len(statements))]])
    (chosen,) = select_answer([chunk], scores)
    first, end = quoted
    assert (chosen.start, chosen.end) == (statements[first].start, statements[end - 1].end)


@pytest.mark.parametrize(
    ("after", "brought"),
    [
        ("These include the barn owl of the village church.", True),
        ("Mice fear the barn owl of the village church.", False),
        ("It is " + "very " * 45 + "quiet.", False),
    ],
)
def test_a_statement_brings_the_next_one_where_that_leans_on_it(
    make_chunk: Callable[..., Chunk], after: str, brought: bool
) -> None:
    first = "Many of the owls here hunt in the first hours of the night."
    chunk = make_chunk(f"{first} {after}")
    (chosen,) = select_answer([chunk], scored([chunk], [[3.0, -5.0]]))
    assert chunk.text[chosen.start : chosen.end] == (f"{first} {after}" if brought else first)


def test_a_statement_that_two_files_have_is_quoted_once_with_what_it_brings(
    make_chunk: Callable[..., Chunk],
) -> None:
    text = "Many owls here hunt in the first hours of the night. They include the barn owl of the church."
    chunks = [make_chunk(text, document="a.md"), make_chunk(text, document="b.md")]
    (chosen,) = select_answer(chunks, scored(chunks, [[3.0, -5.0], [3.0, -5.0]]))
    assert chunks[0].text[chosen.start : chosen.end] == text


def test_where_the_scorer_reads_letters_the_first_passage_and_likeness_decide(
    make_chunk: Callable[..., Chunk],
) -> None:
    chunks = [make_chunk("Owls sleep. Owls hunt at night."), make_chunk("At dusk owls hunt.")]
    scores = scored(chunks, [[-1.0, 0.0], [3.0]])
    spelled = [replace(one, spelled=1.0) for one in scores]

    def cosines(texts: Sequence[str]) -> list[float]:
        return [0.6 if "night" in text else 0.5 for text in texts]

    def chosen(scores: Sequence[PassageScore]) -> list[str]:
        found = select_answer(chunks, scores, cosines, [1.0, 0.9], alone=True)
        return [chunks[one.n - 1].text[one.start : one.end] for one in found]

    # By words 0.3 + 0.67 * 0.5 = 0.635 against 0.67 * 0.6 = 0.402; by letters 0.3 + 1.1 * 0.5 + 0.55 * 0.9 = 1.345
    # against 1.1 * 0.6 + 0.55 * 2 = 1.76, and 1.55 for the sentence before it, within 0.3.
    assert chosen(scores) == ["At dusk owls hunt."]
    assert chosen(spelled) == ["Owls sleep.", "Owls hunt at night."]


def test_where_words_are_not_all_known_the_sentence_before_comes_along(
    make_chunk: Callable[..., Chunk],
) -> None:
    chunk = make_chunk("Die Eule wiegt wenig.\n\nDie Eule ist grau. Nachts jagt das Tier. Mäuse schlafen.")
    scores = scored([chunk], [[-5.0, -5.0, 3.0, -5.0]])

    def chosen(spelled: float) -> list[str]:
        found = select_answer([chunk], [replace(scores[0], spelled=spelled)], alone=True)
        return [chunk.text[one.start : one.end] for one in found]

    assert chosen(0.0) == ["Nachts jagt das Tier."]
    assert chosen(0.3) == ["Die Eule ist grau.", "Nachts jagt das Tier."]


def test_an_extract_in_chinese_is_as_short_as_others(make_chunk: Callable[..., Chunk]) -> None:
    chunk = make_chunk(
        "".join(f"第{n}个学生每天晚上在图书馆里读很多很多关于海洋和鱼类的有趣的书籍。" for n in range(20))
    )
    chosen = select_extract([chunk], scored([chunk], [[1.0] * len(statements_of(chunk.text))]))
    shown = "".join(chunk.text[one.start : one.end] for one in chosen)
    assert 100 < len(shown) <= 2 * EXTRACT_WORDS


def test_an_answer_says_nothing_twice(make_chunk: Callable[..., Chunk]) -> None:
    chunks = [make_chunk("Owls hunt at night."), make_chunk("Owls hunt, at *night*.")]
    assert len(select_answer(chunks, scored(chunks, [[1.0], [1.0]]))) == 1


@pytest.mark.parametrize(
    ("paths", "titles", "names"),
    [
        (("bio/plan.md", "physics/Plan.md"), ("Cells", "Forces"), {1: "Cells", 2: "Forces"}),
        (("bio/plan.md", "physics/plan.md"), ("Plan", "Plan"), {1: "bio", 2: "physics"}),
        (("bio/plan.md", "bio/exam.md"), ("Cells", "Exam"), {}),
        (("bio/plan.md", "bio/plan.md"), ("Cells", "Cells"), {}),
    ],
)
def test_quotes_of_two_courses_are_named(
    make_chunk: Callable[..., Chunk], paths: tuple[str, str], titles: tuple[str, str], names: dict[int, str]
) -> None:
    chunks = [
        replace(make_chunk(f"The exam is on {n} May."), document=path, title=title)
        for n, (path, title) in enumerate(zip(paths, titles, strict=True), 1)
    ]
    chosen = tuple(Selected(n, 0, len(chunk.text), 0.9) for n, chunk in enumerate(chunks, 1))
    assert names_of_twins(chosen, chunks) == names
    text = quotes_text(quoted_sentences(chosen, chunks, chunks), names)
    shown = [f"**{names[n]}**\n" if names else "" for n in (1, 2)]
    assert text == f"{shown[0]}The exam is on 1 May. [1]\n\n{shown[1]}The exam is on 2 May. [2]"
