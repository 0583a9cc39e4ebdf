"""Rows of the Bitext customer-service set as conversations, split without leakage.

The set paraphrases a few hundred instructions a hundred times each. A random split would put a paraphrase of
nearly every test instruction into training and measure memory. So instructions that share nearly all their
words are grouped, whatever their intent (`modify purchase 12, help me` differs from `cancel purchase 12, help
me` in one word), and a whole group goes to one side.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import random
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from finetune.conversations import Conversations
from finetune.recipe import DataPart
from finetune.requirements import ask_hub, is_hub_id, require_packages, unreachable
from rag.errors import DatasetError

COLUMNS = ("instruction", "intent", "response")
FILE_TYPES = (".csv", ".gz", ".parquet", ".jsonl", ".json")
BROKEN = "\ufffd"
NEAR_TWIN = 0.8
"""The Jaccard similarity of the word sets of near-duplicate instructions."""


def read_customer_service(part: DataPart, seed: int) -> Conversations:
    """Return the conversations of a Bitext file or of a hub's data set.

    They are split by groups of near-duplicate instructions.

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
    """Return the indexes of about `share` of the rows of each intent.

    They are whole groups of near-duplicate instructions. A group is held out if none of its intents gets more
    than its share.
    """
    room = {
        intent: max(1, int(share * count)) for intent, count in Counter(row["intent"] for row in rows).items()
    }
    held: set[int] = set()
    groups = near_twins([row["instruction"] for row in rows]) if share > 0 else []
    random.Random(seed).shuffle(groups)
    for group in groups:
        needed = Counter(rows[index]["intent"] for index in group)
        if all(count <= room[intent] for intent, count in needed.items()):
            held.update(group)
            for intent, count in needed.items():
                room[intent] -= count
    return held


def near_twins(texts: list[str]) -> list[list[int]]:
    """Return groups of texts that are linked by pairs of near-duplicates.

    Each text is in one group; groups are in order of their first text. Numbers and placeholders count as one
    word each, so that an order number alone does not make a new instruction.
    """
    places: dict[frozenset[str], list[int]] = defaultdict(list)
    for index, text in enumerate(texts):
        places[_words(text)].append(index)
    unique = list(places)
    parent = list(range(len(unique)))

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    for first, second in twin_pairs(unique):
        parent[root(first)] = root(second)
    groups: dict[int, list[int]] = defaultdict(list)
    for at, words in enumerate(unique):
        groups[root(at)] += places[words]
    return sorted((sorted(group) for group in groups.values()), key=lambda group: group[0])


def twin_pairs(sets: Sequence[frozenset[str]]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of places whose word sets are near-duplicates.

    Equal sets must be one. Two sets of at least `t` similarity share one of the rarest words of each: of a
    set of n words, the n - ceil(t n) + 1 rarest. Only sets that do are compared, so that the common words,
    which are in nearly all sets, cost nothing.

    Source: prefix filtering, Chaudhuri, Ganti and Kaushik 2006.
    """
    frequency = Counter(word for words in sets for word in words)
    holding: dict[str, list[int]] = defaultdict(list)
    for place, words in enumerate(sets):
        rare = sorted(words, key=lambda word: (frequency[word], word))
        rare = rare[: len(rare) - math.ceil(NEAR_TWIN * len(rare) - 1e-9) + 1]
        for other in {other for word in rare for other in holding[word]}:
            shared = len(words & sets[other])
            if shared >= NEAR_TWIN * (len(words) + len(sets[other]) - shared):
                yield place, other
        for word in rare:
            holding[word].append(place)


def _words(text: str) -> frozenset[str]:
    plain = re.sub(r"\{\{.*?\}\}|\d+", " 0 ", text.lower())
    return frozenset(re.findall(r"\w+", plain))


def read_table(path: str, revision: str = "") -> list[dict[str, Any]]:
    """The rows of a .csv, .csv.gz, .parquet or .jsonl file, or of a hub data set.

    Raises:
        DatasetError: it is not there, cannot be read, or lacks one of the columns.
    """
    file = Path(path)
    if file.suffix in FILE_TYPES and not file.is_file():
        raise DatasetError(f"There is no file {path}. Give a csv, parquet or jsonl file, or a data set's id.")
    table = file.suffix in (".csv", ".gz")
    rows = _read_csv(file) if table else _read_with_datasets(path, revision)
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
    except (OSError, EOFError, zlib.error) as exc:
        raise DatasetError(f"{file} is damaged or cut short ({exc}). Copy or download it again.") from exc
    except (UnicodeDecodeError, csv.Error) as exc:
        raise DatasetError(f"{file} cannot be read as UTF-8 CSV ({exc}). Save it again as UTF-8.") from exc


def _read_with_datasets(path: str, revision: str) -> list[dict[str, Any]]:
    require_packages("datasets")
    import datasets

    asked = ask_hub(f"the data set {path}") if is_hub_id(path) else True
    kind = {".parquet": "parquet", ".jsonl": "json", ".json": "json"}.get(Path(path).suffix)
    try:
        if kind:
            found = datasets.load_dataset(kind, data_files=path, split="train")
        else:
            found = datasets.load_dataset(path, split="train", revision=revision or None)
        return list(found)
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as exc:
        cause = str(exc.__cause__ or exc).strip()  # `datasets` wraps the cause in "an error occurred"
        reason = cause.splitlines()[0].rstrip(".") if cause else type(exc).__name__
        if not asked:
            reason = unreachable("the data set")
        raise DatasetError(
            f"{path} cannot be read: {reason}. Give a csv, parquet or jsonl file, or a data set's id."
        ) from exc
