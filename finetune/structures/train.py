"""`python -m finetune.structures.train` trains the choice of a list or table.

    python -m finetune.structures.train --rows build/structures/rows.npz --out rag/answer/answer_routes/structures.npz

Takes seconds on a processor. A tenth of the questions is kept aside: of them the share is printed in which the list wanted is the
likeliest, and how many questions without one get one, by bar.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from finetune.exit_status import exit_status
from rag.answer.structure_choice import WEIGHTS, StructureModel
from rag.answer.structure_features import NAMES
from rag.errors import DatasetError

log = logging.getLogger(__name__)
UNITS, EPOCHS, RATE, DECAY = 16, 400, 0.01, 0.05
"""Units of the hidden layer, passes over all rows, rate and decay of AdamW."""
HELD_OUT = 0.1
BARS = (0.1, 0.15, 0.2, 0.3, 0.5, 0.7)
"""Least probabilities for which figures are printed."""
NOISE = 0.3
"""Standard deviation of the noise on the scaled features.

It keeps the network from learning single questions."""
SEED = 0


def train(features: NDArray[np.float32], labels: NDArray[np.bool_], seed: int = SEED) -> StructureModel:
    """Return a network fitted to rows, (n, features) and (n,)."""
    torch.manual_seed(seed)
    mean, scale = features.mean(0), features.std(0) + 1e-3
    inputs = torch.from_numpy((features - mean) / scale)
    wanted = torch.from_numpy(labels.astype(np.float32))
    network = nn.Sequential(nn.Linear(features.shape[1], UNITS), nn.ReLU(), nn.Linear(UNITS, 1))
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for _ in range(EPOCHS):
        noisy = inputs + NOISE * torch.randn_like(inputs)
        loss = nn.functional.binary_cross_entropy_with_logits(network(noisy).squeeze(1), wanted)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    first, last = network[0], network[2]
    return StructureModel(
        mean.astype(np.float32), scale.astype(np.float32), _array(first.weight).T.copy(), _array(first.bias),
        _array(last.weight)[0], _array(last.bias),
    )  # fmt: skip


def _array(tensor: Any) -> NDArray[np.float32]:
    found: Tensor = tensor.detach()
    return np.asarray(found.numpy(), np.float32)


def figures(model: StructureModel, rows: dict[str, NDArray[Any]], bars: tuple[float, ...]) -> list[str]:
    """Return lines of figures: what is right, and what gets a list wrongly.

    The list wanted is the likeliest and over the bar; questions without one get one."""
    chances = model.probabilities(rows["features"])
    right: list[tuple[float, bool]] = []
    none: list[float] = []
    for group in np.unique(rows["groups"]):
        one = rows["groups"] == group
        best = float(chances[one].max())
        if rows["labels"][one].any():
            right.append((best, bool(rows["labels"][one][chances[one].argmax()])))
        elif not rows["wanted"][one].any():
            none.append(best)
    lines = [
        f"{len(right)} questions with a list: the likeliest is right for {_share([ok for _, ok in right]):.3f}"
    ]
    for bar in bars:
        given = [ok for best, ok in right if best >= bar]
        lines.append(
            f"bar {bar:.2f}: right {sum(given) / max(1, len(right)):.3f}, another {(len(given) - sum(given)) / max(1, len(right)):.3f}; "
            f"of {len(none)} questions without one {_share([best >= bar for best in none]):.3f} get one"
        )
    return lines


def _share(values: list[bool]) -> float:
    return sum(values) / max(1, len(values))


def main() -> None:
    """Read the command line, train and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with np.load(given.rows, allow_pickle=False) as arrays:
        rows = {name: arrays[name] for name in arrays.files}
    if tuple(map(str, rows.pop("names"))) != NAMES:
        raise DatasetError(
            f"{given.rows} has other features; make it with `python -m benchmarks.questions.list_rows`"
        )
    aside = np.isin(rows["groups"], _aside(rows["groups"]))
    model = train(rows["features"][~aside], rows["labels"][~aside])
    kept = {name: one[aside] for name, one in rows.items()}
    for line in figures(model, kept, BARS):
        log.info(line)
    train(rows["features"], rows["labels"]).save(given.out)


def _aside(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    names = np.unique(groups)
    return np.random.default_rng(SEED).choice(names, int(HELD_OUT * len(names)), replace=False)


if __name__ == "__main__":
    sys.exit(exit_status(main))
