"""Questions that a model writes for a sentence and a key that code chose.

The model sees the sentence with a gap, so it can neither change the key nor give it away. What it wrote is
compared with the sentence, and the same examiner decides. Then the model must find the key itself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from rag.study.choices import Pool
from rag.study.items import GAP, Proposal, Rejection
from rag.study.readable import heading_shown, leak
from rag.text.scripts import detected_language
from rag.text.words import content_words, numbers, parts, tokens

Write = Callable[[str], str]
"""A function from a prompt to the line that a model wrote."""
ASK = (
    f"Turn the sentence into one question that asks what {GAP} is. "
    "Keep its language and its facts.\n\nSentence{code}: {sentence}\nQuestion{code}:"
)
ANSWER = "Answer with a few words of the text.\n\nText: {sentence}\nQuestion: {question}\nAnswer:"
_LABEL = re.compile(r"^\W*(?:Question|Answer)(?: \(\w+\))?: ?")
_OWN = frozenset(content_words("sentence text question answer gap"))
"""Stems of the requests: "What is the gap in the sentence?" is about no subject."""
_ASKING = frozenset(content_words("name term"))
"""Stems with which a question asks for a key, whatever it is."""
COMMON = 0.2
"""Share of the notes' sentences from which a word names no kind of thing."""
MOST_TOKENS = 64
"""Most tokens of a line. Longer ones are loops."""
_ENDS = ("?", "？", "؟", ";")
"""Question marks, the Arabic and the Greek ones too."""
FAITHFUL = 0.6
"""Share of a question's stems that its sentence and headings have."""
SPECIFIC, SPECIFIC_NUMBER = 0.6, 0.45
"""Share of a sentence's stems that its question has, for a name and for a number.

Several names satisfy half a sentence; a number often has a remark beside it. Read off three courses.
"""
MOST_BESIDE_KEY = 3
"""Stems that the model's answer may have beside the key."""
MOST_REPEATED = 2
"""Times that three words in a row may be in a question."""
WRITTEN_PER_ITEM = 4
"""Most questions written for each item wanted, so that a poor scope ends soon."""


@dataclass(slots=True)
class Author:
    """A model that writes the questions of sketches, at most `most` of them."""

    write: Write
    pool: Pool
    most: int
    asked: int = field(default=0, init=False)

    @property
    def done(self) -> bool:
        """True when it has written as many questions as it may."""
        return self.asked >= self.most

    def written(self, sketch: Proposal, choice: bool = True) -> Proposal | Rejection:
        """Return a sketch with its question and wrong choices, or the reason against it.

        Without `choice` it may have none, as for cards.
        """
        wrong = self.pool.beside(sketch)
        if choice and not wrong:
            return Rejection.FEW_CHOICES
        self.asked += 1
        question = self._question(sketch)
        if isinstance(question, Rejection):
            return question
        key = _with_unit(sketch.key, sketch.unit)
        return replace(
            sketch,
            text=question,
            key=key,
            answers=(key,),
            choices=tuple(_with_unit(one, sketch.unit) for one in wrong),
            unit="",
            asks=question,
            query=question,
        )

    def _question(self, sketch: Proposal) -> str | Rejection:
        """Return the question of a sketch, or the reason against what was written."""
        code = detected_language(sketch.text)
        question = _line(self.write(ASK.format(code=f" ({code})" if code else "", sentence=sketch.text)))
        fault = fault_of(question, sketch)
        if fault is None and not sketch.unit and self._invents(question, sketch):
            return Rejection.OTHER_QUESTION
        return question if fault is None else fault

    def _invents(self, question: str, sketch: Proposal) -> bool:
        """Return whether a question calls its key what the notes never call it.

        "The name of the software that ..." about a network has a word that the sentence has not, and no sentence
        of the notes begins with the key and soon has that word. Words of many sentences are not looked at.
        """
        claims = self.pool.claims
        known = _ASKING.union(content_words(sketch.key))
        return any(
            0 < claims.mentions(word) <= COMMON * len(claims.texts) and not claims.related(sketch.key, word)
            for word in _kind_named(question, sketch)
            if not known.issuperset(content_words(word))
        )

    def confirms(self, proposal: Proposal, sentence: str) -> bool:
        """Return whether the model answers its question with the key alone.

        A reply that repeats the sentence has the key and answers nothing.
        """
        reply = _line(self.write(ANSWER.format(sentence=sentence, question=proposal.text)))
        if len(content_words(reply)) > len(content_words(proposal.key)) + MOST_BESIDE_KEY:
            return False
        return _has(reply, proposal.key) and not any(
            _has(reply, one) and not _has(proposal.key, one) for one in proposal.choices
        )


def fault_of(question: str, sketch: Proposal) -> Rejection | None:
    """Return the reason against a line as a sketch's question, None for a good one."""
    words = tokens(question)
    threes = list(zip(words, words[1:], words[2:], strict=False))
    if not question.endswith(_ENDS) or GAP in question or not content_words(question):
        return Rejection.NO_QUESTION
    if any(threes.count(one) > MOST_REPEATED for one in set(threes)):
        return Rejection.NO_QUESTION
    stated = Counter(content_words(sketch.text))
    if any(number > max(1, stated[stem]) for stem, number in Counter(content_words(question)).items()):
        return Rejection.NO_QUESTION  # "the method that has proven an indispensable method"
    if leak(sketch.key, question) > 0 or numbers(sketch.key) & numbers(question):
        return Rejection.GIVEN_AWAY
    if sketch.text.startswith(f"{GAP}:") and tokens(sketch.text.replace(GAP, ""))[:1] == words[:1]:
        return Rejection.OTHER_QUESTION  # "_____: how near a value is" was asked as "How near is it?"
    said = set(content_words(sketch.text.replace(GAP, " ")))
    around = _around(sketch)
    asked = set(content_words(question))
    if asked & (_OWN - around):
        return Rejection.ABOUT_THE_NOTES
    if sketch.unit and not _right_after(sketch) <= asked:
        return Rejection.OTHER_QUESTION  # "4 % per degree" was asked as "How many %?"
    least = SPECIFIC_NUMBER if sketch.unit else SPECIFIC
    if len(asked & around) < FAITHFUL * len(asked) or len(asked & said) < least * len(said):
        return Rejection.OTHER_QUESTION
    return None


def _around(sketch: Proposal) -> set[str]:
    """Return the stems of a sketch's sentence and of the headings above it."""
    shown = (heading_shown(name) for name in sketch.headings)
    return {stem for text in (sketch.text.replace(GAP, " "), *shown) for stem in content_words(text)}


def _kind_named(question: str, sketch: Proposal) -> list[str]:
    """Return the words of a question before the first one of its sentence or headings.

    They ask, and may name the kind of the key.
    """
    around = _around(sketch)
    words = [word for word in tokens(question)[1:] if content_words(word)]
    return list(takewhile(lambda word: around.isdisjoint((*content_words(word), *parts(word))), words))


def _right_after(sketch: Proposal) -> set[str]:
    """Return the stem of the next word of meaning after the number and its unit.

    It is empty where a sign of punctuation is in between.
    """
    after = sketch.text.partition(GAP)[2].strip().removeprefix(sketch.unit)
    clause = re.match(r"[\w\s'’-]*", after)
    return set(content_words(clause[0] if clause else "")[:1])


def _line(reply: str) -> str:
    """Return a reply's first line with text, without a label and quotation marks."""
    lines = (" ".join(_LABEL.sub("", line).split()) for line in reply.splitlines())
    return next((line for line in lines if line), "").strip('"“”„«»*')


def _with_unit(number: str, unit: str) -> str:
    return f"{number} {unit}" if unit else number


def _has(text: str, words: str) -> bool:
    """Return whether a text has the numbers and half of the stems of words."""
    stems: Sequence[str] = content_words(words)
    if not numbers(words) <= numbers(text):
        return False
    return bool(numbers(words)) or leak(words, text) > 0.5 or not stems
