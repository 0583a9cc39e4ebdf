"""Training examples of the evidence scorer, and their files.

A folder has `passages.jsonl.gz` (each passage once) and one `PART.jsonl.gz` for each part: `train`, `valid`,
`test-NAME`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from finetune.grounded.json_lines import read_lines, whole, write_lines
from rag.errors import DatasetError
from rag.passage_text import context_line
from rag.types import Chunk

PASSAGES = "passages.jsonl.gz"
BUILD = "Build them with: python -m finetune.evidence.build --data DIR --library DIR --out DIR"
Mark = tuple[int, int]
"""A slot of an example and a sentence of the passage in it."""


@dataclass(frozen=True, slots=True)
class ShownPassage:
    """A passage as the scorer reads it."""

    context: str
    text: str

    @classmethod
    def of(cls, chunk: Chunk) -> ShownPassage:
        """Return the passage of a chunk."""
        return cls(context_line(chunk), chunk.text)


@dataclass(frozen=True, slots=True)
class EvidenceExample:
    """A question, the passages shown with it, and the sentences that answer it.

    `evidence` is empty where no passage answers. `right` marks the sentences that contain a gold answer
    (tests only); `origin` says who asked: `human`, `written`, `rule`, `teacher-STYLE`. `weak`: the marked
    passage answers, but perhaps not every marked sentence does.
    """

    source: str
    origin: str
    question: str
    passages: tuple[ShownPassage, ...]
    evidence: tuple[Mark, ...]
    right: tuple[Mark, ...] = ()
    weak: bool = False

    @property
    def gold(self) -> tuple[int, ...]:
        """The slots whose passage answers."""
        return tuple(sorted({slot for slot, _ in self.evidence}))


def save(folder: Path, parts: Mapping[str, Iterable[EvidenceExample]]) -> dict[str, int]:
    """Write the parts under `folder` and return how many examples each has."""
    known: dict[ShownPassage, int] = {}
    counts: dict[str, int] = {}
    for name, examples in parts.items():
        rows = [
            {
                "source": example.source,
                "origin": example.origin,
                "question": example.question,
                "passages": [known.setdefault(shown, len(known)) for shown in example.passages],
                "evidence": example.evidence,
                "right": example.right,
                "weak": example.weak,
            }
            for example in examples
        ]
        counts[name] = len(rows)
        write_lines(folder / f"{name}.jsonl.gz", rows)
    write_lines(folder / PASSAGES, ({"context": shown.context, "text": shown.text} for shown in known))
    return counts


def load(folder: Path, part: str) -> list[EvidenceExample]:
    """Return the examples of one part, in the order saved.

    Raises:
        DatasetError: the folder was not built, or is damaged.
    """
    with whole(folder, f"the evidence examples {part!r}", BUILD):
        shown = [ShownPassage(row["context"], row["text"]) for row in read_lines(folder / PASSAGES)]
        return [
            EvidenceExample(
                row["source"],
                row["origin"],
                row["question"],
                tuple(shown[index] for index in row["passages"]),
                tuple((slot, sentence) for slot, sentence in row["evidence"]),
                tuple((slot, sentence) for slot, sentence in row["right"]),
                row["weak"],
            )
            for row in read_lines(folder / f"{part}.jsonl.gz")
        ]


def parts_of(folder: Path) -> list[str]:
    """Return the names of the parts in a folder, training first.

    Raises:
        DatasetError: it has none.
    """
    found = {path.name.removesuffix(".jsonl.gz") for path in folder.glob("*.jsonl.gz")} - {"passages"}
    if not found:
        raise DatasetError(f"{folder} has no evidence examples. {BUILD}")
    return sorted(found, key=lambda name: (name != "train", name != "valid", name))
