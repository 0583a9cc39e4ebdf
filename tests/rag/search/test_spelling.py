"""A misspelt word becomes the nearest word that the library has, and nothing else changes."""

from collections.abc import Callable
from typing import Any

import pytest

from rag.library.library import Library
from rag.search.lexical import LexicalIndex
from rag.search.spelling import Speller


@pytest.fixture
def speller(library: Library, put: Callable[..., Any]) -> Speller:
    lines = ["Ridge and Lasso regression differ.", "The difference between them", "The last regularization"]
    put("a.md", *lines)
    put("b.md", *(f"{line} again" for line in lines), "An overfitting once")
    return Speller(LexicalIndex(library))


@pytest.mark.parametrize(
    ("asked", "repaired"),
    [
        ("diffrence betwen ridge and laso regresion", "difference between ridge and lasso regression"),
        ("Explain Regresion!", "Explain Regression!"),
        ("regularisation", "regularization"),
        ("What is the capital of France?", "What is the capital of France?"),
        ("the ridge", "the ridge"),
        ("RIGDE", "RIGDE"),  # an abbreviation is no word
        ("overfittinh", "overfittinh"),  # a single passage may be misspelt itself
        ("ridgee 12", "ridge 12"),
        (
            "a rigid fridge, the lass of a lesson",
            "a rigid fridge, the lass of a lesson",
        ),  # words, though in no note
        (
            "Wann ist die Regresion und was ist das?",
            "Wann ist die Regresion und was ist das?",
        ),  # no German notes
        ("", ""),
    ],
)
def test_repairs(speller: Speller, asked: str, repaired: str) -> None:
    assert speller.repaired(asked).question == repaired


def test_what_was_replaced_is_told(speller: Speller) -> None:
    assert speller.repaired("laso or ridge?").replaced == (("laso", "lasso"),)
    assert speller.repaired("lasso or ridge?").replaced == ()


def test_words_added_later_are_known(speller: Speller, put: Callable[..., Any]) -> None:
    assert speller.repaired("perceptro").question == "perceptro"
    put("c.md", "the perceptron", "a perceptron too")
    assert speller.repaired("perceptro").question == "perceptron"


def test_a_language_of_the_notes_is_repaired(speller: Speller, put: Callable[..., Any]) -> None:
    text = (
        "Wann wird eine Regression nicht oder auch durch eine andere ersetzt, wenn sich diese beiden werden?"
    )
    put("de.md", text, f"{text} Weil dass einer zwischen haben.")
    assert (
        speller.repaired("Was ist die Regresion und was ist das?").question
        == "Was ist die Regression und was ist das?"
    )
