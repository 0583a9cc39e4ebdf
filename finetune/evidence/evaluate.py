"""The figures of a scorer as it ships, on every test, as a Markdown table.

    python -m finetune.evidence.evaluate --data build/evidence-packed [--scorer FOLDER] [--out runs.npz]

The network runs on OpenVINO with its rounded weights; thresholds and calibration are those of `valid`.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from finetune.evidence.figures import report
from finetune.evidence.packed import Packed, load_packed
from rag.answer.evidence_encoding import Window
from rag.answer.evidence_network import CompiledNetwork, build_graph, inputs_of
from rag.answer.evidence_scorer import WEIGHTS, WEIGHTS_FOLDER
from rag.answer.pair_scorer import Outputs

AT_ONCE = 64
"""Windows that a network is given at once: what it prepares for them is in memory."""


@dataclass(frozen=True, slots=True)
class Run:
    """The logits of all sentences and pairs of a part."""

    sentence: NDArray[np.float32]
    pair: NDArray[np.float32]


class Network(Protocol):
    """A network that reads windows (`rag.answer.evidence_network.CompiledNetwork`)."""

    def run(self, windows: list[Window]) -> Outputs: ...


def compiled(weights: dict[str, NDArray[Any]]) -> CompiledNetwork:
    """Return the network of a scorer's weights."""
    return CompiledNetwork(lambda: build_graph(weights), inputs_of)


def run(network: Network, part: Packed) -> Run:
    """Return the logits of a part by a network, in the part's order.

    A pair that occurs several times is read once.
    """
    pairs = [
        (asked, index) for row, asked in enumerate(part.asked.tolist()) for index in part.shown[row].tolist()
    ]
    windows = {pair: _window(part, *pair) for pair in pairs}
    found: dict[tuple[int, int], tuple[NDArray[np.float32], float]] = {}
    order = sorted(windows, key=lambda pair: len(windows[pair].ids))
    for start in range(0, len(order), AT_ONCE):
        some = order[start : start + AT_ONCE]
        for rows, (sentence, pair) in network.run([windows[one] for one in some]):
            for line, row in enumerate(rows):
                of = windows[some[row]].sentence
                seen = np.unique(of[of >= 0])
                logits = np.full(int(part.sentences[some[row][1]]), -30.0, np.float32)
                logits[seen] = sentence[line, : len(seen)]
                found[some[row]] = logits, float(pair[line])
    return Run(
        np.concatenate([found[pair][0] for pair in pairs]),
        np.array([found[pair][1] for pair in pairs], np.float32),
    )


def _window(part: Packed, asked: int, index: int) -> Window:
    """Return the input of a question and a passage."""
    head, body, of = part.heads[asked], part.bodies[index], part.sentence[index].astype(np.int64)
    if len(head) + len(body) > part.longest:
        longest = part.longest - len(head)
        body, of = np.append(body[: longest - 1], body[-1]), np.append(of[: longest - 1], 255)
    sentence = np.concatenate([np.full(len(head), -1), np.where(of == 255, -1, of)])
    return Window(np.concatenate([head, body]).astype(np.int64), len(head), sentence)


def main() -> None:
    """Read the arguments and print the table."""
    from safetensors.numpy import load_file

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder made by finetune.evidence.packing")
    parser.add_argument("--scorer", type=Path, default=WEIGHTS_FOLDER, help="folder of the weights")
    parser.add_argument("--out", type=Path, help="file that keeps all logits")
    args = parser.parse_args()
    network = compiled(load_file(args.scorer / WEIGHTS))
    files = [path for path in sorted(args.data.glob("*.npz")) if path.stem != "train"]
    parts = {path.stem: load_packed(path) for path in files}
    runs = {name: run(network, part) for name, part in parts.items()}
    if args.out:
        kept: dict[str, Any] = {f"{name}/sentence": found.sentence for name, found in runs.items()}
        kept |= {f"{name}/pair": found.pair for name, found in runs.items()}
        np.savez(args.out, **kept)
    sys.stdout.write(report(parts, runs) + "\n")


if __name__ == "__main__":
    from finetune.exit_status import exit_status

    sys.exit(exit_status(main))
