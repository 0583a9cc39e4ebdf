import sqlite3
from collections.abc import Callable
from math import log
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import LibraryDamaged
from rag.library.connections import DATABASE_NAME
from rag.library.library import Library
from rag.library.schema import connect
from rag.search.lexical import LexicalIndex, Stemmer, inverse_document_frequency, question_words
from rag.search.scope import Scope, allowed_passages


def texts(library: Library, index: LexicalIndex, question: str, limit: int = 10) -> list[str]:
    return [chunk.text for chunk in library.chunks(index.search(question, limit).rowids)]


@pytest.fixture
def index(library: Library, put: Callable[..., Any]) -> LexicalIndex:
    put(
        "a.md",
        "the gradient of the loss",
        "a loss is a number",
        "max_length of a tokenizer",
        'said "AND" OR not',
    )
    put("b.md", "gradients gradients everywhere", "naïve Bayes", "the the the")
    return LexicalIndex(library)


def test_words_of_a_question() -> None:
    assert question_words("What is the max_length of it?") == ["max", "length"]
    assert question_words("what is it") == ["what", "is", "it"]
    assert question_words("?!") == []


def test_stems_are_those_of_the_index(library: Library, index: LexicalIndex) -> None:
    stems = Stemmer().stems("Gradients everywhere, naïve!")
    held = {row[0] for row in library.connection.execute("SELECT term FROM chunks_vocab")}
    assert stems == ["gradient", "everywher", "naiv"]
    assert set(stems) <= held


def test_rarer_words_and_more_of_them_rank_higher(library: Library, index: LexicalIndex) -> None:
    assert texts(library, index, "gradient loss")[0] == "the gradient of the loss"
    assert set(texts(library, index, "gradient")) == {
        "the gradient of the loss",
        "gradients gradients everywhere",
    }
    scores = index.search("gradient loss", 10).scores.tolist()
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 0


@pytest.mark.parametrize(
    "question",
    [
        '"',
        "AND",
        "OR NOT",
        'say "AND"',
        "gradient NEAR/2 loss",
        "title:loss",
        "loss*",
        "-loss",
        "^loss",
        "(loss",
        "a'b",
        "{x}",
        "\\",
        "\0",
    ],
)
def test_syntax_in_a_question_means_itself(index: LexicalIndex, question: str) -> None:
    assert index.search(question, 5).rowids.dtype.kind == "i"


def test_quoted_operators_are_words(library: Library, index: LexicalIndex) -> None:
    assert texts(library, index, "NOT") == ['said "AND" OR not']


def test_accents_and_identifiers(library: Library, index: LexicalIndex) -> None:
    assert texts(library, index, "naive") == ["naïve Bayes"]
    assert texts(library, index, "max_length")[0] == "max_length of a tokenizer"


@pytest.mark.parametrize("question", ["", "   ", "???", "数学とは", "سلام"])
def test_a_question_without_known_words_finds_nothing(index: LexicalIndex, question: str) -> None:
    assert len(index.search(question, 5).rowids) == 0


def test_only_stop_words_still_search(library: Library, index: LexicalIndex) -> None:
    assert texts(library, index, "the")[0] in {"the the the", "the gradient of the loss"}


def test_terms_say_how_many_passages_hold_them(index: LexicalIndex) -> None:
    terms = index.terms("gradient unheard loss")
    assert [(t.word, t.passages) for t in terms] == [("unheard", 0), ("gradient", 2), ("loss", 2)]
    assert terms[1].idf == pytest.approx(log(1 + (7 - 2 + 0.5) / 2.5))


def test_idf_falls_with_the_passages_and_stays_above_zero() -> None:
    assert inverse_document_frequency(10, 10) == pytest.approx(log(1 + 0.5 / 10.5))
    assert inverse_document_frequency(0, 10) == pytest.approx(log(22))


def test_counts_follow_the_library(library: Library, index: LexicalIndex, put: Callable[..., Any]) -> None:
    assert index.terms("gradient")[0].passages == 2
    put("c.md", "gradient again")
    assert index.terms("gradient")[0].passages == 3


def test_the_budget_leaves_common_words_out(library: Library, put: Callable[..., Any]) -> None:
    put("a.md", *(f"common passage {number}" for number in range(30)), "common rare")
    index = LexicalIndex(library, postings_budget=10)
    found = index.search("common rare", 50)
    assert found.searched == 1
    assert [chunk.text for chunk in library.chunks(found.rowids)] == ["common rare"]
    assert LexicalIndex(library, postings_budget=16).search("common", 50).searched == 1
    alone = LexicalIndex(library, postings_budget=15).search("common", 50)
    assert (alone.searched, len(alone.rowids), alone.terms[0].passages) == (0, 0, 31)


def test_a_scope_is_applied_inside(library: Library, put: Callable[..., Any]) -> None:
    put("loud.md", *(f"loss loss loss {number}" for number in range(20)))
    put("quiet.md", "a loss somewhere in a long passage of many other words")
    allowed = allowed_passages(library, Scope(documents=("quiet.md",)))
    found = LexicalIndex(library).search("loss", 1, allowed)
    assert [chunk.document for chunk in library.chunks(found.rowids)] == ["quiet.md"]


@given(st.text(max_size=60))
def test_words_are_lower_case_and_once_each(question: str) -> None:
    words = question_words(question)
    assert len(words) == len(set(words))
    assert all(word == word.lower() and "_" not in word for word in words)


def test_each_run_keeps_its_own_terms_however_they_part() -> None:
    texts = ["naïve Bayes", "co\u2019operate", "数学 gradients", "\u2014", "naïve again"]
    held = Stemmer().found_in(texts, ["naiv", "bay", "co", "oper", "数学", "gradient"])
    assert held == [{"naiv", "bay"}, {"co", "oper"}, {"数学", "gradient"}, set(), {"naiv"}]


def test_known_words_are_found_without_walking_all_that_is_remembered() -> None:
    class Walked(dict[str, tuple[str, ...]]):
        def __iter__(self) -> Any:
            raise AssertionError("all remembered words were walked")

        keys = __iter__

    stemmer = Stemmer()
    stemmer._known = Walked(loss=("loss",))
    assert stemmer.found_in(["loss gradients", "naïve"], ["loss", "gradient", "naiv"]) == [
        {"loss", "gradient"},
        {"naiv"},
    ]


def test_a_damaged_table_of_words_is_named(library: Library, index: LexicalIndex) -> None:
    library.close()
    with sqlite3.connect(library.folder / "library.sqlite") as connection:
        connection.execute("DELETE FROM chunks_fts_data")
    with Library.open(library.folder) as damaged:
        with pytest.raises(LibraryDamaged, match="lectern doctor"):
            LexicalIndex(damaged).terms("gradient")
        blind = LexicalIndex(damaged)
        blind._refresh()
        blind._passages = {"gradient": 1}
        with pytest.raises(LibraryDamaged, match="lectern doctor"):
            blind.search("gradient", 5)


def test_notes_in_other_scripts_are_found_by_their_words(library: Library, put: Callable[..., Any]) -> None:
    put("zh.md", "猫头鹰在夜间捕猎。", "海豚在海里游泳。", "كتب الطالب عن البومة", "Совы охотятся ночью.")
    index = LexicalIndex(library)
    assert texts(library, index, "猫头鹰什么时候捕猎？")[0] == "猫头鹰在夜间捕猎。"
    assert texts(library, index, "海豚")[:1] == ["海豚在海里游泳。"]
    assert texts(library, index, "بومة") == ["كتب الطالب عن البومة"]
    assert texts(library, index, "ночью сова") == ["Совы охотятся ночью."]
    assert index.stemmer.found_in(["猫头鹰在夜间"], ["头鹰", "海豚"]) == [{"头鹰"}]
    assert library.soundness.words_agree()


def test_a_german_question_finds_a_compound_by_its_parts(library: Library, put: Callable[..., Any]) -> None:
    put("plan.md", "Die Abgabe ist am Montag.")
    put("bus.md", "Der Bus kommt am Freitag.")
    index = LexicalIndex(library)
    terms = {term.word: term.passages for term in index.terms("Wann ist die Abgabefrist und der Busplan?")}
    assert terms["abgabefrist"] == 0
    assert (
        "abgabe" not in terms
    )  # the last part is not in the notes, and the first alone may be about anything
    put("frist.md", "Die Frist endet um zwei.")
    terms = {term.word: term.passages for term in index.terms("Wann ist die Abgabefrist?")}
    assert (terms["abgabe"], terms["frist"]) == (1, 1)
    assert set(texts(library, index, "Wann ist die Abgabefrist?")) == {
        "Die Abgabe ist am Montag.",
        "Die Frist endet um zwei.",
    }


def test_a_library_with_words_as_written_gets_the_others_at_the_next_ingest(
    library: Library, put: Callable[..., Any]
) -> None:
    put("zh.md", "猫头鹰在夜间捕猎。", "an owl hunts")
    older = """
        DROP TRIGGER chunks_inserted; DROP TRIGGER chunks_deleted; DROP TABLE chunks_vocab; DROP TABLE chunks_fts;
        DROP VIEW chunk_words;
        CREATE VIRTUAL TABLE chunks_fts USING fts5(title, headings, text, content='chunks', content_rowid='id',
            tokenize='porter unicode61 remove_diacritics 2');
        CREATE VIRTUAL TABLE chunks_vocab USING fts5vocab(chunks_fts, row);
        CREATE TRIGGER chunks_inserted AFTER INSERT ON chunks BEGIN SELECT 1; END;
        CREATE TRIGGER chunks_deleted AFTER DELETE ON chunks BEGIN SELECT 1; END;
        INSERT INTO chunks_fts(chunks_fts) VALUES ('rebuild');
        UPDATE manifest SET value = '3' WHERE key = 'schema';
    """
    with connect(library.folder / DATABASE_NAME, write=True) as connection:
        connection.executescript(older)
    connection.close()
    with Library.open(library.folder) as again:
        assert texts(again, LexicalIndex(again), "hunting owls") == ["an owl hunts"]
        assert texts(again, LexicalIndex(again), "猫头鹰") == []
        manifest = again.manifest
        with again.writing():
            again.bind(manifest.embedder or "e", manifest.dim or 4, manifest.chunker or "c")
        assert texts(again, LexicalIndex(again), "猫头鹰") == ["猫头鹰在夜间捕猎。"]
        assert again.soundness.words_agree() and again.manifest.schema == 4
