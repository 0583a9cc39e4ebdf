"""Rows of the Bitext customer-service set as chat turns, split so that no test instruction has a near twin in training.

The set paraphrases a few hundred instructions a hundred times each. A random split would put the twin of nearly every test
instruction into training and measure memory. So instructions that share nearly all their words are grouped, within an
intent, and a whole group goes to one side.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from finetune.conversations import Conversations
from finetune.recipe import DataPart
from rag.errors import DatasetError

COLUMNS = ("instruction", "intent", "response")
BROKEN = "\ufffd"
NEAR_TWIN = 0.8
"""Instructions whose word sets have this Jaccard similarity are near twins."""


def read_customer_service(part: DataPart, seed: int) -> Conversations:
    """The conversations of a Bitext file or hub data set, split by groups of near-twin instructions within each intent.

    Raises:
        DatasetError: the file is missing or lacks a column, or no row is left.
    """
    rows, dropped = usable_rows(read_table(part.path, part.revision))
    held = held_out_rows(rows, part.evaluation_share, seed)
    order = list(range(len(rows)))
    random.Random(seed).shuffle(order)
    train, held_out = [i for i in order if i not in held], [i for i in order if i in held]
    return Conversations(
        [conversation(rows[i]) for i in train],
        [conversation(rows[i]) for i in held_out],
        dropped,
        [rows[i]["intent"] for i in train],
        [rows[i]["intent"] for i in held_out],
    )


def conversation(row: dict[str, str]) -> list[dict[str, str]]:
    """A row as a user turn and an assistant turn."""
    return [
        {"role": "user", "content": row["instruction"].strip()},
        {"role": "assistant", "content": row["response"].strip()},
    ]


def usable_rows(rows: list[dict[str, Any]]) -> tuple[list[dict[str, str]], dict[str, int]]:
    """The rows that can be trained on, and how many were dropped for which reason."""
    kept: list[dict[str, str]] = []
    dropped: dict[str, int] = defaultdict(int)
    seen: set[tuple[str, str]] = set()
    for row in rows:
        texts = {name: str(row.get(name) or "") for name in COLUMNS}
        if not texts["instruction"].strip() or not texts["response"].strip():
            dropped["empty instruction or response"] += 1
        elif any(BROKEN in text for text in texts.values()):
            dropped["broken characters (U+FFFD)"] += 1
        elif (texts["instruction"], texts["response"]) in seen:
            dropped["repeated row"] += 1
        else:
            seen.add((texts["instruction"], texts["response"]))
            kept.append(texts)
    if not kept:
        raise DatasetError("No usable row is left: every row was empty, broken or repeated. Check the file.")
    return kept, dict(dropped)


def held_out_rows(rows: list[dict[str, str]], share: float, seed: int) -> set[int]:
    """The indexes of about `share` of the rows of each intent, in whole groups of near-twin instructions."""
    by_intent: dict[str, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        by_intent[row["intent"]].append(index)
    held: set[int] = set()
    rng = random.Random(seed)
    for intent in sorted(by_intent):
        indexes = by_intent[intent]
        groups = near_twins([rows[i]["instruction"] for i in indexes])
        rng.shuffle(groups)
        wanted = share * len(indexes)
        taken = 0
        for group in groups:
            if taken + len(group) <= max(wanted, 1) and wanted > 0:
                held.update(indexes[i] for i in group)
                taken += len(group)
    return held


def near_twins(texts: list[str]) -> list[list[int]]:
    """Groups of texts linked by near-twin pairs, each text in one group, groups in order of their first text.

    Numbers and placeholders count as one word each, so that only an order number does not make a new instruction.
    """
    words = [_words(text) for text in texts]
    parent = list(range(len(texts)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    by_words: dict[frozenset[str], int] = {}
    for index, found in enumerate(words):
        parent[root(index)] = root(by_words.setdefault(found, index))
    unique = list(by_words.items())
    postings: dict[str, list[int]] = defaultdict(list)
    for place, (found, index) in enumerate(unique):
        shared: dict[int, int] = defaultdict(int)
        for word in found:
            for other in postings[word]:
                shared[other] += 1
        for other, count in shared.items():
            if count >= NEAR_TWIN * (len(found) + len(unique[other][0]) - count):
                parent[root(index)] = root(unique[other][1])
        for word in found:
            postings[word].append(place)
    groups: dict[int, list[int]] = defaultdict(list)
    for index in range(len(texts)):
        groups[root(index)].append(index)
    return list(groups.values())


def _words(text: str) -> frozenset[str]:
    plain = re.sub(r"\{\{.*?\}\}|\d+", " 0 ", text.lower())
    return frozenset(re.findall(r"\w+", plain))


def read_table(path: str, revision: str = "") -> list[dict[str, Any]]:
    """The rows of a .csv, .csv.gz, .parquet or .jsonl file, or of a hub data set.

    Raises:
        DatasetError: it is not there, cannot be read, or lacks one of the columns.
    """
    file = Path(path)
    if file.is_file() and file.suffix in (".csv", ".gz"):
        rows = _read_csv(file)
    else:
        rows = _read_with_datasets(path, revision)
    missing = [name for name in COLUMNS if rows and name not in rows[0]]
    if missing or not rows:
        found = ", ".join(map(str, rows[0])) if rows else "no rows"
        raise DatasetError(
            f"{path} lacks {', '.join(missing) or 'rows'} (found: {found}). Expected {', '.join(COLUMNS)}."
        )
    return rows


def _read_csv(file: Path) -> list[dict[str, Any]]:
    try:
        raw = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise DatasetError(f"{file} cannot be read as UTF-8 CSV ({exc}). Save it again as UTF-8.") from exc


def _read_with_datasets(path: str, revision: str) -> list[dict[str, Any]]:
    import datasets

    kind = {".parquet": "parquet", ".jsonl": "json", ".json": "json"}.get(Path(path).suffix)
    try:
        if kind:
            found = datasets.load_dataset(kind, data_files=path, split="train")
        else:
            found = datasets.load_dataset(path, split="train", revision=revision or None)
        return list(found)
    except (OSError, ValueError, RuntimeError) as exc:
        reason = str(exc).strip().splitlines()[0] if str(exc).strip() else type(exc).__name__
        raise DatasetError(
            f"{path} cannot be read: {reason}. Give a csv, parquet or jsonl file, or a data set's id."
        ) from exc
