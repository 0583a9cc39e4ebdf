"""The figures of a scorer as it ships, on every test, as a Markdown table.

    python -m finetune.evidence.evaluate --data build/evidence-packed [--scorer FOLDER] [--out runs.npz]

The network runs on OpenVINO with its rounded weights; thresholds and calibration are those of `valid`.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetune.evidence.figures import report
from finetune.evidence.packed import LONGEST, Packed, load_packed
from rag.answer.evidence_encoding import Window
from rag.answer.evidence_network import batches_of, build_graph, inputs_of
from rag.answer.evidence_scorer import WEIGHTS, WEIGHTS_FOLDER
from rag.embedding.openvino_embedder import openvino_core


@dataclass(frozen=True, slots=True)
class Run:
    """The logits of all sentences and pairs of a part."""

    sentence: NDArray[np.float32]
    pair: NDArray[np.float32]


def compiled(weights: dict[str, NDArray[Any]]) -> Any:
    """Return the network of a scorer's weights, compiled."""
    return openvino_core().compile_model(build_graph(weights), "CPU", {"PERFORMANCE_HINT": "LATENCY"})


def run(network: Any, part: Packed) -> Run:
    """Return the logits of a part by a compiled network, in the part's order.

    A pair that occurs several times is read once.
    """
    pairs = [
        (asked, index) for row, asked in enumerate(part.asked.tolist()) for index in part.shown[row].tolist()
    ]
    different = list(dict.fromkeys(pairs))
    windows = [_window(part, asked, index) for asked, index in different]
    found: dict[tuple[int, int], tuple[NDArray[np.float32], float]] = {}
    request = network.create_infer_request()
    for rows in batches_of([len(window.ids) for window in windows], 1):
        request.infer(inputs_of([windows[row] for row in rows]))
        sentence, pair = (np.array(request.get_output_tensor(n).data, np.float32) for n in range(2))
        for line, row in enumerate(rows):
            seen = np.unique(windows[row].sentence[windows[row].sentence >= 0])
            logits = np.full(int(part.sentences[different[row][1]]), -30.0, np.float32)
            logits[seen] = sentence[line, : len(seen)]
            found[different[row]] = logits, float(pair[line])
    return Run(
        np.concatenate([found[pair][0] for pair in pairs]),
        np.array([found[pair][1] for pair in pairs], np.float32),
    )


def _window(part: Packed, asked: int, index: int) -> Window:
    """Return the input of a question and a passage."""
    head, body, of = part.heads[asked], part.bodies[index], part.sentence[index].astype(np.int64)
    if len(head) + len(body) > LONGEST:
        longest = LONGEST - len(head)
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
