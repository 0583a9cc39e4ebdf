"""Example questions for the first visit, from the course or from its headings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path

from rag.answer.sentence_support import support
from rag.json_text import parse_json
from rag.search.known_words import is_known
from rag.text.sentences import sentences
from rag.text.words import content_words
from rag.types import BlockKind, Document

GOLDEN_NAME = "golden.jsonl"
_COUNT = 4
_MOST_HEADING_WORDS = 6
_OPENING_CHARS = 1000
_IS = re.compile(r"\b(?:is|are|means|refers|describes|lets|allows|helps)\b")
_NUMBERING = re.compile(
    r"^(?:(?:lesson|lecture|chapter|week|part|unit|module|section)?\s*[\dIVX]+(?:\.\d+)*[.:)\-\s]+)+", re.I
)
_GENERIC = frozenset(
    "introduction overview summary conclusion references exercises exercise contents notes note agenda outline appendix "
    "background motivation example examples resources setup installation license readme questions homework vocabulary "
    "objectives recap faq conclusions discussion results acknowledgements bibliography".split()
)


_ONE_OF_SEVERAL = frozenset(("a", "an"))
"""First words of headings that name a passage and no subject: "A note on data"."""


def course_questions(sources: Iterable[str], count: int = _COUNT) -> list[str]:
    """Return questions of the golden file beside the notes, the plainest first.

    `sources` are the files that the documents were read from; the golden file is looked for in their
    folders and one above. It is empty without such a file. The plainest have the most of their words in the
    passage that answers them. Questions that need a history or that the course cannot answer are left out.
    """
    folders = dict.fromkeys(Path(source).parent for source in sources if source)
    for folder in dict.fromkeys(candidate for each in folders for candidate in (each, each.parent)):
        if (folder / GOLDEN_NAME).is_file():
            plainest = sorted(_golden_questions(folder / GOLDEN_NAME), key=lambda pair: -pair[1])
            return [question for question, _ in plainest[:count]]
    return []


def heading_questions(documents: Iterable[Document], count: int = _COUNT) -> list[str]:
    """Return `What is <heading>?` for headings that name a subject.

    Headings with a definition under them come first, terms before common words among them, and documents take turns. A
    heading that names several things is asked for with `are`.
    """
    per_document = [list(_subjects(document)) for document in documents]
    turns = [found for turn in zip_longest(*per_document) for found in turn if found]
    ranked = sorted(turns, key=lambda found: (not found[1], found[1] and not _is_term(found[0])))
    subjects = dict.fromkeys(subject for subject, _ in ranked)
    return [f"What {_verb(subject)} {subject}?" for subject in subjects][:count]


def _is_term(subject: str) -> bool:
    """Return whether a subject is more than one common word, such as "instructions"."""
    words = [word for word in subject.split() if word.lower() not in ("the", "and", "of")]
    return len(words) > 1 or not is_known(subject.lower()) or subject != subject.lower()


def _verb(subject: str) -> str:
    words = subject.lower().split()
    many = words[-1].endswith("s") and not words[-1].endswith(("ss", "us", "is", "ics"))
    return "are" if many or "and" in words else "is"


def _golden_questions(path: Path) -> Iterator[tuple[str, float]]:
    """Yield questions with the share of their words in their gold passages."""
    try:
        rows = [parse_json(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError):
        return  # the golden file is somebody's work in progress; invitations can do without it
    for row in rows:
        if (
            isinstance(row, dict)
            and not row.get("history")
            and not row.get("unanswerable")
            and row.get("question")
        ):
            question = str(row["question"])
            gold = [str(span.get("text", "")) for span in row.get("gold") or () if isinstance(span, dict)]
            yield question, support(question, gold)


def _subjects(document: Document) -> Iterator[tuple[str, bool]]:
    """Yield the subjects of headings, in order, each with True if it is defined below."""
    from ingest.parsers.markdown import heading_text

    headings = [block for block in document.blocks if block.kind is BlockKind.HEADING]
    for block, following in zip_longest(headings, headings[1:]):
        heading = re.sub(r"\$.*?\$", "", heading_text(document.text[block.start : block.end]))
        subject = _NUMBERING.sub("", " ".join(heading.split())).strip(" :.-=")
        words = subject.split()
        named = bool(words) and words[0].lower() not in (_GENERIC | _ONE_OF_SEVERAL)
        usable = 0 < len(words) <= _MOST_HEADING_WORDS and "?" not in subject and len(subject) > 3
        if usable and named and any(character.isalpha() for character in subject):
            keeps_capital = words[0].lower() not in ("the", "a", "an") and any(
                c.isupper() for c in subject[1:]
            )
            under = document.text[block.end : following.start if following else None]
            yield (
                subject if keeps_capital else subject[0].lower() + subject[1:],
                _defines(under[:_OPENING_CHARS], subject),
            )


def _defines(text: str, subject: str) -> bool:
    named = set(content_words(subject))
    return bool(named) and any(
        named <= set(content_words(sentence)) and _IS.search(sentence) for sentence in sentences(text)
    )
