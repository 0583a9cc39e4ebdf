"""Examples on disk: the passages once, and examples that refer to them.

There is a file of examples for each part. A passage is in many examples; storing it once keeps 40,000
examples near 10 MB.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from finetune.grounded.json_lines import read_lines, whole, write_lines
from finetune.grounded.passages import passage
from finetune.grounded.types import Example, Note
from rag.errors import DatasetError
from rag.prompt import PromptStyle, render
from rag.types import Chunk

PASSAGES = "passages.jsonl.gz"
BUILD = "Build them with: python -m finetune.grounded.build --data DIR --library DIR --out DIR"


def conversation(example: Example) -> list[dict[str, str]]:
    """The example as chat messages: the product's own prompt, and the answer."""
    turns = render(PromptStyle.READER, example.question, [note.chunk() for note in example.notes])
    asked = [{"role": turn.role.value, "content": turn.content} for turn in turns]
    return [*asked, {"role": "assistant", "content": example.target}]


def save(folder: Path, parts: Mapping[str, Iterable[Example]]) -> dict[str, int]:
    """Write the parts under `folder`; return the number of examples of each."""
    known: dict[str, Chunk] = {}
    counts: dict[str, int] = {}
    for name, examples in parts.items():
        rows = []
        for example in examples:
            known.update({note.passage.id: note.passage for note in example.notes})
            rows.append(_packed(example))
        counts[name] = len(rows)
        write_lines(folder / f"{name}.jsonl.gz", rows)
    write_lines(folder / PASSAGES, map(_passage_row, known.values()))
    return counts


def test_parts(folder: Path) -> list[str]:
    """The parts of a folder that are there to be measured on, by name.

    Raises:
        DatasetError: it has none.
    """
    found = sorted(path.name.removesuffix(".jsonl.gz") for path in folder.glob("test-*.jsonl.gz"))
    if not found:
        raise DatasetError(f"{folder} has no examples to measure on. {BUILD}")
    return found


def load(folder: Path, part: str) -> list[Example]:
    """The examples of one part, in the order saved.

    Raises:
        DatasetError: the folder was not built, or not whole.
    """
    with whole(folder, f"the grounded examples {part!r}", BUILD):
        passages = {row["id"]: _passage(row) for row in read_lines(folder / PASSAGES)}
        return [_unpacked(row, passages) for row in read_lines(folder / f"{part}.jsonl.gz")]


def _packed(example: Example) -> dict[str, Any]:
    return {
        "id": example.id,
        "source": example.source,
        "question": example.question,
        "notes": [[note.passage.id, note.cut] if note.cut else [note.passage.id] for note in example.notes],
        "target": example.target,
        "gold": list(example.gold),
        "answers": list(example.answers),
    }


def _unpacked(row: dict[str, Any], passages: dict[str, Chunk]) -> Example:
    notes = tuple(Note(passages[item[0]], item[1] if len(item) > 1 else "") for item in row["notes"])
    return Example(
        row["id"],
        row["source"],
        row["question"],
        notes,
        row["target"],
        tuple(row["gold"]),
        tuple(row["answers"]),
    )


def _passage_row(chunk: Chunk) -> dict[str, Any]:
    return {
        "id": chunk.id,
        "document": chunk.document,
        "ordinal": chunk.ordinal,
        "title": chunk.title,
        "headings": list(chunk.headings),
        "text": chunk.text,
    }


def _passage(row: dict[str, Any]) -> Chunk:
    return passage(row["document"], row["ordinal"], row["text"], row["title"], tuple(row["headings"]))
