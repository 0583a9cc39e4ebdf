"""Quizzes: proposals of all kinds, and the items that pass the checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from random import Random

from rag.answer.notes import Notes
from rag.answer.scope_in_words import labels_of, unit_words
from rag.errors import QuestionError
from rag.search.scope import Scope, describe
from rag.study.about_course import SAME_KIND, AboutCourse
from rag.study.acceptance import Examiner
from rag.study.choices import MOST_TERMS, Pool
from rag.study.claims import Claims
from rag.study.code import code_proposals
from rag.study.definitions import LEAST_MENTIONS, definition_proposal, property_proposals
from rag.study.formulas import formula_proposals, formulas_of
from rag.study.items import GAP, Item, Proposal, Rejection, Topic
from rag.study.numbers import number_proposals, quantities_in
from rag.study.readable import Line, lines_of
from rag.study.sketches import askable, named_terms, sketches, subjects
from rag.study.steps import step_proposals
from rag.study.tables import table_proposals
from rag.study.terms import Term, terms_of
from rag.study.written import WRITTEN_PER_ITEM, Author, Write
from rag.text.words import stem
from rag.types import Document

PARTS_OF_NOTES = frozenset(
    stem(word)
    for word in """lecture lesson chapter section course notebook slide page exercise tutorial video module homework assignment quiz
    workshop repository readme figure vorlesung kapitel abschnitt kurs übung folie lección capítulo curso ejercicio leçon chapitre cours
    exercice""".split()
)
"""Stems of words for parts of notes. Words of the library's own titles ("week") are added to them."""
SECTION_PENALTY, TOPIC_PENALTY = 0.25, 0.5
"""Weight lost for each item of the same section, and for the topic's share. Not measured."""
DOCUMENT_PENALTY = 0.1
"""Weight that a proposal loses for each item of its document."""
MOST_PER_SECTION = 4
"""Most items of one section, so that one long table is not the whole quiz."""
LEAST_WEIGHT = 0.4
"""Proposals below it are not worth a question."""
ABOUT_SHARE = 0.3
"""Share of a section's proposals about the course from which all of it is."""
MOST_SHARE = 0.1
"""Share of a scope's sentences from which one word is too common to be asked for.

"Model" is such a word in a course about models.
"""
MANY_LINES = 50
"""Sentences from which `MOST_SHARE` is looked at."""
TRIED_PER_ITEM = 12
"""Most proposals checked for each item wanted, so that a poor scope ends soon."""


@dataclass(frozen=True, slots=True)
class StudySet:
    """Accepted items in reading order, and the reasons why others were rejected."""

    items: tuple[Item, ...]
    proposed: int
    rejected: dict[Rejection, int]
    words: int
    stopped: bool = False
    """True where Ctrl-C ended it early."""

    @property
    def checked(self) -> int:
        """The number of proposals that were checked."""
        return len(self.items) + sum(self.rejected.values())


@dataclass(frozen=True, slots=True)
class Material:
    """A scope's documents, sentences and terms."""

    documents: tuple[Document, ...]
    lines: tuple[Line, ...]
    terms: tuple[Term, ...]
    claims: Claims


def make_items(
    notes: Notes,
    scope: Scope | None,
    count: int,
    *,
    choice: bool = True,
    topics: Collection[Topic] = (),
    seed: int = 0,
    reported: Iterable[str] = (),
    ticked: Callable[[], None] | None = None,
    write: Write | None = None,
) -> StudySet:
    """Return at most `count` checked items about a scope.

    Args:
        choice: leave out what has too few wrong choices, unless its answer can be written.
        topics: limit to these kinds of facts; all where empty.
        seed: another one takes other items where there are more than needed.
        reported: ids of items that a person refused.
        write: a model that writes questions too, from passages drawn from all documents.
        ticked: called after each proposal was checked, for progress.

    Raises:
        QuestionError: the scope has no document, or its documents have no text.
    """
    material = material_of(notes, scope)
    quantities = [one for line in material.lines for one in quantities_in(line.text)]
    course = AboutCourse(notes.searcher.embedder)
    wanted = [one for one in proposals_of(notes, material) if not topics or one.topic in topics]
    wanted, about = _about_subject(wanted, course)
    terms = _terms_of_subject(material.terms[:MOST_TERMS], course)
    pool = Pool(terms, quantities, material.claims, notes.searcher.embedder)
    author = None
    if write is not None and (not topics or Topic.WRITTEN in topics):
        named = _named(notes, material)
        marked = [term for term in named if term.marked][:MOST_TERMS]
        drawn, others = _about_subject(_sketches(notes, material, [*terms, *named]), course)
        pool.named = [*marked, *subjects(drawn, (*terms, *marked))]
        wanted, about = wanted + drawn, about + others
        author = Author(write, pool, WRITTEN_PER_ITEM * count)
    units = frozenset(unit_words(labels_of(notes.records(scope))))
    examiner = Examiner(notes, scope, pool, PARTS_OF_NOTES | units, frozenset(reported))
    items, rejected, stopped = _chosen(examiner, wanted, count, choice, seed, ticked, author)
    rejected[Rejection.ABOUT_THE_NOTES] += about
    order = {document.path: place for place, document in enumerate(material.documents)}
    items.sort(key=lambda item: (order[item.citation.document], item.citation.start))
    return StudySet(
        tuple(items),
        len(wanted) + about,
        {reason: number for reason, number in rejected.items() if number},
        sum(len(line.text.split()) for line in material.lines),
        stopped,
    )


def material_of(notes: Notes, scope: Scope | None) -> Material:
    """Return the documents of a scope with their sentences and the terms they define.

    Raises:
        QuestionError: the scope has no document with text.
    """
    records = notes.records(scope)
    if not records:
        raise QuestionError(
            f"There is no text inside {describe(scope) if scope else 'the library'} to ask about."
        )
    documents = tuple(notes.document(record.path) for record in records)
    lines = tuple(line for document in documents for line in notes.made(lines_of, document.path))
    claims = Claims.of(lines)
    terms = [
        term
        for document in documents
        for term in notes.made(terms_of, document.path)
        if (term.marked or claims.mentions(term.name) >= LEAST_MENTIONS)
        and not claims.is_name(term.name)
        and not _too_common(term, claims)
    ]
    return Material(documents, lines, tuple(terms), claims)


def _too_common(term: Term, claims: Claims) -> bool:
    many = len(claims.texts) >= MANY_LINES
    return (
        many and len(term.name.split()) == 1 and claims.mentions(term.name) > MOST_SHARE * len(claims.texts)
    )


def proposals_of(notes: Notes, material: Material) -> list[Proposal]:
    """Return the questions of all kinds that the notes propose, each once."""
    proposals: list[Proposal] = []
    for document in material.documents:
        lines = notes.made(lines_of, document.path)
        mine = [term for term in material.terms if term.document == document.path]
        proposals += [one for one in map(definition_proposal, mine) if one is not None]
        proposals += property_proposals(document, lines, mine, material.claims.mentions)
        proposals += number_proposals(document, lines, [term.name for term in mine])
        proposals += table_proposals(document)
        proposals += step_proposals(document)
        proposals += formula_proposals(document, formulas_of(document))
        proposals += code_proposals(document)
    return _once(proposals)


def _named(notes: Notes, material: Material) -> list[Term]:
    found: dict[str, Term] = {}
    for document in material.documents:
        lines = notes.made(lines_of, document.path)
        for term in named_terms(document, lines, material.claims):
            if term.marked or term.name.casefold() not in found:
                found[term.name.casefold()] = term
    known = {term.name.casefold() for term in material.terms}
    return [term for name, term in found.items() if name not in known]


def _sketches(notes: Notes, material: Material, terms: Sequence[Term]) -> list[Proposal]:
    names, mentions = askable(terms, material.claims), material.claims.mentions
    found: list[Proposal] = []
    for document in material.documents:
        mine = [term.name for term in material.terms if term.document == document.path]
        found += sketches(document, notes.made(lines_of, document.path), names, mine, mentions)
    return list({one.text.casefold(): one for one in reversed(found)}.values())[::-1]


def _about_subject(proposals: Sequence[Proposal], course: AboutCourse) -> tuple[list[Proposal], int]:
    """Return the proposals about the subject, and how many were about the course.

    A section or document is about the course where a good part of its proposals is.
    """
    texts = [
        f"{one.headings[-1] if one.headings else ''}: {one.text.replace(GAP, one.key)}" for one in proposals
    ]
    flagged = [value >= SAME_KIND for value in course.likeness(texts)]
    shares: dict[tuple[str, ...], list[bool]] = {}
    for one, flag in zip(proposals, flagged, strict=True):
        shares.setdefault((one.document,), []).append(flag)
        shares.setdefault((one.document, *one.headings), []).append(flag)
    full = {place for place, flags in shares.items() if sum(flags) >= ABOUT_SHARE * len(flags)}
    kept = [
        one
        for one, flag in zip(proposals, flagged, strict=True)
        if not flag and (one.document,) not in full and (one.document, *one.headings) not in full
    ]
    return kept, len(proposals) - len(kept)


def _terms_of_subject(terms: Sequence[Term], course: AboutCourse) -> list[Term]:
    texts = [f"{term.line.headings[-1] if term.line.headings else ''}: {term.definition}" for term in terms]
    return [term for term, value in zip(terms, course.likeness(texts), strict=True) if value < SAME_KIND]


def _once(proposals: Iterable[Proposal]) -> list[Proposal]:
    """Proposals without a second one of the same id, and one topic for each sentence."""
    seen: dict[str, Proposal] = {}
    for one in proposals:
        seen.setdefault(one.id, one)
    return list(seen.values())


def _chosen(
    examiner: Examiner,
    proposals: Sequence[Proposal],
    count: int,
    choice: bool,
    seed: int,
    ticked: Callable[[], None] | None,
    author: Author | None,
) -> tuple[list[Item], Counter[Rejection], bool]:
    """Return accepted items, spread over documents, sections and topics.

    The last value is true where Ctrl-C ended it after an item was accepted.
    """
    random = Random(seed)
    left = [
        replace(one, weight=one.weight + (0.2 * random.random() if seed else 0.0))
        for one in proposals
        if one.weight >= LEAST_WEIGHT
    ]
    random.shuffle(left)
    items: list[Item] = []
    rejected: Counter[Rejection] = Counter()
    counts: Counter[object] = Counter()
    spans: set[tuple[str, int]] = set()

    def value(one: Proposal) -> float:
        section = SECTION_PENALTY * counts[one.document, *one.headings]
        share = counts[one.topic] / max(1, len(items))
        return one.weight - section - TOPIC_PENALTY * share - DOCUMENT_PENALTY * counts[one.document]

    while left and len(items) < count and len(items) + rejected.total() < TRIED_PER_ITEM * count:
        best = max(left, key=value)
        left.remove(best)
        if (best.document, best.start) in spans:
            rejected[Rejection.DUPLICATE] += 1
            continue
        if counts[best.document, *best.headings] >= MOST_PER_SECTION:
            rejected[Rejection.SECTION_FULL] += 1
            continue
        if author is not None and author.done and best.topic is Topic.WRITTEN:
            continue
        try:
            result = examiner.examine(best, choice, author)
        except KeyboardInterrupt:
            if not items:
                raise
            return items, rejected, True
        if isinstance(result, Item):
            items.append(result)
            spans.add((best.document, best.start))
            counts.update([(best.document, *best.headings), best.topic, best.document])
        else:
            rejected[result] += 1
        if ticked is not None:
            ticked()
    return items, rejected, False
