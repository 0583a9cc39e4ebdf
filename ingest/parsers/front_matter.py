"""The front matter of Markdown: a title, tags, and facts ("lecturer: Prof. Iwu")."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from ingest.parsers.markdown_marks import facts_of

_FRONT = re.compile(
    r"\A---[ \t]*\n(?P<yaml>.*?)(?:^|\n)(?:---|\.\.\.)[ \t]*(?=\n|\Z)", re.DOTALL | re.MULTILINE
)
_LINE = re.compile(r"^([^\W\d][\w .-]{0,40}):[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_MOST_CHARS = 50_000
"""Length from which a front matter is not parsed as YAML. Chosen, not measured."""
_TITLE, _TAGS = "title", ("tags", "tag", "keywords")
DRAWING = "excalidraw-plugin"
"""The entry that marks a drawing of Excalidraw in Obsidian."""


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The entries of a front matter, and its length in characters with both rules."""

    title: str = ""
    tags: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    length: int = 0
    is_drawing: bool = False


def read_front_matter(text: str) -> FrontMatter:
    """Return the front matter of a note; all fields are empty where there is none.

    Entries that are no YAML (a title with a colon) are read line by line.
    """
    found = _FRONT.match(text)
    if found is None:
        return FrontMatter()
    values = _entries(found["yaml"])
    rest = {key: value for key, value in values.items() if key not in {_TITLE, DRAWING}}
    return FrontMatter(
        title=" ".join(str(values.get(_TITLE) or "").split()),
        tags=tuple(dict.fromkeys(_tags(values.get(key) for key in _TAGS[:1]))),
        facts=tuple(facts_of(rest)),
        length=found.end(),
        is_drawing=DRAWING in values,
    )


def facts_text(front: FrontMatter, region: str) -> str:
    """Return the facts in the place of a front matter, with its lines and length.

    Without facts it stays as it is, for no block covers it.
    """
    if not front.facts:
        return region
    lines = region.count("\n")
    facts = ["", *front.facts][: lines + 1] if front.facts and lines else list(front.facts)
    more = front.facts[len(facts) - 1 :] if front.facts and lines else ()
    if more:
        facts[-1] = "; ".join(filter(None, [facts[-1], *more]))
    shown = "\n".join(facts)
    spare = len(region) - len(shown) - (lines - shown.count("\n"))
    return shown + " " * max(0, spare) + "\n" * (lines - shown.count("\n"))


def _entries(text: str) -> dict[str, object]:
    """Return the entries; those that YAML refuses one by one."""
    whole = _yaml(text) if len(text) <= _MOST_CHARS else None
    if isinstance(whole, dict):
        return {str(key): value for key, value in whole.items()}
    found: dict[str, object] = {}
    starts = [match.start() for match in re.finditer(r"^(?=[^\W\d][\w .-]*:)", text, re.MULTILINE)]
    for start, end in pairwise([*starts, len(text)]):
        entry = _yaml(text[start:end])
        if isinstance(entry, dict):
            found |= {str(key): value for key, value in entry.items()}
        elif (match := _LINE.match(text, start)) and match[1] not in _TAGS:
            found[match[1]] = match[2].strip("\"'")
    return found


def _yaml(text: str) -> object:
    import yaml

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        return None


def _tags(given: Iterable[object]) -> Iterator[str]:
    for value in given:
        names = value if isinstance(value, list) else str(value or "").split(",")
        for name in names:
            if cleaned := " ".join(str(name).split()).removeprefix("#"):
                yield cleaned
