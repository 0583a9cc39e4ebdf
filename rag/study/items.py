"""The types of study: a proposal from the notes, and the item it becomes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import blake2b

from rag.study.readable import leak

GAP = "_____"
"""The gap that a reader fills."""


CHOOSE_TERM, FILL_TERM = "Which term fits the gap?", "Fill the gap:"
CHOOSE_NUMBER, FILL_NUMBER = "Which number fits the gap?", "Fill in the number:"
"""The requests of a choice and of a card."""


GIVEN_AWAY = 0.5
"""Share of a key's stems from which a heading gives it away."""


class ItemKind(StrEnum):
    """The form in which an item is answered."""

    CHOICE = "choice"
    SHORT = "short"
    CLOZE = "cloze"
    CODE = "code"


class Topic(StrEnum):
    """The kind of fact that an item asks for."""

    DEFINITION = "definition"
    PROPERTY = "property"
    NUMBER = "number"
    STEP = "step"
    COMPARISON = "comparison"
    TABLE = "table"
    CODE = "code"
    FORMULA = "formula"
    WRITTEN = "written"


class Rejection(StrEnum):
    """The reason for which a proposal did not become an item."""

    KEY_NOT_IN_PASSAGE = "the key is not in the passage word for word"
    ABOUT_THE_NOTES = "it asks about the notes, not about their subject"
    GIVEN_AWAY = "the question gives its key away"
    DUPLICATE = "another item asks nearly the same"
    NOT_FOUND = "the search does not lead back to the passage"
    OTHER_SENTENCE = "the evidence scorer picks another sentence"
    FEW_CHOICES = "too few wrong choices that the notes do not support"
    NO_ANSWER = "the evidence scorer does not take the sentence for an answer"
    NO_QUESTION = "the model wrote no question"
    OTHER_QUESTION = "the model's question is not about what the sentence says"
    NOT_CONFIRMED = "the model does not answer its question with the key"
    NOT_ALONE = "it cannot be answered without the text around it"
    REPORTED = "a person reported the item as wrong"
    SECTION_FULL = "its section has enough items"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A question that a passage may answer, before it is checked.

    `lead` names the place (a heading) and `text` asks, with `GAP` for what is missing. `key` is in
    `document.text[start:end]` word for word, unless the key was `computed` from it. `anchor` stays the same
    when the fact changes, so that an item keeps its id. `choices` are wrong answers to try, the best first.
    `asks` is a plain question that the passage must answer, empty where the form alone shows it.
    `weight` in [0, 1] orders proposals: higher ones are likelier worth asking.
    """

    topic: Topic
    kind: ItemKind
    anchor: str
    lead: str
    text: str
    key: str
    document: str
    start: int
    end: int
    headings: tuple[str, ...]
    answers: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    unit: str = ""
    weight: float = 0.5
    computed: bool = False
    explanation: str = ""
    query: str = ""
    asks: str = ""

    @property
    def question(self) -> str:
        """The question as it is shown: the place, then what is asked."""
        return f"{self.lead}: {self.text}" if self.lead else self.text

    @property
    def id(self) -> str:
        """16 hexadecimal digits of BLAKE2b over document, topic and anchor."""
        return item_id(self.document, self.topic, self.anchor)


@dataclass(frozen=True, slots=True)
class Source:
    """The place in the notes that proves an item.

    `quote` is `text[start:end]` of the document.
    """

    document: str
    locator: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Item:
    """A checked study item.

    `choices` are in the order shown and empty where the reader writes the answer. `answers` are the accepted
    spellings, `answer` among them; `unit` is the unit of a number. `section` is the document's title and the
    headings above the source.
    """

    id: str
    kind: ItemKind
    question: str
    choices: tuple[str, ...]
    answer: str
    answers: tuple[str, ...]
    explanation: str
    citation: Source
    topic: Topic
    section: tuple[str, ...] = ()
    unit: str = ""

    @property
    def place(self) -> str:
        """The title and the innermost heading of its section."""
        return " › ".join(dict.fromkeys((self.section[0], self.section[-1]))) if self.section else ""

    @property
    def hint(self) -> str:
        """The place without the names that give the key away, for before the answer."""
        names = dict.fromkeys((self.section[0], self.section[-1])) if self.section else ()
        keys = (self.answer, *self.answers)
        return " › ".join(name for name in names if max(leak(key, name) for key in keys) < GIVEN_AWAY)


def as_card(item: Item) -> Item:
    """Return an item as a card: a term or number is recalled, not chosen.

    Rows, steps and formulas keep their choices, because their spelling cannot be recalled.
    """
    if item.topic not in {Topic.DEFINITION, Topic.PROPERTY, Topic.NUMBER} or not item.choices:
        return item
    question = item.question.replace(CHOOSE_TERM, FILL_TERM).replace(CHOOSE_NUMBER, FILL_NUMBER)
    return replace(item, kind=ItemKind.CLOZE, question=question, choices=())


def is_self_judged(item: Item) -> bool:
    """Return whether a reader compares the answer with the key.

    A formula has too many spellings.
    """
    return item.topic is Topic.FORMULA and not item.choices


def item_id(document: str, topic: str, anchor: str) -> str:
    """Return the id of an item: it does not change when the fact itself is corrected."""
    flat = " ".join(anchor.casefold().split())
    return blake2b(f"{document}\0{topic}\0{flat}".encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
