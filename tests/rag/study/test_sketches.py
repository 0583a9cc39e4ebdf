"""Sentences and keys that code chooses for a writer."""

from __future__ import annotations

import pytest

from ingest.parsers.markdown import markdown_blocks
from rag.study.claims import Claims
from rag.study.items import GAP, Proposal, Topic
from rag.study.readable import lines_of
from rag.study.sketches import askable, named_terms, sketches, subjects
from rag.study.terms import terms_of
from rag.types import Document, DocumentKind


def document(text: str) -> Document:
    return Document("n.md", "N", DocumentKind.MARKDOWN, "h", text, tuple(markdown_blocks(text)))


def drawn(text: str, names: list[str]) -> list[Proposal]:
    notes = document(f"# Hive\n\n{text}\n")
    return sketches(notes, lines_of(notes), names, [], Claims.of(lines_of(notes)).mentions)


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        ("The brood nest is a warm part of the comb with eggs and larvae.", f"The {GAP} is a warm part"),
        ("Brood nest: the warm part of a comb with eggs and larvae in it.", f"{GAP}: the warm part"),
        ("The brood nest (BN) is a warm part of the comb with eggs and larvae.", f"The {GAP} is a warm part"),
        ("The warm part of a comb with eggs is called a **brood nest**.", f"is called a {GAP}."),
        ("Ein Brood nest ist der warme Teil der Wabe mit Eiern und Larven.", f"Ein {GAP} ist der warme Teil"),
    ],
)
def test_a_sentence_about_a_name_or_that_marks_it_gets_a_gap(sentence: str, text: str) -> None:
    (sketch,) = drawn(sentence, ["brood nest"])
    assert text in sketch.text and sketch.key.casefold() == "brood nest" and sketch.topic is Topic.WRITTEN


@pytest.mark.parametrize(
    "sentence",
    [
        "Guards at the entrance keep wasps away from the brood nest all day.",
        "Every brood nest needs water, pollen and honey from the upper combs.",
        "The brood nest-like shape of a comb shows where eggs and larvae are.",
        "The brood nest of one comb is warmer than the brood nest of another.",
        "We call a brood nest the warm part of a comb with eggs and larvae.",
        "The brood nest is not a part of the comb with honey and pollen.",
        "The brood nest is one of the warm parts of a comb with eggs.",
        "The brood nest is one such warm part of the comb with eggs and larvae.",
        "The brood nest becomes rather small in cold winters.",
        "The brood nest is big.",
    ],
)
def test_a_name_in_passing_is_not_asked_for(sentence: str) -> None:
    assert drawn(sentence, ["brood nest"]) == []


def test_the_longest_name_is_the_key() -> None:
    (sketch,) = drawn("The brood nest wall is a row of cells with pollen around the eggs.", ["brood nest wall", "brood nest"])  # fmt: skip
    assert sketch.key == "brood nest wall"


def test_a_number_is_asked_with_its_unit() -> None:
    notes = document("# Hive weight\n\nThe hive in winter has a weight of 18 kg with all of its honey.\n")
    (sketch,) = sketches(notes, lines_of(notes), [], ["honey"], Claims.of([]).mentions)
    assert (sketch.key, sketch.unit, sketch.topic) == ("18", "kg", Topic.WRITTEN)


def test_bold_words_are_names_where_other_sentences_have_them_too() -> None:
    more = "The brood nest is warm.\n\nA brood nest has eggs.\n\nIt is **really** warm, really, really.\n\n"
    notes = document(f"# Hive\n\nA **brood nest** has larvae.\n\nSome **very odd** words.\n\n{more}")
    lines = lines_of(notes)
    assert [term.name for term in named_terms(notes, lines, Claims.of(lines))] == ["brood nest"]


def test_single_common_words_and_titles_are_not_asked_for() -> None:
    common = "".join(f"The comb has cell {n}.\n\n" for n in range(5))
    notes = document(
        f"# N\n\nA **comb** is a wall of wax cells.\n\nA **queen bee** is the mother of bees.\n\n**Bee and the Bear** is a tale of bees.\n\n{common}"
    )
    assert askable(terms_of(notes), Claims.of(lines_of(notes))) == ["queen bee"]


OTHER_NOTES = document(
    "# Plants\n\nThe willow has pollen.\n\nA willow needs water.\n\nEach willow blooms in March.\n"
)


def drawn_beside_other_notes(text: str, title: str) -> list[Proposal]:
    notes = document(f"# {title}\n\n{text}\n")
    lines = lines_of(notes)
    mentions = Claims.of([*lines, *lines_of(OTHER_NOTES)]).mentions
    return sketches(notes, lines, ["willow"], [], mentions)


def test_a_name_that_other_documents_are_about_is_not_asked_for_in_passing() -> None:
    text = "A willow is a useful tree for hedges around the stand of hives."
    assert drawn_beside_other_notes(text, "Stand") == []
    (sketch,) = drawn_beside_other_notes(text, "Willow hedges")
    assert sketch.key == "willow"
    more = "\n\nThe willow is cut in autumn.\n\nOld willow trees break in storms."
    assert [one.key for one in drawn_beside_other_notes(text + more, "Stand")] == ["willow"]
    bold = "The useful tree for hedges around the stand of hives is called a **willow**."
    assert [one.key for one in drawn_beside_other_notes(bold, "Stand")] == ["willow"]


def test_an_abbreviation_of_a_name_like_the_key_gives_it_away() -> None:
    names = ["queen bee larva", "queen bee egg"]
    text = "A queen bee larva is a form of the QBE that is fed with royal jelly for days."
    assert drawn(text, names[:1]) and drawn(text, names) == []


def test_the_keys_of_other_sentences_are_terms_beside_a_key() -> None:
    text = "The brood nest is a warm part of the comb with eggs.\n\nThe queen cell is a long cup of wax for a larva."
    brood, cell = drawn(text, ["brood nest", "queen cell"])
    (known,) = subjects([brood], [])
    (term,) = subjects([brood, cell, cell], [known])
    assert (term.name, term.definition) == ("queen cell", "The queen cell is a long cup of wax for a larva.")
