"""Search by words: knows how a question becomes an FTS5 query that cannot be misread as syntax and stays fast.

Every word is quoted, so operators, quotes and colons in a question mean themselves. Words that only say how something is
asked are dropped; so are, in a large library, the words that are in so many passages that they cost much and tell little.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.database import translated
from rag.library import Library
from rag.library_file import DATABASE_NAME
from rag.scope import Allowed

POSTINGS_BUDGET = 25_000
"""Postings that one search may read: rarer words first, until their passages add up to this; twice as many for the rarest alone.
Bounds the time at any size: of a million passages, this many take 28 ms (p95 49), twice as many 44 (p95 94), which with the rest
of a search would be more than a reader should wait. Source: `python -m benchmarks.retrieval_limits --library 1000000`; limits of
`make bench-retrieval` sweeps the same over a library of 200,000."""
_RUN = re.compile(r"[A-Za-z0-9\x80-\U0010ffff]+")
"""What no term reaches beyond: FTS5 parts terms at every other ASCII character, and says itself where it parts the rest."""
_REMEMBERED_RUNS = 200_000
_WORD = re.compile(r"[^\W_]+")
_TOKENIZER = "porter unicode61 remove_diacritics 2"
STOP_WORDS = frozenset(
    """
    a an and are as at be been being but by can could did do does for from had has have how i if in into is it its me my no
    not of on or our should so some such than that the their them then there these they this those to was we were what when
    where which while who whom whose why will with within would you your about
    """.split()
)


@dataclass(frozen=True, slots=True)
class Term:
    """A word of the question as the index knows it (`stem`), how many passages hold it and its BM25 weight."""

    word: str
    stem: str
    passages: int
    idf: float


@dataclass(frozen=True, slots=True)
class LexicalHits:
    """Rowids best first with their BM25 scores (higher is better), and the terms of the question, rarest first.

    `searched` counts the terms that took part; the others are in too many passages or in none.
    """

    rowids: NDArray[np.int64]
    scores: NDArray[np.float32]
    terms: tuple[Term, ...]
    searched: int


def question_words(question: str) -> list[str]:
    """The words of a question worth looking up, in order and once each, lower case; all words if all are stop words."""
    words = list(dict.fromkeys(match.group().lower() for match in _WORD.finditer(question)))
    return [word for word in words if word not in STOP_WORDS] or words


def inverse_document_frequency(passages: int, total: int) -> float:
    """BM25's weight of a term that `passages` of `total` passages hold; always above 0.

    Source: `log(1 + (N - n + 0.5) / (n + 0.5))`, Lucene's form of Robertson and Spärck Jones 1976. FTS5's `bm25()`, which scores
    the passages, leaves out the 1; here even a word that most passages hold must count for something.
    """
    return log(1.0 + (total - passages + 0.5) / (passages + 0.5))


class Stemmer:
    """Text to the terms that the library's FTS5 index holds for it, by asking the same tokenizer. One a thread."""

    def __init__(self) -> None:
        self._local = threading.local()
        self._known: dict[str, tuple[str, ...]] = {}

    def stems(self, text: str) -> list[str]:
        """The terms of `text` in order, with repetitions."""
        connection = self._connection()
        connection.execute("DELETE FROM text")
        connection.execute("INSERT INTO text VALUES (?)", (text,))
        return [row[0] for row in connection.execute("SELECT term FROM terms ORDER BY offset")]

    def held(self, texts: Sequence[str], stems: Iterable[str]) -> list[set[str]]:
        """For each text, which of `stems` it holds."""
        wanted = set(stems)
        runs = [set(_RUN.findall(text)) for text in texts]
        known = self._learned(set().union(*runs))
        telling = {run for run, held in known.items() if not wanted.isdisjoint(held)}
        return [wanted.intersection(stem for run in found & telling for stem in known[run]) for found in runs]

    def _learned(self, runs: set[str]) -> dict[str, tuple[str, ...]]:
        """The terms of runs, remembered: the words of notes come again and again, and asking SQLite takes longer."""
        known = self._known if len(self._known) < _REMEMBERED_RUNS else {}
        new = [
            run for run in runs if run not in known
        ]  # a difference with the keys would walk all that is remembered
        plain = [run for run in new if run.isascii()]
        known.update(zip(plain, ((stem,) for stem in self.stems(" ".join(plain))), strict=True))
        known.update(self._stems_of_each([run for run in new if not run.isascii()]))
        self._known = known
        return {run: known[run] for run in runs}

    def _stems_of_each(self, runs: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Run to its terms, for runs that may have none or several: a row for each, all in one transaction."""
        terms: list[list[str]] = [[] for _ in runs]
        if runs:
            connection = self._connection()
            connection.execute("BEGIN")
            connection.execute("DELETE FROM text")
            connection.executemany("INSERT INTO text(rowid, body) VALUES (?, ?)", enumerate(runs))
            for row, term in connection.execute("SELECT doc, term FROM terms ORDER BY doc, offset"):
                terms[row].append(term)
            connection.execute("COMMIT")
        return {run: tuple(found) for run, found in zip(runs, terms, strict=True)}

    def _connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = sqlite3.connect(":memory:", isolation_level=None)
            found.execute(f"CREATE VIRTUAL TABLE text USING fts5(body, tokenize='{_TOKENIZER}')")
            found.execute("CREATE VIRTUAL TABLE terms USING fts5vocab(text, instance)")
            self._local.connection = found
        return found


class LexicalIndex:
    """BM25 search over a library's FTS5 table; safe to use from several threads."""

    def __init__(self, library: Library, postings_budget: int = POSTINGS_BUDGET) -> None:
        self._library = library
        self._budget = postings_budget
        self.stemmer = Stemmer()
        self._generation = -1
        self._total = 0
        self._passages: dict[str, int] = {}

    def search(self, question: str, limit: int, allowed: Allowed | None = None) -> LexicalHits:
        """At most `limit` passages that hold a word of the question, best first, ties by rowid.

        Empty when the question has no words or none of them is in the library. Passages outside `allowed` are never
        counted against `limit`.

        Raises:
            LibraryDamaged: the table of words fails SQLite's own checks.
        """
        terms = self.terms(question)
        searched = self._affordable(terms)
        none = np.empty(0, np.int64), np.empty(0, np.float32)
        if not searched or (allowed is not None and not len(allowed.rowids)):
            return LexicalHits(*none, terms, 0)
        query = " OR ".join(f'"{term.word}"' for term in searched)
        inside = "" if allowed is None else f"AND +rowid IN ({allowed.query})"
        rows = self._rows(
            f"SELECT rowid, -bm25(chunks_fts) AS score FROM chunks_fts WHERE chunks_fts MATCH ? {inside} "
            "ORDER BY score DESC, rowid LIMIT ?",
            (query, *(() if allowed is None else allowed.values), limit),
        )
        found = np.array(rows, np.float64).reshape(-1, 2)
        return LexicalHits(found[:, 0].astype(np.int64), found[:, 1].astype(np.float32), terms, len(searched))

    def terms(self, question: str) -> tuple[Term, ...]:
        """The question's terms with how many passages hold each, rarest first (those that none holds at the front)."""
        self._refresh()
        terms: dict[str, Term] = {}
        for word, stem in self._stemmed(question_words(question)):
            passages = self._count(stem)
            weight = inverse_document_frequency(passages, self._total)
            terms.setdefault(stem, Term(word, stem, passages, weight))
        return tuple(sorted(terms.values(), key=lambda term: (term.passages, term.stem)))

    def _stemmed(self, words: Sequence[str]) -> list[tuple[str, str]]:
        """Each word with its first stem; words that the tokenizer knows nothing of are left out."""
        stems = self.stemmer.stems(" ".join(words))
        if len(stems) == len(words):
            return list(zip(words, stems, strict=True))
        return [(word, stem) for word in words for stem in self.stemmer.stems(word)[:1]]

    def _affordable(self, terms: Sequence[Term]) -> list[Term]:
        """The terms to search: the rarest that any passage holds, and the next ones while the budget lasts.

        None where even the rarest is too frequent: a word of every twentieth passage of a million tells nothing, and takes long.
        """
        chosen: list[Term] = []
        postings = 0
        for term in terms:
            postings += term.passages
            if term.passages and postings <= self._budget * (1 if chosen else 2):
                chosen.append(term)
        return chosen

    def _count(self, stem: str) -> int:
        """How many passages hold a stem, remembered until the library changes."""
        if stem not in self._passages:
            rows = self._rows("SELECT doc FROM chunks_vocab WHERE term = ?", (stem,))
            self._passages[stem] = int(rows[0][0]) if rows else 0
        return self._passages[stem]

    def _rows(self, query: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        with translated(self._library.folder / DATABASE_NAME):
            return self._library.connection.execute(query, values).fetchall()

    def _refresh(self) -> None:
        """Forgets counts made before the library's last change."""
        generation = self._library.generation
        if generation != self._generation:
            self._passages = {}
            self._total = self._library.chunk_count()
            self._generation = generation
