"""Study items of three courses: number, share accepted, quality, and time.

`python -m benchmarks.study [--course NAME ...] [--items N] [--labels FILE ...] [--dump FILE] [--libraries DIR]`. A course whose folder
is absent is skipped with the reason. `labels.jsonl` beside this file has the labels of the example course, read and set by hand; labels
of other courses are kept outside the project and named with `--labels`. `--dump` writes the items for labelling.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.questions.__main__ import ROOT, SHARED
from ingest.pipeline import ingest_paths
from rag.answer.notes import Notes
from rag.study.item_json import item_record
from rag.study.items import Item
from rag.study.quiz import StudySet, make_items
from rag.text.words import content_words
from ui.application import Application, load

COURSES = {
    "example": ROOT / "examples" / "course",
    "ml-for-beginners": SHARED / "courses" / "ml-for-beginners",
    "hf-course": SHARED / "courses" / "hf-course",
    "llm-zoomcamp": SHARED / "courses" / "llm-zoomcamp",
}
QUIZZES = SHARED / "qa" / "quizzes"
MARKS = ("key", "one", "alone", "worth")
"""The labels of an item.

The key is right; exactly one choice is; the cited passage alone answers; it is worth asking.
"""
COVERED = 0.6
"""Share of a quiz item's stems in an item from which the item covers its fact."""
TIMED = 20


def main() -> None:
    """Make the items of each course and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--course", action="append", choices=list(COURSES))
    parser.add_argument("--items", type=int, default=40)
    parser.add_argument("--labels", type=Path, action="append")
    parser.add_argument("--dump", type=Path)
    parser.add_argument("--libraries", type=Path)
    given = parser.parse_args()
    labels = read_labels([Path(__file__).with_name("labels.jsonl"), *(given.labels or [])])
    rows: list[tuple[str, dict[str, Any]]] = []
    with tempfile.TemporaryDirectory() as folder:
        for course in given.course or ("example", "ml-for-beginners", "hf-course"):
            if not COURSES[course].is_dir():
                print(f"{course}: skipped, there is no {COURSES[course]}")
                continue
            application = opened(course, given.libraries or Path(folder))
            items, everything = measured(course, application, given.items)
            report_quizzes(course, everything)
            rows += [(course, item_record(item)) for item in items]
            report_labels(course, items, labels)
    report_labels("all", [row for _, row in rows], labels)
    if given.dump:
        given.dump.write_text(
            "".join(json.dumps({"course": c} | r, ensure_ascii=False) + "\n" for c, r in rows), "utf-8"
        )


def opened(course: str, folder: Path) -> Application:
    """Return the application over a course's library, ingested on first use."""
    library = folder / course
    application = Application(load(library))
    if not (library / "library.sqlite").is_file():
        ingest_paths(
            application.open_library(), [COURSES[course]], application.embedder, application.settings
        )
    return application


def measured(course: str, application: Application, count: int) -> tuple[tuple[Item, ...], StudySet]:
    """Print number, acceptance and time; return `count` items, and all there are."""
    started = time.perf_counter()
    timed = make_items(Notes(application.searcher, application.scorer), None, TIMED)
    first = time.perf_counter() - started
    notes = Notes(application.searcher, application.scorer)
    started = time.perf_counter()
    make_items(notes, None, TIMED)
    again = time.perf_counter() - started
    everything = make_items(notes, None, 500)
    share = len(everything.items) / max(1, everything.checked)
    print(
        f"\n{course}: {everything.words:,} words of prose, {everything.proposed} proposals, {everything.checked} checked, "
        f"{len(everything.items)} accepted ({share:.2f}), {1000 * len(everything.items) / max(1, everything.words):.1f} items per 1,000 words"
    )
    print(f"  {len(timed.items)} items in {first:.1f} s with loading the models, {again:.1f} s without")
    for reason, number in sorted(everything.rejected.items(), key=lambda one: -one[1]):
        print(f"  {number:>5} rejected: {reason}")
    return make_items(notes, None, count).items, everything


def report_quizzes(course: str, found: StudySet) -> None:
    """Print how many facts of the course's own quiz an item covers."""
    file = QUIZZES / f"{course}.jsonl"
    if not file.is_file():
        return
    items = [set(content_words(f"{one.question} {one.answer} {one.citation.quote}")) for one in found.items]
    covered = total = 0
    for line in file.read_text("utf-8").splitlines():
        row = json.loads(line)
        right = row.get("correct") or [one["text"] for one in row["choices"] if one["correct"]]
        stems = set(content_words(f"{row['question']} {' '.join(map(str, right))}"))
        total += 1
        covered += any(len(stems & item) >= COVERED * len(stems) for item in items) if stems else 0
    print(f"  quiz facts covered by an item: {covered} of {total}")


def read_labels(files: list[Path]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return (id, question) to labels; an item whose question changed has none."""
    rows = [
        json.loads(line) for file in files if file.is_file() for line in file.read_text("utf-8").splitlines()
    ]
    return {(row["id"], row["question"]): row for row in rows}


def report_labels(course: str, items: Any, labels: dict[tuple[str, str], dict[str, Any]]) -> None:
    """Print the shares of labelled items that are right, alone and worth asking."""
    records = [item_record(item) if isinstance(item, Item) else item for item in items]
    found = [labels[key] for one in records if (key := (one["id"], one["question"])) in labels]
    if not found:
        print(f"  {course}: none of {len(records)} items is labelled")
        return
    shares = "  ".join(f"{mark} {sum(row[mark] for row in found) / len(found):.3f}" for mark in MARKS)
    print(f"  {course}: {len(found)} of {len(records)} items labelled: {shares}")


if __name__ == "__main__":
    main()
