"""Study items of three courses: number, share accepted, quality, and time.

`python -m benchmarks.study [--course NAME ...] [--items N] [--labels FILE ...] [--dump FILE] [--libraries DIR] [--model NAME]`. A course whose
folder is absent is skipped with the reason. With `--model` only the questions that this model writes are measured. `labels.jsonl` beside this file has the labels, set by hand by reading each item with its passage. A
row names its item by id and by the digest of its question, choices, key and passage, so that no text of a foreign course is in it, and an item
that is made otherwise now has no label. `--dump` writes the items for labelling, `--labels` reads another file of labels.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from benchmarks.questions.__main__ import ROOT, SHARED
from ingest.pipeline import ingest_paths
from rag.answer.notes import Notes
from rag.study.item_json import item_record
from rag.study.items import Item, Topic
from rag.study.quiz import StudySet, make_items
from rag.text.words import content_words
from ui.application import Application, load
from ui.study.making import model_writer

COURSES = {
    "example": ROOT / "examples" / "course",
    "ml-for-beginners": SHARED / "courses" / "ml-for-beginners",
    "hf-course": SHARED / "courses" / "hf-course",
    "llm-zoomcamp": SHARED / "courses" / "llm-zoomcamp",
    "d2l-en": SHARED / "courses" / "d2l-en",
    "generative-ai-101": SHARED / "courses" / "generative-ai-101",
    "seed-notes": SHARED / "courses" / "seed-notes",
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
    parser.add_argument("--model")
    given = parser.parse_args()
    labels = read_labels([Path(__file__).with_name("labels.jsonl"), *(given.labels or [])])
    rows: list[tuple[str, dict[str, Any]]] = []
    facts: list[tuple[int, int]] = []
    with tempfile.TemporaryDirectory() as folder:
        for course in given.course or ("example", "ml-for-beginners", "hf-course"):
            made = given.libraries and (given.libraries / course / "library.sqlite").is_file()
            if not made and not COURSES[course].is_dir():
                print(f"{course}: skipped, there is no {COURSES[course]}")
                continue
            application = opened(course, given.libraries or Path(folder), given.model)
            if given.model:
                items = written(course, application, given.items)
            else:
                items, everything = measured(course, application, given.items)
                facts.append(report_quizzes(course, everything))
            records = [item_record(item) for item in items]
            rows += [(course, record) for record in records]
            report_labels(course, records, labels)
    report_labels("all", [row for _, row in rows], labels)
    if facts:
        covered, total = map(sum, zip(*facts, strict=True))
        print(f"  all: quiz facts covered by an item: {covered} of {total}")
    if given.dump:
        given.dump.write_text(
            "".join(
                json.dumps({"course": course, "version": version(row)} | row, ensure_ascii=False) + "\n"
                for course, row in rows
            ),
            "utf-8",
        )


def opened(course: str, folder: Path, model: str | None = None) -> Application:
    """Return the application over a course's library, ingested on first use."""
    library = folder / course
    application = Application(load(library, None, model__name=model))
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
    started, worked = time.perf_counter(), time.process_time()
    make_items(notes, None, TIMED)
    again, work = time.perf_counter() - started, time.process_time() - worked
    everything = make_items(notes, None, 500)
    share = len(everything.items) / max(1, everything.checked)
    print(
        f"\n{course}: {everything.words:,} words of prose, {everything.proposed} proposals, {everything.checked} checked, "
        f"{len(everything.items)} accepted ({share:.2f}), {1000 * len(everything.items) / max(1, everything.words):.1f} items per 1,000 words"
    )
    print(
        f"  {len(timed.items)} items in {first:.1f} s with loading the models, {again:.1f} s without ({work:.1f} s of processor time)"
    )
    for reason, number in sorted(everything.rejected.items(), key=lambda one: -one[1]):
        print(f"  {number:>5} rejected: {reason}")
    return make_items(notes, None, count).items, everything


def written(course: str, application: Application, count: int) -> tuple[Item, ...]:
    """Print number, acceptance, time and tokens of written items, and return them."""
    ask, size = model_writer(application), application.model.get_num_tokens
    lengths: list[tuple[int, int]] = []

    def write(prompt: str) -> str:
        reply = ask(prompt)
        lengths.append((size(prompt), size(reply)))
        return reply

    write("One word:")
    lengths.clear()
    started = time.perf_counter()
    notes = Notes(application.searcher, application.scorer)
    found = make_items(notes, None, count, topics=[Topic.WRITTEN], write=write)
    print(
        f"\n{course}: {len(found.items)} written items of {found.checked} checked, {found.proposed} sentences, "
        f"{time.perf_counter() - started:.0f} s, {len(lengths)} requests, {sum(one for one, _ in lengths)} tokens read, "
        f"{sum(one for _, one in lengths)} written"
    )
    for reason, number in sorted(found.rejected.items(), key=lambda one: -one[1]):
        print(f"  {number:>5} rejected: {reason}")
    return found.items


def report_quizzes(course: str, found: StudySet) -> tuple[int, int]:
    """Print how many facts of the course's own quiz an item covers.

    Returns that number and the number of facts.
    """
    file = QUIZZES / f"{course}.jsonl"
    if not file.is_file():
        print(f"  quiz facts of {course}: skipped, there is no {file}")
        return 0, 0
    items = [set(content_words(f"{one.question} {one.answer} {one.citation.quote}")) for one in found.items]
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    covered = sum(covers(items, row) for row in rows)
    print(f"  quiz facts covered by an item: {covered} of {len(rows)}")
    return covered, len(rows)


def covers(items: Sequence[set[str]], row: dict[str, Any]) -> bool:
    """Return whether an item has most stems of a quiz row and its right choices."""
    right = row.get("correct") or [one["text"] for one in row["choices"] if one["correct"]]
    stems = set(content_words(f"{row['question']} {' '.join(map(str, right))}"))
    return bool(stems) and any(len(stems & item) >= COVERED * len(stems) for item in items)


def version(record: dict[str, Any]) -> str:
    """Return 16 hexadecimal digits over all that a label judges."""
    judged = [record["question"], *record["choices"], record["answer"], record["citation"]["quote"]]
    return blake2b("\0".join(judged).encode(), digest_size=8).hexdigest()


def read_labels(files: list[Path]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return (id, version) to labels; an item that changed has none."""
    rows = [
        json.loads(line) for file in files if file.is_file() for line in file.read_text("utf-8").splitlines()
    ]
    return {(row["id"], row["version"]): row for row in rows}


def report_labels(
    course: str, records: Sequence[dict[str, Any]], labels: dict[tuple[str, str], dict[str, Any]]
) -> None:
    """Print the shares of labelled items that are right, alone and worth asking."""
    found = [labels[key] for one in records if (key := (one["id"], version(one))) in labels]
    if not found:
        print(f"  {course}: none of {len(records)} items is labelled")
        return
    shares = "  ".join(f"{mark} {sum(row[mark] for row in found) / len(found):.3f}" for mark in MARKS)
    print(f"  {course}: {len(found)} of {len(records)} items labelled: {shares}")


if __name__ == "__main__":
    main()
