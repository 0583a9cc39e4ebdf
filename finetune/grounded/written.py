"""Course pages and questions written by hand for this project.

They lie in `finetune/grounded/pages/`, one page a line, under the project's licence. Every question is asked twice: as a student would, and in other words than the note's. The last course of each file is a
test, the one before it in the first two files is for validation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from finetune.grounded.types import Asked, Part, Source, Span

FOLDER = Path(__file__).parent / "pages"
_VALIDATION_FILES = 2


def load_all(folder: Path = FOLDER) -> list[Source]:
    """One source for each course, in the order of the files."""
    found: list[Source] = []
    for number, path in enumerate(sorted(folder.glob("*.jsonl"))):
        pages = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
        names = list(dict.fromkeys(str(page["course"]) for page in pages))
        for place, name in enumerate(reversed(names)):
            part = Part.TEST if place == 0 else Part.TRAIN
            part = Part.VALID if place == 1 and number < _VALIDATION_FILES else part
            found.append(_course(name, [page for page in pages if page["course"] == name], part))
    return found


def _course(name: str, pages: list[dict[str, Any]], part: Part) -> Source:
    source = Source(f"written-{name}", part=part)
    for page in pages:
        document = f"{re.sub(r'[^a-z0-9]+', '-', page['title'].lower()).strip('-')}.md"
        text = f"# {page['title']}\n\n{page['text']}"
        source.documents[document] = text
        source.asked.extend(_questions(document, text, page))
    return source


def _questions(document: str, text: str, page: dict[str, Any]) -> Iterator[Asked]:
    for item in page["questions"]:
        spans = tuple(_span(document, text, support) for support in item["support"])
        answers = tuple(
            a for a in (item.get("answer", ""),) if a and any(_plain(a) in _plain(s) for s in item["support"])
        )
        for asked in item["ask"]:
            yield Asked(asked, spans, answers, "written")
    for asked in page["unanswerable"]:
        yield Asked(asked, (), (), "written")


def _span(document: str, text: str, support: str) -> Span:
    start = text.index(support)
    return document, start, start + len(support)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))
