"""Messages written at random from hand-written lines, as people may type them.

`utterances.toml` has the lines, patterns such as "[what|which] {topic}"; `slots.toml` has the values of
slots. A line can give many different messages: with other choices, in lower case, without punctuation, with a
slip of the fingers, with a greeting before it or thanks after it.
"""

from __future__ import annotations

import math
import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.answer.route import TALK, Route

Lists = Mapping[str, Mapping[str, Sequence[str]]]
FOLDER = Path(__file__).parent
_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")
_ENDS = ".?!。？！؟"
_NO_PREAMBLE = TALK | {Route.CONTINUE}
_ASKING = frozenset({Route.FACT, Route.DEFINITION, Route.COUNT, Route.TWO, Route.LOCATE})


@dataclass(frozen=True, slots=True)
class Line:
    """A hand-written line: a pattern with choices and slots.

    Its messages are in one language and have one route.
    """

    route: Route
    language: str
    pattern: str

    @property
    def weight(self) -> float:
        """The weight in drawing lines: the square root of how many patterns it gives."""
        return math.sqrt(math.prod(choice.count("|") + 1 for choice in _CHOICE.findall(self.pattern)))


def read_lists(path: Path) -> Lists:
    """Return the lines of a file of lists, by name and language."""
    tables = tomllib.loads(path.read_text("utf-8"))
    return {
        name: {
            language: [line for line in text.splitlines() if line.strip()] for language, text in table.items()
        }
        for name, table in tables.items()
    }


def read_lines() -> list[Line]:
    """Return every hand-written line."""
    lists = read_lists(FOLDER / "utterances.toml")
    return [
        Line(Route(name), language, pattern)
        for name, table in lists.items()
        for language, patterns in table.items()
        for pattern in patterns
    ]


class Writer:
    """A writer of messages from lines.

    `headings` and rare `words` of real notes are topics beside those of `slots.toml`. The slot `{word}` is one
    rare word.
    """

    def __init__(self, headings: Sequence[str], words: Sequence[str], seed: int) -> None:
        self._slots = read_lists(FOLDER / "slots.toml")
        self._headings = headings
        self._words = words
        self._random = random.Random(seed)

    def write(self, line: Line) -> str:
        """Return a random message of a line, as someone may type it."""
        text = self.fill(line.pattern, line.language)
        draw = self._random.random
        if line.route not in _NO_PREAMBLE and draw() < 0.15:
            text = f"{self._one('before', line.language)} {text}"
        if draw() < 0.4:
            text = text[:1].upper() + text[1:]
        if text[-1] not in _ENDS and draw() < 0.5:
            text += "?" if line.route in _ASKING or draw() < 0.3 else self._random.choice((".", "!", ""))
        if line.language == "es" and text.endswith("?") and text[0] != "¿" and draw() < 0.6:
            text = f"¿{text}"
        if line.route not in _NO_PREAMBLE and draw() < 0.06:
            text = f"{text} {self._one('after', line.language)}"
        if draw() < 0.12:
            text = self.misspell(text)
        if draw() < 0.15:
            text = text.lower()
        return text

    def fill(self, pattern: str, language: str) -> str:
        """Return a pattern with its choices made and its slots filled, at random."""
        while choice := _CHOICE.search(pattern):
            taken = self._random.choice(choice[1].split("|"))
            pattern = pattern[: choice.start()] + taken + pattern[choice.end() :]
        while slot := _SLOT.search(pattern):
            pattern = pattern[: slot.start()] + self._one(slot[1], language) + pattern[slot.end() :]
        return " ".join(pattern.split())

    def misspell(self, text: str) -> str:
        """Return a text with two letters exchanged, one left out or one doubled."""
        if len(text) < 8:
            return text
        place = self._random.randrange(1, len(text) - 2)
        kind = self._random.randrange(3)
        if kind == 0:
            return text[:place] + text[place + 1] + text[place] + text[place + 2 :]
        return text[:place] + text[place + 1 :] if kind == 1 else text[:place] + text[place] + text[place:]

    def _one(self, slot: str, language: str) -> str:
        name = "topic" if slot == "other" else slot
        draw = self._random.random()
        if name == "topic" and draw < (0.3 if language == "en" else 0.15):
            return " ".join(self._random.sample(self._words, self._random.choice((1, 1, 2))))
        if name == "word":
            return self._random.choice(self._words).lower()
        if name == "topic" and language == "en" and draw < 0.6:
            return self._random.choice(self._headings)
        if name == "name" and draw < 0.5:
            return "_".join(self._random.sample(self._words, 2)).lower()
        lists = self._slots[name]
        return self._random.choice(lists.get(language) or lists["en"])
