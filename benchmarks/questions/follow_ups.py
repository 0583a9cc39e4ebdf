"""Search for follow-ups: as asked, as completed, and as a person rewrote them.

`python -m benchmarks.questions.follow_ups [--data FILE] [--questions N] [--libraries DIR] [--model NAME] [--verbose]`.
DATA is in CANARD's form (CC-BY-SA-4.0). The answers of a dialogue are one document; the passage with the answer
must be among the first five.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.questions.__main__ import SHARED
from ingest.pipeline import ingest_paths
from rag.events import Retrieved, Rewritten
from rag.types import Hit, Role, Turn
from ui.application import Application, load

DATA = SHARED / "qa" / "canard-dev-half" / "dev.json"
SHOWN = 5
"""Passages among which the answer must be."""
UNKNOWN = "don't know"
"""Part of an answer that says that the page has none."""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A follow-up with a person's rewriting and the span of its answer."""

    question: str
    rewrite: str
    history: tuple[Turn, ...]
    document: str
    start: int
    end: int


def main() -> None:
    """Ask the follow-ups and print the recall of each form."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--questions", type=int, default=400)
    parser.add_argument("--libraries", type=Path)
    parser.add_argument("--model")
    parser.add_argument("--verbose", action="store_true")
    given = parser.parse_args()
    if not given.data.is_file():
        print(f"skipped, there is no {given.data}")
        return
    pages, asked = read(given.data)
    asked = random.Random(0).sample(asked, min(given.questions, len(asked)))
    with tempfile.TemporaryDirectory() as folder:
        application = opened(given.libraries or Path(folder), pages, given.model)
        report(list(recalls(application, asked, given.verbose)))


def read(path: Path) -> tuple[dict[str, str], list[FollowUp]]:
    """Return the pages by file name, and the follow-ups whose answer is on one."""
    dialogues: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in json.loads(path.read_text("utf-8")):
        dialogues[row["QuAC_dialog_id"]].append(row)
    pages: dict[str, str] = {}
    asked: list[FollowUp] = []
    for name, rows in dialogues.items():
        rows.sort(key=lambda row: row["Question_no"])
        pages[f"{name}.md"], found = page(f"{name}.md", rows)
        asked += found
    return pages, asked


def page(document: str, rows: Sequence[dict[str, Any]]) -> tuple[str, list[FollowUp]]:
    """Return the text of a dialogue's page and the follow-ups that it answers."""
    title, section, *said = max((row["History"] for row in rows), key=len)
    text = f"# {title}\n\n## {section}\n\n"
    spans: dict[str, tuple[int, int]] = {}
    for answer in said[1::2]:
        if UNKNOWN not in answer and answer not in spans:
            spans[answer] = len(text), len(text) + len(answer)
            text += answer + "\n\n"
    found = []
    for row, after in itertools.pairwise(rows):
        before, answer = row["History"][2:], after["History"][-1]
        if before and answer in spans and after["Question_no"] == row["Question_no"] + 1:
            turns = tuple(Turn((Role.USER, Role.ASSISTANT)[n % 2], one) for n, one in enumerate(before))
            found.append(FollowUp(row["Question"], row["Rewrite"], turns, document, *spans[answer]))
    return text, found


def opened(folder: Path, pages: dict[str, str], model: str | None) -> Application:
    """Return the application over a library of the pages, ingested on first use."""
    application = Application(load(folder / "library", model__name=model))
    if not (folder / "library" / "library.sqlite").is_file():
        notes = folder / "pages"
        notes.mkdir(parents=True, exist_ok=True)
        for name, text in pages.items():
            (notes / name).write_text(text, "utf-8")
        ingest_paths(application.open_library(), [notes], application.embedder, application.settings)
    return application


def recalls(
    application: Application, asked: Sequence[FollowUp], verbose: bool
) -> Iterator[tuple[bool, bool, bool]]:
    """Yield if each one's answer is found as asked, completed and rewritten."""
    for one in asked:
        completed, hits = searched(application, one)
        found = (
            is_found(application.searcher.search(one.question, SHOWN), one),
            is_found(hits, one),
            is_found(application.searcher.search(one.rewrite, SHOWN), one),
        )
        if verbose and found[2] and not found[1]:
            print(f"{one.question!r} completed {completed!r}, rewritten {one.rewrite!r}")
        yield found


def searched(application: Application, one: FollowUp) -> tuple[str, Sequence[Hit]]:
    """Return the completed question and the hits that the product answers it from."""
    completed = one.question
    for event in application.chain().stream({"question": one.question, "history": one.history}):
        if isinstance(event, Rewritten):
            completed = event.question
        if isinstance(event, Retrieved):
            return completed, event.hits
    return completed, ()


def is_found(hits: Sequence[Hit], one: FollowUp) -> bool:
    """Return whether a passage with the answer is among the first hits."""
    chunks = [hit.chunk for hit in hits[:SHOWN]]
    return any(
        chunk.document.endswith(one.document) and chunk.start < one.end and one.start < chunk.end
        for chunk in chunks
    )


def report(found: Sequence[tuple[bool, bool, bool]]) -> None:
    """Print the recall of each form and of the completed one against the others."""
    raw, completed, rewritten = (sum(column) / max(1, len(found)) for column in zip(*found, strict=True))
    print(f"recall@{SHOWN} of {len(found)} follow-ups")
    print(f"as asked              {raw:.3f}")
    print(f"completed             {completed:.3f}   {completed - raw:+.3f} (target +0.150)")
    share = completed / rewritten if rewritten else 0.0
    print(f"rewritten by a person {rewritten:.3f}   completed is {share:.2f} of it (target 0.90)")


if __name__ == "__main__":
    main()
