"""Scores of an answer against the key of its question. The README beside this has the forms of the keys."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

WORDS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split()


def plain(text: str) -> str:
    """Return text in small letters with one minus sign and plain thousands."""
    text = unicodedata.normalize("NFKC", text).lower().replace("\u2212", "-").replace("\u2019", "'")
    text = re.sub(r"\b(\d{1,3})[,\u202f](?=\d{3}\b)", r"\1", text)
    return re.sub(r"\s+", " ", text)


def has_phrase(answer: str, phrase: str) -> bool:
    """Return True for an answer that has a phrase as whole words. A figure of three decimals or more may go on."""
    phrase = plain(phrase).strip()
    if re.fullmatch(r"\d+\.\d{3,}", phrase):
        return re.search(r"(?<![\w.])" + re.escape(phrase) + r"\d*(?!\w)", plain(answer)) is not None
    before = r"(?<![\w.])" * phrase[0].isalnum()
    after = r"(?!\w|\.\d)" * phrase[-1].isalnum()
    return re.search(before + re.escape(phrase) + after, plain(answer)) is not None


def score(
    key: Mapping[str, Any],
    answer: str,
    cited: Iterable[str] = (),
    headings: Iterable[str] = (),
    sources: Mapping[str, str] | None = None,
) -> dict[str, float]:
    """Return a share from 0 to 1 for each part of a key.

    Args:
        cited: the documents that the answer cites.
        headings: the headings and titles above its cited passages.
        sources: the text of each document that a key's `code` names, by path.
    """
    cited = set(cited)
    result: dict[str, float] = {}
    if "items" in key:
        result |= _items(key, answer)
    if "number" in key:
        number = key["number"]
        result["number"] = float(_any(answer, [str(number), *WORDS[number : number + 1]]))
    if "contains" in key:
        result["contains"] = _share(_any(answer, one) for one in key["contains"])
    if "sides" in key:
        sides = key["sides"].items()
        result["sides"] = _share(
            has_phrase(answer, name) and all(_any(answer, one) for one in said) for name, said in sides
        )
    if "headings" in key:
        seen = plain(" | ".join([answer, *headings]))
        result["headings"] = _share(plain(one) in seen for one in key["headings"])
    if "documents" in key:
        wanted = set(key["documents"])
        result["documents"] = float(wanted <= cited and not cited - wanted - set(key.get("allow", [])))
    if "within" in key:
        result["within"] = float(bool(cited) and cited <= set(key["within"]))
    if "code" in key and sources is not None:
        code, flat = key["code"], re.sub(r"\s", "", answer)
        lines = function_lines(sources[code["document"]], code["name"], code["lines"])
        result["code"] = _share(line in flat for line in lines)
    return result


def function_lines(source: str, name: str, count: int) -> list[str]:
    """Return the first lines with text from a definition on, without spaces."""
    lines = [line for line in source.splitlines() if line.strip()]
    start = next(n for n, line in enumerate(lines) if re.search(rf"\b(def|class) {re.escape(name)}\b", line))
    return [re.sub(r"\s", "", line) for line in lines[start : start + count]]


def _items(key: Mapping[str, Any], answer: str) -> dict[str, float]:
    """The F1 of the items, and their order."""
    found = [_any(answer, one) for one in key["items"]]
    wrong = sum(has_phrase(answer, one) for one in key.get("not", []))
    recall, precision = sum(found) / len(found), sum(found) / max(sum(found) + wrong, 1)
    result = {"items_f1": 2 * recall * precision / (recall + precision) if recall else 0.0}
    if key.get("ordered") and all(found):
        text = plain(answer)
        places = [min(text.find(plain(a)) for a in one if has_phrase(answer, a)) for one in key["items"]]
        result["order"] = float(places == sorted(places))
    return result


def _any(answer: str, alternatives: Sequence[str]) -> bool:
    return any(has_phrase(answer, one) for one in alternatives)


def _share(found: Iterable[bool]) -> float:
    values = list(found)
    return sum(values) / len(values)
