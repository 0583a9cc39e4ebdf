"""Knows how `golden.jsonl` is made: quotes from `sources/golden.toml`, found in the text as the project's own readers give it.

Run `PYTHONPATH=. python examples/build_golden.py` from the repository root after editing a question, a course file or a
reader. A quote that is not found exactly once stops the run and nothing is written.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
COURSE = HERE / "course"
QUESTIONS = HERE / "sources" / "golden.toml"
GOLDEN = HERE / "golden.jsonl"

# The tag that each suffix gives a question whose gold stands in such a file.
FORMAT_TAGS = {
    ".md": "markdown",
    ".ipynb": "notebook",
    ".pptx": "slides",
    ".pdf": "pdf",
    ".docx": "word",
    ".html": "html",
}

# What a reader may add, drop or move without changing what is said: marks of Markdown and the rules of tables.
MARKS = frozenset("|*`_#")


class QuoteError(ValueError):
    """A quote is not in its document, or more than once."""


def letters(text: str) -> tuple[str, list[int]]:
    """Return the text without white space and marks, and the offset in `text` of each character that is left."""
    kept = [(character, offset) for offset, character in enumerate(text) if counts(character)]
    return "".join(character for character, _ in kept), [offset for _, offset in kept]


def counts(character: str) -> bool:
    """Return whether a character takes part in looking up a quote."""
    return not character.isspace() and character not in MARKS


def locate(text: str, quote: str) -> tuple[int, int]:
    """Return the half-open span of the only place where `quote` stands in `text`.

    Raises:
        QuoteError: the quote is found nowhere or more than once.
    """
    haystack, offsets = letters(text)
    needle, _ = letters(quote)
    found = haystack.find(needle)
    if not needle or found < 0:
        raise QuoteError(f"Found the quote nowhere: {quote!r}. Copy it from one block of the document.")
    if haystack.find(needle, found + 1) >= 0:
        raise QuoteError(f"Found the quote more than once: {quote!r}. Make it longer.")
    return offsets[found], offsets[found + len(needle) - 1] + 1


def golden_line(entry: dict[str, Any], text_of: Callable[[str], str]) -> dict[str, Any]:
    """Return one question in the format of a golden file."""
    line: dict[str, Any] = {"id": entry["id"], "question": entry["question"]}
    if "history" in entry:
        roles = ("user", "assistant")
        line["history"] = [
            {"role": roles[turn % 2], "content": content} for turn, content in enumerate(entry["history"])
        ]
    if "answer" in entry:
        line["answer"] = entry["answer"]
    if "answers" in entry:
        line["answers"] = entry["answers"]
    line["gold"] = [gold_span(gold, text_of) for gold in entry.get("gold", [])]
    if entry["kind"] == "unanswerable":
        line["unanswerable"] = True
    line["tags"] = tags(entry)
    return line


def gold_span(gold: dict[str, str], text_of: Callable[[str], str]) -> dict[str, Any]:
    """Return the span of one quote, with the text as it stands in the document."""
    text = text_of(gold["document"])
    start, end = locate(text, gold["quote"])
    return {"document": gold["document"], "start": start, "end": end, "text": text[start:end]}


def tags(entry: dict[str, Any]) -> list[str]:
    """Return the kind of the question, how near an unanswerable one is, and the formats of its gold, each once."""
    formats = [FORMAT_TAGS[Path(gold["document"]).suffix] for gold in entry.get("gold", [])]
    nearness = [entry["nearness"]] if "nearness" in entry else []
    return list(dict.fromkeys([entry["kind"], *nearness, *formats]))


def read_course() -> dict[str, str]:
    """Return the text of every course file by its name, read as `lectern ingest` reads it."""
    from ingest.parsers import read_document

    return {
        path.name: read_document(path, path.name).text for path in sorted(COURSE.iterdir()) if path.is_file()
    }


def main() -> int:
    """Write the golden file; return the exit status."""
    texts = read_course()
    entries = tomllib.loads(QUESTIONS.read_text(encoding="utf-8"))["question"]
    lines, problems = [], []
    for entry in entries:
        try:
            lines.append(golden_line(entry, texts.__getitem__))
        except QuoteError as exc:
            problems.append(f"{entry['id']}: {exc}")
    if problems:
        print("\n".join(problems), file=sys.stderr)
        return 1
    GOLDEN.write_text(
        "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8"
    )
    print(f"{len(lines)} questions written to {GOLDEN}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
