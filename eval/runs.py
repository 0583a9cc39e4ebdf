"""The run: a folder with `manifest.json`, `records.jsonl` and `scores.json` that survives being killed at any instant.

Records are appended one by one and reach the disk before the next question; a torn last line is dropped when the run
is opened again, and the questions that are missing are asked.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from eval.golden import GoldenQuestion
from eval.records import Record, parse_record, record_line
from rag.errors import DatasetError

MANIFEST, RECORDS, SCORES = "manifest.json", "records.jsonl", "scores.json"


@dataclass(frozen=True, slots=True)
class Run:
    """A run as read from its folder; records in the order they were written."""

    folder: Path
    manifest: dict[str, Any]
    records: tuple[Record, ...]
    scores: dict[str, Any]

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.folder.name


def read_run(folder: Path) -> Run:
    """The run in `folder`.

    Raises:
        DatasetError: there is none, or its files are damaged.
    """
    if not (folder / MANIFEST).is_file():
        raise DatasetError(
            f"{folder} holds no run (no {MANIFEST}). Make one with `lectern eval answers --run-dir {folder}`."
        )
    scores = _read_json(folder / SCORES) if (folder / SCORES).is_file() else {}
    return Run(folder, _read_json(folder / MANIFEST), tuple(_read_records(folder / RECORDS)), scores)


@dataclass(slots=True)
class RunWriter:
    """A run being made; made by `open_run`."""

    folder: Path
    done: dict[str, Record] = field(default_factory=dict)
    _file: IO[bytes] | None = None

    def append(self, record: Record) -> None:
        """Write one record through to the disk."""
        if self._file is None:
            self._file = (self.folder / RECORDS).open("ab")
        self._file.write((record_line(record) + "\n").encode("ascii"))
        self._file.flush()
        os.fsync(self._file.fileno())
        self.done[record.id] = record

    def finish(self, records: Iterable[Record], scores: Mapping[str, Any]) -> None:
        """Write all records again, in this order, and the scores; both replace what is there in one step."""
        self.close()
        _replace(self.folder / RECORDS, "".join(record_line(record) + "\n" for record in records))
        _replace(self.folder / SCORES, json.dumps(scores, indent=2) + "\n")

    def close(self) -> None:
        """Close the records file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def open_run(folder: Path, manifest: Mapping[str, Any]) -> RunWriter:
    """A run to go on with: new, or the one that was interrupted in `folder`.

    Two runs are the same when their manifests agree in everything but `created` and `workers`.

    Raises:
        DatasetError: the folder holds a run with other settings, another golden set or another library.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / MANIFEST
    manifest = json.loads(json.dumps(manifest))
    if path.is_file():
        differing = _differences(_read_json(path), manifest)
        if differing:
            raise DatasetError(
                f"{folder} holds a run that differs in {'; '.join(differing[:3])}. Choose another --run-dir, or delete it."
            )
        done = {record.id: record for record in _read_records(folder / RECORDS, mend=True)}
        return RunWriter(folder, done)
    if any(folder.iterdir()):
        raise DatasetError(f"{folder} is not empty and holds no run. Choose another --run-dir.")
    _replace(path, json.dumps(manifest, indent=2) + "\n")
    return RunWriter(folder)


def answer_all(
    questions: Sequence[GoldenQuestion],
    evaluate: Callable[[GoldenQuestion], Record],
    writer: RunWriter | None = None,
    workers: int = 1,
    on_record: Callable[[Record], None] | None = None,
) -> list[Record]:
    """A record for every question, in the order of the questions; those that `writer` already has are not asked again.

    `evaluate` is called in `workers` threads; records are written in the order they are ready.
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
    """Where two manifests differ, as `key: old, now new`."""
    found = []
    for key in sorted({*old, *new} - {"created", "workers"}):
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            found += _differences(before, after, f"{prefix}{key}.")
        elif before != after:
            found.append(f"{prefix}{key}: {before!r}, now {after!r}")
    return found


def _read_records(path: Path, *, mend: bool = False) -> list[Record]:
    """The records of a file. A last line that a kill tore off is left out, and cut off the file when `mend`."""
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
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise DatasetError(f"{path} cannot be read: {exc}. Delete the run and make it again.") from exc
    if not isinstance(content, dict):
        raise DatasetError(f"{path} holds no JSON object. Delete the run and make it again.")
    return content


def _replace(path: Path, text: str) -> None:
    """Write a file so that it is either the old or the new one, whatever happens."""
    temporary = path.with_suffix(path.suffix + ".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
