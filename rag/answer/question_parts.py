"""The two sides or the two questions that a question names.

Both are found around a word that joins ("and", "vs", "oder", "contra"), of which a language has few. The notes decide between the
ways to split.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.text.stop_words import STOP_WORDS

JOINERS = "and|or|vs\\.?|versus|against|from|to|with|than|und|oder|gegen|von|mit|zu|als|y|e|o|u|contra|con|et|ou|contre|avec"
RELATING = frozenset("from to with than von mit zu als con avec".split())
"""Those that relate two things and, alone, compare none: "introduction to Python"."""
_JOINER = re.compile(rf"\s+(?:{JOINERS})\s+|\s*[,;/&?]\s+(?:(?:{JOINERS})\s+)?|\s*/\s*", re.IGNORECASE)
_ASIDE = re.compile(r"[,;:?!]\s+|[?!.]+\s*$|:\s+")
_WORD = re.compile(r"[\w'’+#²³./-]*[\w+#²³]")
_COMPARING = frozenset(
    """compare compared comparison contrast differ differs difference differences different distinguish similar similarities better
    take taking choose should which vergleiche vergleich unterschied unterschiede unterscheiden unterscheidet compara comparar comparación
    diferencia diferencias comparer compare comparaison différence différences zwischen entre""".split()
)
"""Words that ask to compare, in English, German, Spanish and French. They are part of no side."""
_SMALL = frozenset(
    """der die das den dem des ein eine einen einem einer ist sind was wie el la los las un una es son que qué le les l des est sont
    quel quelle quelles i a an the""".split()
)
_ARTICLES = frozenset(
    "the a an der die das den dem des ein eine einen einem einer el la los las un una le les l".split()
)
MOST_SIDE_WORDS = 4


@dataclass(frozen=True, slots=True)
class Split:
    """A question's words before and after a word that joins, or that relates."""

    before: str
    after: str
    relating: bool = False


def splits_of(question: str) -> list[Split]:
    """Return every way to split a question at a word or sign that joins."""
    body = question.strip()
    found = [
        Split(
            body[: m.start()].strip(),
            body[m.end() :].strip(),
            not RELATING.isdisjoint(m.group().lower().split()),
        )
        for m in _JOINER.finditer(body)
    ]
    return [one for one in found if _WORD.search(one.before) and _WORD.search(one.after)]


def sides_of(question: str) -> list[tuple[str, str]]:
    """Return the pairs of short phrases beside a joining word, likeliest first.

    A side of one word gets the last word of the other where that has more: "slotted against pure ALOHA".
    """
    found: list[tuple[str, str]] = []
    for split in splits_of(question):
        left, right = _last_phrase(split.before), _first_phrase(split.after)
        if left and right and left.casefold() != right.casefold():
            found.append(_completed(left, right))
    return sorted(dict.fromkeys(found), key=lambda pair: abs(len(pair[0].split()) - len(pair[1].split())))


def with_one_predicate(split: Split) -> list[tuple[str, str]]:
    """Return a question of two subjects as one of each.

    "What weight do A and B have" is "What weight do A have" and "What weight do B have". Empty where the second half begins as a
    question or has nothing but a subject.
    """
    left, words, found = split.before.split(), split.after.split(), []
    for most in dict.fromkeys((len(_last_phrase(split.before).split()), 1)):
        numbered = most < len(words) and (words[most].isdecimal() or _letter(words[most]))
        size = most + numbered
        right, rest = words[:size], words[size:]
        if any(map(_WORD.search, rest)) and not any(_empty(word) or word[-1] in ",;:" for word in right):
            found.append((" ".join((*left, *rest)), " ".join((*left[:-size], *right, *rest))))
    return found


def last_thing(text: str) -> str:
    """Return the last things that a text names, with the article before them."""
    phrase = _last_phrase(text)
    before = text[: text.rfind(phrase)].split() if phrase else []
    return f"{before[-1]} {phrase}" if before and before[-1].casefold() in _ARTICLES else phrase


def _completed(left: str, right: str) -> tuple[str, str]:
    one, other = left.split(), right.split()
    if len(one) == 1 and len(other) == 2 and other[-1].casefold() != one[0].casefold():
        return f"{left} {other[-1]}", right
    return left, right


def _first_phrase(text: str) -> str:
    """The run of words with content that a text begins with, after words without."""
    words = _WORD.findall(_ASIDE.split(text)[0])
    while words and _empty(words[0]) and not (len(words) > 1 and _letter(words[1])):
        words.pop(0)
    kept: list[str] = words[:1]
    for word in words[1:]:
        if _empty(word):
            break
        kept.append(word)
    return " ".join(kept[:MOST_SIDE_WORDS])


def _last_phrase(text: str) -> str:
    """The run of words with content that a text ends with."""
    words = _WORD.findall([piece for piece in _ASIDE.split(text) if piece.strip()][-1])
    while words and _empty(words[-1]):
        words.pop()
    kept: list[str] = []
    for word in reversed(words):
        if _empty(word) and not (kept and _letter(kept[0])):
            break
        kept.insert(0, word)
    return " ".join(kept[-MOST_SIDE_WORDS:])


def _empty(word: str) -> bool:
    if _letter(word):
        return False
    folded = word.casefold()
    return folded in STOP_WORDS or folded in _COMPARING or folded in _SMALL


def _letter(word: str) -> bool:
    """Return True for a letter that is a name, as in "Type A"."""
    return len(word) == 1 and word.isupper() and word != "I"
