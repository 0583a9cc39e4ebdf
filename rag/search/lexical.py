"""Search by words: the words of a question that are worth their time.

Every word is quoted, so operators, quotes and colons in a question are only words. Words that only express
how something is asked are dropped; so are, in a large library, the words of so many passages that they cost
much and distinguish little.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from rag.library.store import Allowed, LibraryStore, Term
from rag.search.compounds import Compounds
from rag.text.language import language_of
from rag.text.search_words import TOKENIZER, search_words
from rag.text.stop_words import SEARCH_STOP_WORDS

POSTINGS_BUDGET = 25_000
"""Postings that one search may read.

Rarer words come first, until their passages add up to this; the rarest alone may have twice as many. It
bounds the time at any size: of a million passages, this many take 28 ms (p95 49), twice as many 44 (p95 94),
which with the rest of a search is more than a person should wait. Source: `python -m
benchmarks.retrieval.limits --library 1000000`; limits of `make bench-retrieval` sweeps the same over a
library of 200,000.
"""
_RUN = re.compile(r"[A-Za-z0-9\x80-\U0010ffff]+")
"""A run of characters that contains whole terms.

FTS5 ends a term at every other ASCII character; where it parts the rest, it is asked.
"""
_REMEMBERED_RUNS = 200_000
"""Runs of characters whose terms are cached; the cache is emptied beyond it."""
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class LexicalHits:
    """Rowids best first, their BM25 scores and the terms of the question.

    Scores are higher for better passages; terms are rarest first. `searched` counts the terms that took part;
    the others are in too many passages or in none.
    """

    rowids: NDArray[np.int64]
    scores: NDArray[np.float32]
    terms: tuple[Term, ...]
    searched: int


def question_words(question: str) -> list[str]:
    """Return the words of a question worth looking up, in order and once each.

    They are in lower case. If all words are stop words, all are returned.
    """
    words = list(dict.fromkeys(match.group().lower() for match in _WORD.finditer(search_words(question))))
    return [word for word in words if word not in SEARCH_STOP_WORDS] or words


def inverse_document_frequency(passages: int, total: int) -> float:
    """Return BM25's weight of a term of `passages` of `total` passages, above 0.

    Source: `log(1 + (N - n + 0.5) / (n + 0.5))`, Lucene's form of Robertson and Spärck Jones 1976. FTS5's
    `bm25()`, which scores the passages, leaves out the 1; here even a word of most passages must count for
    something.
    """
    return log(1.0 + (total - passages + 0.5) / (passages + 0.5))


class Stemmer:
    """The terms that the library's FTS5 index has for a text.

    It asks the same tokenizer, through a connection of its own for each thread.
    """

    def __init__(self) -> None:
        self._local = threading.local()
        self._known: dict[str, tuple[str, ...]] = {}

    def stems(self, text: str) -> list[str]:
        """Return the terms of `text` in order, with repetitions."""
        connection = self._connection()
        connection.execute("DELETE FROM text")
        connection.execute("INSERT INTO text VALUES (?)", (text,))
        return [row[0] for row in connection.execute("SELECT term FROM terms ORDER BY offset")]

    def found_in(self, texts: Sequence[str], stems: Iterable[str]) -> list[set[str]]:
        """Return the subset of `stems` that is in each text."""
        wanted = set(stems)
        runs = [set(_RUN.findall(search_words(text))) for text in texts]
        known = self._learned(set().union(*runs))
        wanted_runs = {run for run, terms in known.items() if not wanted.isdisjoint(terms)}
        return [
            wanted.intersection(stem for run in found & wanted_runs for stem in known[run]) for found in runs
        ]

    def _learned(self, runs: set[str]) -> dict[str, tuple[str, ...]]:
        """Return the terms of each run, and remember them.

        The words of notes come again and again, and asking SQLite takes longer.
        """
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
        """Return run to its terms, for runs that may have none or several.

        Each run is a row, all in one transaction.
        """
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
            found.execute(f"CREATE VIRTUAL TABLE text USING fts5(body, tokenize='{TOKENIZER}')")
            found.execute("CREATE VIRTUAL TABLE terms USING fts5vocab(text, instance)")
            self._local.connection = found
        return found


class LexicalIndex:
    """BM25 search over the words of a library; safe to use from several threads."""

    def __init__(self, library: LibraryStore, postings_budget: int = POSTINGS_BUDGET) -> None:
        self._library = library
        self._words = library.words
        self._budget = postings_budget
        self.stemmer = Stemmer()
        self._compounds = Compounds(self.passage_texts)
        self._generation = -1
        self._total = 0
        self._passages: dict[str, int] = {}

    def search(self, question: str, limit: int, allowed: Allowed | None = None) -> LexicalHits:
        """Return at most `limit` passages with a word of the question, best first.

        Ties are ordered by rowid. Empty when the question has no words or none of them is in the library.
        Passages outside `allowed` are never counted against `limit`.

        Raises:
            LibraryDamaged: the table of words fails its checks.
        """
        return self.matches(self.terms(question), limit, allowed)

    def matches(self, terms: tuple[Term, ...], limit: int, allowed: Allowed | None = None) -> LexicalHits:
        """Return the same for the terms of a question."""
        searched = self._affordable(terms)
        if not searched or (allowed is not None and not len(allowed.rowids)):
            return LexicalHits(np.empty(0, np.int64), np.empty(0, np.float32), terms, 0)
        rows = self._words.matches(searched, limit, None if allowed is None else allowed.documents)
        found = np.array(rows, np.float64).reshape(-1, 2)
        return LexicalHits(found[:, 0].astype(np.int64), found[:, 1].astype(np.float32), terms, len(searched))

    def terms(self, question: str) -> tuple[Term, ...]:
        """Return the question's terms with their number of passages, rarest first.

        Terms of no passage are at the front. Where there are such in a language with compounds, the library's words that
        they are made of are terms too.
        """
        self._refresh()
        terms = self._terms_of(question_words(question))
        absent = [term.word for term in terms if not term.passages]
        related = absent and self._compounds.related(absent, language_of(question), self._generation)
        return self._terms_of([*(term.word for term in terms), *related]) if related else terms

    def _terms_of(self, words: Sequence[str]) -> tuple[Term, ...]:
        stemmed = self._stemmed(words)
        counts = self._counts([stem for _, stem in stemmed])
        terms: dict[str, Term] = {}
        for word, stem in stemmed:
            weight = inverse_document_frequency(counts[stem], self._total)
            terms.setdefault(stem, Term(word, stem, counts[stem], weight))
        return tuple(sorted(terms.values(), key=lambda term: (term.passages, term.stem)))

    @property
    def generation(self) -> int:
        """Generation of the library."""
        return self._library.generation

    def passage_texts(self, limit: int) -> Iterator[str]:
        """Yield the text of the first `limit` passages, each with its title and headings."""
        return self._words.texts(limit)

    def _stemmed(self, words: Sequence[str]) -> list[tuple[str, str]]:
        """Return each word with its first stem; words without a stem are left out."""
        stems = self.stemmer.stems(" ".join(words))
        if len(stems) == len(words):
            return list(zip(words, stems, strict=True))
        return [(word, stem) for word in words for stem in self.stemmer.stems(word)[:1]]

    def _affordable(self, terms: Sequence[Term]) -> list[Term]:
        """Return the terms to search: the rarest of any passage, more within the budget.

        None where even the rarest is too frequent: a word of every twentieth passage of a million
        distinguishes nothing, and takes long.
        """
        chosen: list[Term] = []
        postings = 0
        for term in terms:
            postings += term.passages
            if term.passages and postings <= self._budget * (1 if chosen else 2):
                chosen.append(term)
        return chosen

    def _counts(self, stems: Sequence[str]) -> dict[str, int]:
        """Return the number of passages of each stem, cached until the library changes."""
        known = self._passages
        if new := [stem for stem in dict.fromkeys(stems) if stem not in known]:
            known.update(self._words.passages_with(new))
        return {stem: known[stem] for stem in stems}

    def _refresh(self) -> None:
        """Forget counts made before the library's last change."""
        generation = self._library.generation
        if generation != self._generation:
            self._words.check()
            self._passages = {}
            self._total = self._library.chunk_count()
            self._generation = generation
