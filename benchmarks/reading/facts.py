"""Facts that only one file has, with the strings that prove that one was found."""

from __future__ import annotations

from dataclasses import dataclass

_SYLLABLES = ("ba ce di fo gu hal jen kir lom mun nav ost pel qui ran sol tev ulm vor wes yan zim").split()
_THINGS = (
    "bridge reactor comet glacier violin orchard turbine protein harbour engine canal telescope mill meteorite lighthouse"
).split()
_MEASURES = (
    ("mass", "What is the mass of the {0}?", "The {0} has a mass of {1} kilograms."),
    ("length", "How long is the {0}?", "The length of the {0} is {1} metres."),
    ("age", "How old is the {0}?", "The age of the {0} is {1} years."),
    ("depth", "What depth has the {0}?", "The {0} has a depth of {1} metres."),
)


@dataclass(frozen=True)
class Fact:
    """A question with the statement that answers it.

    `needles` are strings that must all be in one passage; `place` is where in the file the statement is.
    """

    question: str
    statement: str
    needles: tuple[str, ...]
    subject: str
    measure: str
    value: str
    place: str = "text"


@dataclass
class Bank:
    """Facts given out one after the other, each about something of its own name.

    With names that many files share, the benchmark would measure how well nearly equal passages are distinguished.
    """

    used: int = 0

    def take(self, place: str = "text") -> Fact:
        """Return the next fact, in words."""
        number = self.used
        self.used += 1
        count = len(_SYLLABLES)
        spread = (number * 7919) % count**3  # 22 has no factor in common with 7919: no name comes twice
        parts = (
            _SYLLABLES[spread % count],
            _SYLLABLES[spread // count % count],
            _SYLLABLES[spread // count**2],
        )
        name = "".join(parts).capitalize()
        subject = f"{name} {_THINGS[number % len(_THINGS)]}"
        measure, question, statement = _MEASURES[number % len(_MEASURES)]
        value = str(137 + number * 3)
        return Fact(
            question.format(subject),
            statement.format(subject, value),
            (name, value),
            subject,
            measure,
            value,
            place,
        )

    def cell(self, place: str = "table") -> Fact:
        """Return the next fact as a cell of a table, found only with row and column."""
        one = self.take(place)
        needles = (*one.needles, one.measure)
        return Fact(one.question, one.statement, needles, one.subject, one.measure, one.value, place)
