"""Examples packed as arrays of word pieces, one file a part.

`python -m finetune.evidence.packing --examples DIR --out DIR`; with `--model FILE` in the tokens of a GGUF
file's model (`finetune.evidence.lm_training`).
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from finetune.evidence.packed import Packed, Ragged, save_packed

log = logging.getLogger(__name__)


class Encoder(Protocol):
    """The tokens of questions and passages."""

    def head(self, question: str) -> list[int]: ...
    def body(self, context: str, text: str) -> tuple[list[int], Any, int]: ...


def pack(examples: Sequence[Any], encoder: Encoder | None = None) -> Packed:
    """Return examples (`finetune.evidence.examples`) as arrays.

    They are in the evidence scorer's word pieces unless there is another encoder.
    """
    if encoder is None:
        from rag.answer.evidence_encoding import PairEncoder

        encoder = PairEncoder.installed()
    questions: dict[str, int] = {}
    passages: dict[Any, int] = {}
    for example in examples:
        questions.setdefault(example.question, len(questions))
        for shown in example.passages:
            passages.setdefault(shown, len(passages))
    bodies, sentences, counts = [], [], []
    for shown in passages:
        body, of, count = encoder.body(shown.context, shown.text)
        bodies.append(body)
        sentences.append(np.where((of >= 0) & (of < 255), of, 255))
        counts.append(min(count, 255))
    flags: dict[str, list[list[bool]]] = {"evidence": [], "right": []}
    for example in examples:
        places = [
            (slot, number)
            for slot, shown in enumerate(example.passages)
            for number in range(counts[passages[shown]])
        ]
        for name, rows in flags.items():
            marks = set(map(tuple, getattr(example, name)))
            rows.append([place in marks for place in places])
    origins = [0 if example.origin.startswith("teacher") else 1 for example in examples]
    return Packed(
        heads=Ragged.of([encoder.head(text) for text in questions], np.int64),
        bodies=Ragged.of(bodies, np.int64),
        sentence=Ragged.of(sentences, np.uint8),
        sentences=np.array(counts, np.int64),
        asked=np.array([questions[example.question] for example in examples], np.int64),
        origin=np.array(origins, np.int64),
        shown=Ragged.of([[passages[s] for s in example.passages] for example in examples], np.int64),
        gold=Ragged.of(
            [[slot in example.gold for slot in range(len(example.passages))] for example in examples],
            np.bool_,
        ),
        evidence=Ragged.of(flags["evidence"], np.bool_),
        right=Ragged.of(flags["right"], np.bool_),
        ignored=Ragged.of([[False] * len(example.passages) for example in examples], np.bool_),
        weak=np.array([example.weak for example in examples], np.int64),
    )


def main() -> None:
    """Pack every part of a folder of examples."""
    from finetune.evidence.examples import load, parts_of

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="GGUF file of a language model; pack in its tokens")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    encoder = None
    if args.model:
        from rag.answer.second_reader.encoding import LmEncoder
        from rag.chat_models.files.gguf_header import read_header

        encoder = LmEncoder.of(read_header(args.model))
    for name in parts_of(args.examples):
        part = pack(load(args.examples, name), encoder)
        if encoder is not None:
            part = replace(part, longest=encoder.longest)
        save_packed(args.out / f"{name}.npz", part)
        log.info("%s: %d examples, %.1f M tokens", name, len(part), part.lengths().sum() / 1e6)


if __name__ == "__main__":
    from finetune.exit_status import exit_status

    sys.exit(exit_status(main))
