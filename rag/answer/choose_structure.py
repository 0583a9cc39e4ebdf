"""The list or table that a question asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from rag.answer.asked import Asked
from rag.answer.asked_names import asked_names, has_names
from rag.answer.further_lists import further_lists
from rag.answer.matching import asked_stems, coverage, known_share, named_count, stems, weights
from rag.answer.notes import Notes, documents_of
from rag.answer.operations import OPERATION_STEMS
from rag.answer.pair_scorer import PassageScore
from rag.answer.structures import Structure, structures_of
from rag.types import Chunk, Document, Hit, Locator, Unit

SEARCHED_DOCUMENTS = 6
"""Documents, best first, whose structures are looked at."""
READ_STRUCTURES = 10
"""Structures that the embedder and the evidence scorer read."""
TRIED_STRUCTURES = 40
"""Structures that are looked through for the names of a question."""
READ_CHARS = 700
LEAST_SUSPECTED = 0.5
"""Least share of the question in a structure of a kind that is only suspected."""
LEAST_READ = 0.5
"""Readers' score of a sentence from which its table is near, however it is worded."""
MOST_ITEMS = 200
COUNTED_SHARE = 0.6
"""Share of the least coverage that a list with the number asked for needs."""
_COUNTED, _READ = 3, 5


@dataclass(frozen=True, slots=True)
class Ranked:
    """A structure with its score; higher is better."""

    structure: Structure
    score: float
    features: tuple[float, ...]

    @property
    def counted(self) -> bool:
        """True where it has as many items as the question names."""
        return bool(self.features[_COUNTED])

    @property
    def read(self) -> float:
        """The readers' score of the best sentence that is among its items."""
        return self.features[_READ]

    @property
    def answers(self) -> float:
        """The evidence score of the whole as a passage."""
        return self.features[-1]

    @property
    def evidence(self) -> float:
        """The higher of that and the evidence score of the whole."""
        return max(self.read, self.answers)


def tables_for(asked: Asked) -> list[Ranked]:
    """Return the tables nearest to a question, worked out once for all kinds.

    Where the router is not sure, only those whose introduction or rows have most of the question.
    """
    least = 0.0 if asked.sure else LEAST_SUSPECTED
    return asked.once(
        (tables_for, asked.sure),
        lambda: ranked_structures(
            asked.notes,
            asked.question,
            asked.near,
            tables_only=True,
            least_coverage=least,
            scored=tuple(zip(asked.hits, asked.scores, strict=False)),
        ),
    )


def candidates_for(asked: Asked) -> list[Ranked]:
    """Return the lists and tables that a question may ask for, worked out once."""
    return asked.once(
        candidates_for,
        lambda: ranked_structures(
            asked.notes, asked.question, asked.near, scored=tuple(zip(asked.hits, asked.scores, strict=False))
        ),
    )


def ranked_structures(
    notes: Notes,
    question: str,
    hits: Sequence[Hit],
    tables_only: bool = False,
    least_coverage: float = 0.0,
    scored: Sequence[tuple[Hit, PassageScore]] = (),
) -> list[Ranked]:
    """Return the structures nearest to a question, best first.

    Scored by the question's words in what introduces a structure and in its items, by the embedder, by the evidence scorer and by
    the place of its passage in the search. One without the names and numbers of the question is about
    something else. A word that passages have and no list or table has counts against all of them; a
    table's rows are often named otherwise than the question does, so not against tables alone. Names and numbers that a program
    printed are looked up as a table and are no list. `scored` are passages with the scores of the readers of the evidence.
    """
    paths = documents_of(hits, SEARCHED_DOCUMENTS)
    read = (one for path in paths for one in notes.made(with_words, path))
    known = [one for one in read if (one[0].head if tables_only else not one[0].printed)]
    found, about, whole = ([one[0] for one in known], [one[1] for one in known], [one[2] for one in known])
    asked = _naming_words(question, known) if tables_only else asked_stems(question)
    passages = () if tables_only else hits
    elsewhere = {word for hit in passages for word in stems(hit.chunk.text)}.difference(*whole)
    weight = weights(asked, [*whole, elsewhere])
    count = named_count(question)
    rough = [
        Ranked(
            one,
            0.0,
            (
                coverage(weight, head),
                coverage(weight, every),
                _place(one, hits, paths),
                float(count is not None and count == len(one.items)),
                one.outline + 2.0 * (one.sentence is not None),
                _best_read(one, scored),
            ),
        )
        for one, head, every in zip(found, about, whole, strict=True)
    ]
    rough.sort(key=lambda one: -(one.features[0] + one.features[1] + one.features[2] + one.features[3]))
    share = known_share(asked, weight, len(whole) + 1)
    names = asked_names(question)
    named = (one for one in rough[:TRIED_STRUCTURES] if has_names(one.structure, names))
    near = [
        one
        for one in islice(named, READ_STRUCTURES)
        if share * _covered(one) >= least_coverage * (COUNTED_SHARE if one.counted else 1.0)
        or (one.structure.head and one.read >= LEAST_READ)
    ]
    if not near:
        return []
    texts = [_read_text(one.structure) for one in near]
    cosines = notes.similarities(question, texts)
    scores = notes.scorer.score(
        question, [_as_chunk(one.structure, text) for one, text in zip(near, texts, strict=True)]
    )
    ranked = [
        Ranked(
            one.structure,
            combined((*one.features, float(cosine), score.answers)),
            (*one.features, float(cosine), score.answers),
        )
        for one, cosine, score in zip(near, cosines, scores, strict=True)
    ]
    return sorted(ranked, key=lambda one: -one.score)


def _naming_words(question: str, known: Sequence[tuple[Structure, set[str], set[str]]]) -> list[str]:
    """The stems of a question without those that only ask for arithmetic. A head of a table may have such a word."""
    heads = {word for one, _, _ in known for name in one.head for word in stems(name)}
    return [word for word in asked_stems(question) if word not in OPERATION_STEMS - heads]


def _covered(one: Ranked) -> float:
    """The share of the question in a structure's introduction or a table's rows."""
    return max(one.features[0], one.features[1] if one.structure.head else 0.0)


def with_words(document: Document) -> list[tuple[Structure, set[str], set[str]]]:
    """A document's structures with the stems of their introduction and of all."""
    found = []
    for one in (*structures_of(document), *further_lists(document)):
        about = set(stems(one.about))
        found.append(
            (one, about, about | {word for item in one.items[:MOST_ITEMS] for word in stems(item.text)})
        )
    return found


def combined(features: Sequence[float]) -> float:
    """Return one score of a structure's features."""
    head, every, place, counted, outline, read, cosine, answers = features
    return (
        head + 0.7 * every + 0.7 * place + 0.5 * counted - 0.3 * outline + 0.7 * read + cosine + 0.7 * answers
    )


def _best_read(structure: Structure, scored: Sequence[tuple[Hit, PassageScore]]) -> float:
    """The score of the best sentence of the passages among a structure's items."""
    start, end = structure.items[0].start, structure.items[-1].end
    return max(
        (
            sentence.score
            for hit, score in scored
            if hit.chunk.document == structure.document and hit.chunk.start < end and start < hit.chunk.end
            for sentence in score.sentences
            if hit.chunk.start + sentence.start < end and start < hit.chunk.start + sentence.end
        ),
        default=0.0,
    )


def _place(structure: Structure, hits: Sequence[Hit], paths: Sequence[str]) -> float:
    """The inverse place of the first passage of a structure among the hits. A little for its document's."""
    start, end = structure.items[0].start, structure.items[-1].end
    for rank, hit in enumerate(hits):
        if hit.chunk.document == structure.document and hit.chunk.start < end and start < hit.chunk.end:
            return 1 / (1 + 0.3 * rank)
    return 0.2 / (1 + paths.index(structure.document))


def _read_text(structure: Structure) -> str:
    return (
        f"{structure.intro}\n{' | '.join(structure.head)}\n"
        + "\n".join(item.text for item in structure.items)[:READ_CHARS]
    )


def _as_chunk(structure: Structure, text: str) -> Chunk:
    text = text.strip()
    return Chunk(
        "",
        structure.document,
        0,
        0,
        len(text),
        text,
        Locator(Unit.LINE, 1, 1),
        structure.title,
        structure.headings,
    )
