"""The run: a folder that survives being killed at any instant.

It has `manifest.json`, `records.jsonl` and `scores.json`. Records are appended one by one and reach the
disk before the next question; a torn last line is dropped when the run is opened again, and the questions
that are missing are asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eval.golden.golden_file import GoldenQuestion
from eval.records import Record, parse_record, record_line
from rag.errors import DatasetError
from rag.json_text import parse_json
from rag.system.atomic_write import append, write_text

MANIFEST, RECORDS, SCORES = "manifest.json", "records.jsonl", "scores.json"


@dataclass(frozen=True, slots=True)
class Run:
    """A run as read from its folder, with records in the order they were written."""

    folder: Path
    manifest: dict[str, Any]
    records: tuple[Record, ...]
    scores: dict[str, Any]

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.folder.name


def read_run(folder: Path) -> Run:
    """Return the run in `folder`.

    Raises:
        DatasetError: there is none, or its files are damaged.
    """
    if not (folder / MANIFEST).is_file():
        raise DatasetError(
            f"{folder} has no run (no {MANIFEST}). Make one with `lectern eval answers --run-dir {folder}`."
        )
    scores = _read_json(folder / SCORES) if (folder / SCORES).is_file() else {}
    return Run(folder, _read_json(folder / MANIFEST), tuple(_read_records(folder / RECORDS)), scores)


@dataclass(slots=True)
class RunWriter:
    """A run being made, opened by `open_run`."""

    folder: Path
    done: dict[str, Record] = field(default_factory=dict)

    def append(self, record: Record) -> None:
        """Write one record through to the disk."""
        append(self.folder / RECORDS, (record_line(record) + "\n").encode("ascii"))
        self.done[record.id] = record

    def finish(self, records: Iterable[Record], scores: Mapping[str, Any]) -> None:
        """Write all records again, in this order, and the scores.

        Both files are replaced in one step.
        """
        write_text(self.folder / RECORDS, "".join(record_line(record) + "\n" for record in records))
        write_text(self.folder / SCORES, json.dumps(scores, indent=2) + "\n")


def open_run(folder: Path, manifest: Mapping[str, Any]) -> RunWriter:
    """Return a run to continue: new, or the one that was interrupted in `folder`.

    Two runs are the same when their manifests agree in everything but `created` and `workers`.

    Raises:
        DatasetError: the folder has a run with other settings, another golden set or another library.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / MANIFEST
    manifest = parse_json(json.dumps(manifest))
    if path.is_file():
        differing = _differences(_read_json(path), manifest)
        if differing:
            raise DatasetError(
                f"{folder} has a run that differs in {'; '.join(differing[:3])}. Choose another --run-dir, or delete it."
            )
        done = {record.id: record for record in _read_records(folder / RECORDS, mend=True)}
        return RunWriter(folder, done)
    if any(folder.iterdir()):
        raise DatasetError(f"{folder} is not empty and has no run. Choose another --run-dir.")
    write_text(path, json.dumps(manifest, indent=2) + "\n")
    return RunWriter(folder)


def answer_all(
    questions: Sequence[GoldenQuestion],
    evaluate: Callable[[GoldenQuestion], Record],
    writer: RunWriter | None = None,
    workers: int = 1,
    on_record: Callable[[Record], None] | None = None,
) -> list[Record]:
    """Return a record for every question, in the order of the questions.

    Those that `writer` already has are not asked again. `evaluate` is called in `workers` threads; records
    are written in the order they are ready.
    """
    done = {q.id: writer.done[q.id] for q in questions if writer and q.id in writer.done}
    for record in done.values():
        if on_record:
            on_record(record)
    missing = [question for question in questions if question.id not in done]
    pool = ThreadPoolExecutor(max_workers=workers)
    try:
        for future in as_completed([pool.submit(evaluate, question) for question in missing]):
            record = future.result()
            done[record.id] = record
            if writer:
                writer.append(record)
            if on_record:
                on_record(record)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return [done[question.id] for question in questions]


def _differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return the differences of two manifests, as `key: old, now new`."""
    found = []
    for key in sorted({*old, *new} - {"created", "workers"}):
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            found += _differences(before, after, f"{prefix}{key}.")
        elif before != after:
            found.append(f"{prefix}{key}: {before!r}, now {after!r}")
    return found


def _read_records(path: Path, *, mend: bool = False) -> list[Record]:
    """Return the records of a file without a torn last line.

    With `mend` that line is also cut off the file.
    """
    if not path.is_file():
        return []
    content = path.read_bytes()
    records, good = [], 0
    lines = content.splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        try:
            if not line.endswith(b"\n"):
                raise ValueError("torn")
            records.append(parse_record(line.decode("utf-8")))
        except ValueError as exc:
            if number < len(lines):
                raise DatasetError(
                    f"{path}:{number} is damaged ({exc}). Delete that line; its question is asked again."
                ) from exc
            break
        good += len(line)
    if mend and good < len(content):
        with path.open("r+b") as file:
            file.truncate(good)
    return records


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise DatasetError(f"{path} cannot be read: {exc}. Delete the run and make it again.") from exc
    if not isinstance(content, dict):
        raise DatasetError(f"{path} has no JSON object. Delete the run and make it again.")
    return content
