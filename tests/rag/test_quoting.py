"""The closest sentence is found by arithmetic that can be done by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.quoting import ANSWERED_WEIGHT, READER_WEIGHT, UNFIT_WEIGHT, WORD_WEIGHT, Quote, best_quote
from rag.types import Chunk


class OwlEmbedder:
    """A text's vector is (1, 0) where it says owl, (0, 1) where it does not."""

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([self.embed_query(text) for text in texts], np.float32)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        return np.array([1.0, 0.0] if "owl" in text.lower() else [0.0, 1.0], np.float32)


NOTES = "Zebras graze on dry plains. Owls hunt mice at night. Lions sleep through the afternoon."


def said(quote: Quote | None, passages: Sequence[Chunk]) -> str:
    assert quote is not None
    return passages[quote.n - 1].text[quote.start : quote.end]


def test_the_closest_sentence_wins_and_its_score_is_the_sum(make_chunk: Callable[..., Chunk]) -> None:
    passages = [make_chunk(NOTES)]
    quote = best_quote("When do owls hunt?", passages, OwlEmbedder())
    assert said(quote, passages) == "Owls hunt mice at night."
    assert quote is not None
    assert quote.score == pytest.approx(
        1.0 + WORD_WEIGHT
    )  # cosine 1 alone and headed, both content words held
    assert not quote.by_reader


def test_a_vote_moves_the_choice_only_so_far(make_chunk: Callable[..., Chunk]) -> None:
    passages = [make_chunk(NOTES)]
    lions = (1, NOTES.index("Lions"), len(NOTES))
    assert (
        said(best_quote("When do owls hunt?", passages, OwlEmbedder(), [lions]), passages)
        == "Owls hunt mice at night."
    )
    tie = best_quote("Which beasts?", passages, OwlEmbedder(), [lions])
    assert said(tie, passages) == "Lions sleep through the afternoon."
    assert tie is not None
    assert tie.by_reader
    assert tie.score == pytest.approx(1.0 + READER_WEIGHT + ANSWERED_WEIGHT)


def test_where_the_reader_answered_less_closeness_is_asked_for(make_chunk: Callable[..., Chunk]) -> None:
    passages = [make_chunk(NOTES)]
    zebras = (1, 0, NOTES.index("Owls"))
    alone = best_quote("How do owls hunt?", passages, OwlEmbedder())
    answered = best_quote("How do owls hunt?", passages, OwlEmbedder(), [zebras])
    assert alone is not None
    assert answered is not None
    assert (answered.start, answered.by_reader) == (alone.start, False)
    assert answered.score == pytest.approx(alone.score + ANSWERED_WEIGHT)


def test_a_line_of_two_words_counts_where_the_reader_chose_it(make_chunk: Callable[..., Chunk]) -> None:
    passages = [make_chunk("- Credits: 4\n- Owls hunt mice at night.\n")]
    assert said(best_quote("Which beasts?", passages, OwlEmbedder()), passages).endswith("at night.")
    chosen = best_quote("Which beasts?", passages, OwlEmbedder(), [(1, 0, 12)])
    assert said(chosen, passages) == "- Credits: 4"


def test_a_better_ranked_passage_wins_a_tie(make_chunk: Callable[..., Chunk]) -> None:
    passages = [
        make_chunk("Owls hunt mice at night.", "a.md"),
        make_chunk("Owls hunt mice at night.", "b.md"),
    ]
    quote = best_quote("When do owls hunt?", passages, OwlEmbedder())
    assert quote is not None
    assert quote.n == 1


def test_what_a_sentence_announces_is_quoted_with_it(make_chunk: Callable[..., Chunk]) -> None:
    passages = [
        make_chunk("Intro words stand here.\n\nTo list owls run this command:\n\n```\nowls --list\n```\n")
    ]
    assert said(best_quote("list owls", passages, OwlEmbedder()), passages).endswith("owls --list\n```")


def test_a_formula_that_ends_a_sentence_is_quoted_with_it(make_chunk: Callable[..., Chunk]) -> None:
    passages = [
        make_chunk(
            "Intro words stand here.\n\nThe ratio of owls that remains is\n\n$$\nr = o / n\n$$\n\nNext."
        )
    ]
    quote = best_quote("ratio of owls", passages, OwlEmbedder())
    assert said(quote, passages).endswith("r = o / n\n$$")
    assert quote is not None
    assert quote.continued


def test_links_and_badges_are_no_answers(make_chunk: Callable[..., Chunk]) -> None:
    badge = "[![Owls of the north](https://a/b.svg)](https://c/owls) <sup>|</sup> [All the owls here](#owls-of-the-north)"
    assert best_quote("owls of the north", [make_chunk(badge)], OwlEmbedder()) is None
    linked = make_chunk("The [great grey owl](https://a) hunts small mammals under snow.")
    assert said(best_quote("owls", [linked], OwlEmbedder()), [linked]) == linked.text


def test_a_label_that_repeats_the_question_is_no_answer(make_chunk: Callable[..., Chunk]) -> None:
    label = "Owls of the north: hunting"
    assert best_quote("How do owls of the north hunt?", [make_chunk(label)], OwlEmbedder()) is None
    for line in (
        "Owls of the north hunt.",
        "Owls of the north: hunt 3",
        "Owls of the north hunt by ear at dusk",
    ):
        passages = [make_chunk(f"{label}\n\n- {line}\n")]
        assert (
            said(best_quote("How do owls of the north hunt?", passages, OwlEmbedder()), passages)
            == f"- {line}"
        )


def test_headings_and_labels_are_no_answers(make_chunk: Callable[..., Chunk]) -> None:
    assert best_quote("owls", [make_chunk("# Owls of the northern forests\n\nOwls.")], OwlEmbedder()) is None
    assert best_quote("owls", [], OwlEmbedder()) is None


def test_a_question_of_the_notes_answers_only_where_the_reader_chose_it(
    make_chunk: Callable[..., Chunk],
) -> None:
    text = "Which owls hunt mice in the snowy north?\n\nSnowy ones hunt lemmings there."
    passages = [make_chunk(text)]
    assert said(best_quote("Which owls?", passages, OwlEmbedder()), passages).startswith("Snowy")
    assert said(best_quote("Which owls?", passages, OwlEmbedder(), [(1, 0, 20)]), passages).startswith(
        "Which"
    )


@pytest.mark.parametrize(
    "table",
    [
        "Owls of the north | Rooms | Eggs laid\nBarn owls | 2 | 5\nGreat owls | 1 | 3",
        "| Owls of the north | Rooms | Eggs laid |\n|---|---|---|\n| Barn owls | two | five |",
    ],
)
def test_the_head_of_a_table_is_no_answer_but_its_rows_are_read_under_it(
    table: str, make_chunk: Callable[..., Chunk]
) -> None:
    passages = [make_chunk(table)]
    head = (1, 0, table.index("\n"))
    quote = best_quote("owls in the north", passages, OwlEmbedder(), [head])
    assert said(quote, passages).lstrip("| ").startswith("Barn owls")
    assert quote is not None
    assert quote.score == pytest.approx(
        1.0 + WORD_WEIGHT
    )  # "north" stands in the head; the vote for it counts nothing


def test_a_first_row_with_values_is_no_head(make_chunk: Callable[..., Chunk]) -> None:
    passages = [
        make_chunk("Owl walks | Room 3 | by Ada\nMouse walks | Room 4 | by Bo\nBat walks | Room 5 | by Cy")
    ]
    assert said(best_quote("owl", passages, OwlEmbedder()), passages).startswith("Owl walks")


def test_what_lacks_the_kind_or_the_name_asked_for_loses_its_vote(make_chunk: Callable[..., Chunk]) -> None:
    passages = [make_chunk("Owls hunt mice in barns. Owls of the barn lay five eggs.")]
    chosen = (1, 0, 20)
    counted = best_quote("How many mice do owls hunt?", passages, OwlEmbedder(), [chosen])
    assert said(counted, passages) == "Owls of the barn lay five eggs."
    assert counted is not None
    assert counted.score == pytest.approx(1.0 + WORD_WEIGHT / 3)  # of owls, mice and hunt it holds owls
    named = best_quote("Do Snowy owls hunt mice?", passages, OwlEmbedder(), [chosen])
    assert named is not None
    assert not named.by_reader
    assert named.score == pytest.approx(1.0 + WORD_WEIGHT * 3 / 4 - UNFIT_WEIGHT)


def test_a_name_may_stand_in_another_passage_of_the_document_but_a_number_may_not(
    make_chunk: Callable[..., Chunk],
) -> None:
    passages = [make_chunk("Owls hunt mice at night."), make_chunk("The Snowy ones have 2 barns.")]
    plain = best_quote("Do Snowy owls hunt mice?", passages, OwlEmbedder())
    numbered = best_quote("Do owls hunt mice in 2 barns?", passages, OwlEmbedder())
    assert plain is not None
    assert numbered is not None
    assert plain.score == pytest.approx(1.0 + WORD_WEIGHT * 3 / 4)
    assert numbered.score == pytest.approx(1.0 + WORD_WEIGHT * 3 / 5 - UNFIT_WEIGHT)


def test_a_mention_of_a_term_is_no_meaning_of_it_unless_the_reader_says_so(
    make_chunk: Callable[..., Chunk],
) -> None:
    passages = [make_chunk("Good food keeps owls from moulting.", title="Owls")]
    mention = best_quote("What is moulting?", passages, OwlEmbedder())
    chosen = best_quote("What is moulting?", passages, OwlEmbedder(), [(1, 0, 9)])
    assert mention is not None
    assert chosen is not None
    assert mention.score == pytest.approx(0.0 + WORD_WEIGHT - UNFIT_WEIGHT)
    assert chosen.score == pytest.approx(0.0 + WORD_WEIGHT + READER_WEIGHT + ANSWERED_WEIGHT)


def test_what_follows_a_question_is_read_under_it(make_chunk: Callable[..., Chunk]) -> None:
    passages = [make_chunk("Q: What do owls of the north eat?\n\nA: Small mammals under snow.")]
    quote = best_quote("What do owls eat?", passages, OwlEmbedder())
    assert said(quote, passages).startswith("A: Small")
    assert quote is not None
    assert quote.score == pytest.approx((0.0 + 1.0) / 2 + WORD_WEIGHT)  # alone it says nothing of owls
