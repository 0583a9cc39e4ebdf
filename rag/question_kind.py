"""What kind of thing a question wants to be told, and whether a text holds one.

A sentence may stand close to a question and still not answer it: "The final is written by hand." has no date for "When is the
final?". Only questions whose wording leaves no doubt have a kind, and what counts as one is taken widely: it should never be the
right sentence that is turned away.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Kind(StrEnum):
    """What is asked for; `LENGTH` is a number with its unit."""

    NUMBER = "number"
    LENGTH = "length"
    TIME = "time"
    PLACE = "place"
    PERSON = "person"


_BEFORE = r"(?:(?:and|so|but|for|by|since|until|in|at|on|to|from) )*"
_START = rf"(?:^\W*|[,;:] ){_BEFORE}"
_BE = r"(?:is|are|was|were|will)"
_OURS = r"(?:the|this|that|our|my|your|his|her|its|their|next)"
_HEAD = (
    rf"(?: number)?(?: of (?:the )?(?:week|day|month|year))?(?=\W*$| (?:{_BE}|does|do|did|has|have|had|must|should|can|could|may|"
    r"might|shall|would)\b)"
)
"""What comes after a noun that is asked for itself: a verb or the end, not the noun it describes ("what time complexity")."""
_DATED = (
    rf"(?:by|until|since) when|when (?:was|were|did)|when {_BE} {_OURS}|"
    r"when (?:is|are|will) (?!an? )(?:[^?]*\b(?:due|held|scheduled)\W*$|(?:[a-z]{2,} ){1,2}\d+)|"
    r"when (?:do|must|should|can|will) (?:we|i|you|students) (?:sit|meet|hand|submit|(?:get|have) (?:the|our|my|your))"
)
"""Questions for a date; "when is a matrix invertible" and "when do we use it" ask for a condition."""
_ASKED = {
    Kind.NUMBER: rf"{_START}(?:how (?:many|much|old|far|big|large|tall|heavy|deep|wide|thick)|(?:what|which) (?:percentage|share|number) of)\b",
    Kind.LENGTH: rf"{_START}how long\b",
    Kind.TIME: rf"{_START}(?:(?:{_DATED})(?!\w)|(?:what|which) (?:date|day|time|year|month|weekday|century){_HEAD})",
    Kind.PLACE: rf"{_START}(?:where {_BE}\b|(?:what|which) (?:room|building|city|hall){_HEAD})",
    Kind.PERSON: (
        rf"^\W*(?:(?!(?:what|which|how|why|where|(?:when )?(?:{_BE}|do|does|did|must|should|can|could|would|may)|tell|explain)\b)"
        rf"[^,;:]*[,;:] (?!.*,))?{_BEFORE}who(?:m|se)?\b"
    ),
}
"""After a comma, "who" asks only where what stands before it does not, and no comma ends a clause of it."""
_COUNTS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen|twenty|"
    "thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|billion|half|halves|halving|thirds?|quarters?|fifth|tenth|doubl(?:e|es|ed|ing)|twice|once|each|every|all|both|none|no|never|any|"
    "only|single|pair|dozen|zero|nothing|free"
)
_UNITS = (
    "ms|s|secs?|seconds?|mins?|minutes?|h|hrs?|hours?|days?|nights?|weeks?|months?|years?|yrs?|terms?|semesters?|decades?|"
    "centur(?:y|ies)|[nµck]?m|mm|met(?:er|re)s?|pages?|words?|lines?|slides?|characters?|lessons?|meetings?"
)
_MONTHS = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|"
    "dec(?:ember)?"
)
_TIMES = (
    rf"{_MONTHS}|(?:mon|tues?|wed|wednes|thu|thurs?|fri|sat|satur|sun)(?:days?)?|weeks?|days?|daily|weekly|months?|years?|hours?|"
    "minutes?|seconds?|terms?|semesters?|spring|summer|autumn|winter|noon|midnight|morning|afternoon|evening|night|today|tomorrow|"
    "yesterday|before|after|during|until|till|when|whenever|whereas|once|while|soon|if|every|immediately|century|early|late|always|"
    "never|first|last|now|above|below|for|only"
)
_PLACES = (
    "room|hall|building|floor|lab|library|office|street|campus|online|here|there|in|at|inside|outside|under|between|near|behind|"
    "above|below|beside|into|along|through|within"
)
_PEOPLE = (
    "we|us|students?|teams?|authors?|groups?|nobody|everyone|anyone|by|an? \\w+|dr|prof|professor|mr|mrs|ms"
)
_CAPITAL = f"[{''.join(letter for letter in map(chr, range(0x590)) if letter.isupper())}]"
"""A capital of the Latin, Greek, Cyrillic or Armenian alphabet."""
_DATE = re.compile(
    rf"\b\d{{1,2}}(?:st|nd|rd|th)?\.? (?!(?-i:may))(?:{_MONTHS})\b|\b(?!(?-i:may))(?:{_MONTHS}) \d{{1,4}}\b|"
    r"\b(?:[01]?\d|2[0-4]):[0-5]\d\b",
    re.IGNORECASE,
)
"""Dates and hours, whose digits neither count nor name a room; a small "may" is the verb, and 80:20 a ratio."""
_IDENTIFIER = re.compile(r"\b[^\W\d]\w*\d\w*")
"""A word with a digit that begins with a letter: T651, not 3x3 or 1e6."""
_NAMED = re.compile(r"(?:\b(?P<word>[^\W\d]+)(?P<apart>\W{0,2}))?(?<!\d)(?P<number>\d+(?:[.,]\d+)*)")
"""A number of the question and the word it follows ("Exam 2", "B12")."""
_HOLDS = {
    Kind.NUMBER: rf"(?i:\d|[²³½¼¾%∞]|\b(?:{_COUNTS})\b)",
    Kind.LENGTH: (
        rf"(?i:(?:\d|\b(?:{_COUNTS}|an?|few|several|whole|full|entire)\b)[ -]?(?:\w+[ -])?(?:{_UNITS})\b|\|"
        r"|\b(?:until|till|forever|overnight|life\w*|during|throughout)\b)"
    ),
    Kind.TIME: rf"(?i:\d|\b(?:{_TIMES})\b)",
    Kind.PLACE: rf"(?i:\||\b(?:{_PLACES})\b)|\b[A-Z]\w* ?\d+\b",
    Kind.PERSON: rf"(?<=[\w,;:)*|] )[*_]*{_CAPITAL}[^\W\d_]+|\|.*{_CAPITAL}|\b{_CAPITAL}{{2,}}s?\b|\b(?i:{_PEOPLE})\b",
}
"""A table's row may hold any of them in a cell whose unit or noun stands in the head."""


def kind_of(question: str) -> Kind | None:
    """What the question asks for; None where its wording does not tell."""
    asked = (kind for kind, words in _ASKED.items() if re.search(words, question, re.IGNORECASE))
    return next(asked, None)


def holds_kind(kind: Kind | None, text: str, question: str) -> bool:
    """Whether a text has anything of the kind that the question did not bring; any text where there is no kind."""
    if kind is None:
        return True
    text = _without_asked(text, question)
    if kind in (Kind.NUMBER, Kind.PLACE):
        text = _DATE.sub(" ", text)
    if kind is Kind.NUMBER:
        text = _IDENTIFIER.sub(" ", text)
    return re.search(_HOLDS[kind], text) is not None


def _without_asked(text: str, question: str) -> str:
    """The text without the numbers that the question names.

    Each goes wherever it follows the same word or is part of a short name ("Exam 2", "HW2"); where it never does, it goes once, for
    "Exam 2 lasts 2 hours" answers too.
    """
    for named in _NAMED.finditer(question):
        word, number = named["word"], re.escape(named["number"])
        after = rf"\b{word}\W{{0,2}}" if word else r"(?!)"
        one_word = bool(word) and not named["apart"]
        pattern = rf"{after}{number}\b" if one_word else rf"(?:{after}|\b[^\W\d]+){number}\b"
        text, found = re.subn(pattern, " ", text, flags=re.IGNORECASE)
        if not found and not one_word:
            text = re.sub(rf"\b{number}\b", " ", text, count=1)
    return text
