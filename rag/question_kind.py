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


_START = r"(?:^\W*|[,;:] )(?:(?:and|so|but|for|by|since|until|in|at|on|to|from) )*"
_BE = r"(?:is|are|was|were|will)"
_ASKED = {
    Kind.NUMBER: r"how (?:many|much|old|far|big|large|tall|heavy|deep|wide|thick)|(?:what|which) (?:percentage|share|number) of",
    Kind.LENGTH: r"how long",
    Kind.TIME: rf"when (?:{_BE}|does|do|did|must|should)|(?:what|which) (?:date|day|time|year|month|weekday|century)",
    Kind.PLACE: rf"where {_BE}|(?:what|which) (?:room|building|city|hall)",
    Kind.PERSON: r"who|whom|whose",
}
_COUNTS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|sixty|hundred|thousand|million|"
    "billion|half|halves|halving|thirds?|quarters?|fifth|tenth|doubl(?:e|es|ed|ing)|twice|once|each|every|all|both|none|no|never|any|"
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
_PEOPLE = "we|us|students?|teams?|authors?|groups?|nobody|everyone|anyone|by|an? \\w+"
_DATE = re.compile(
    rf"\b\d{{1,2}}(?:st|nd|rd|th)?\.? (?:{_MONTHS})\b|\b(?:{_MONTHS}) \d{{1,4}}\b|\b\d{{1,2}}:\d\d\b",
    re.IGNORECASE,
)
"""Dates and hours, whose digits neither count nor name a room."""
_IDENTIFIER = re.compile(r"\b\w*[^\W\d]\d+\w*")
_HOLDS = {
    Kind.NUMBER: rf"(?i:\d|[²³½¼¾%∞]|\b(?:{_COUNTS})\b)",
    Kind.LENGTH: (
        rf"(?i:(?:\d|\b(?:{_COUNTS}|an?|few|several|whole|full|entire)\b)[ -]?(?:\w+[ -])?(?:{_UNITS})\b|\|"
        r"|\b(?:until|till|forever|overnight|life\w*|during|throughout)\b)"
    ),
    Kind.TIME: rf"(?i:\d|\b(?:{_TIMES})\b)",
    Kind.PLACE: rf"(?i:\||\b(?:{_PLACES})\b)|\b[A-Z]\w* ?\d+\b",
    Kind.PERSON: rf"(?<=[\w,;:)*|] )[*_]*[A-Z][a-zé]+|\|.*[A-Z]|\b(?i:{_PEOPLE})\b",
}
"""A table's row may hold any of them in a cell whose unit or noun stands in the head."""


def kind_of(question: str) -> Kind | None:
    """What the question asks for; None where its wording does not tell."""
    asked = (
        kind
        for kind, words in _ASKED.items()
        if re.search(rf"{_START}(?:{words})\b", question, re.IGNORECASE)
    )
    return next(asked, None)


def holds_kind(kind: Kind | None, text: str, question: str) -> bool:
    """Whether a text has anything of the kind that the question did not bring; any text where there is no kind."""
    if kind is None:
        return True
    for number in set(re.findall(r"\d+", question)):
        text = re.sub(rf"\b{number}\b", " ", text)
    if kind in (Kind.NUMBER, Kind.PLACE):
        text = _DATE.sub(" ", text)
    if kind is Kind.NUMBER:
        text = _IDENTIFIER.sub(" ", text)
    return re.search(_HOLDS[kind], text) is not None
