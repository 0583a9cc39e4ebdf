"""Training of a language model as evidence scorer.

    python -m finetune.evidence.packing --examples DIR --out PACKED --model FILE
    python -m finetune.evidence.lm_training --model FILE --data PACKED --out DIR

It answers what the scorer's examples can teach a network that is larger than the scorer. `--judge FILE` writes
the trained network's logits of the training examples; a run of a smaller model learns from them with `--taught
FILE`, whatever its tokens are. `--depth N` reads the first N layers of the model. `--start DIR` trains on from an
earlier run, and `--keep 0.5` ends with the mean of both.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from finetune.evidence.batches import Sizes
from finetune.evidence.lm_export import CALIBRATION, TRAINED
from finetune.evidence.lm_export import RECIPE as RECIPE_FILE
from finetune.evidence.lm_network import LmNetwork
from finetune.evidence.packed import Packed, load_packed
from finetune.evidence.prediction import predict
from finetune.evidence.train import Recipe, fit, training_batches

log = logging.getLogger(__name__)

RECIPE = Recipe(
    epochs=1.0,
    tokens=32768,
    rate=4e-4,
    head_rate=1e-3,
    warm_up=0.04,
    masked=0.0,
    average=0.99,
    doubt=1.0,
    taught=0.5,
)


def train_lm(network: LmNetwork, part: Packed, recipe: Recipe, seconds: float = 1e9) -> None:
    """Train the adapters and heads of a network."""
    batches = training_batches(part, recipe, Sizes.for_tokens(recipe.tokens))
    heads = [*network.sentence.parameters(), *network.passage.parameters(), network.none]
    known = {id(value) for value in heads}
    adapters = [value for value in network.parameters() if id(value) not in known]
    optimizer = torch.optim.AdamW(
        [{"params": adapters, "lr": recipe.rate}, {"params": heads, "lr": recipe.head_rate}],
        weight_decay=recipe.decay,
        fused=True,
    )
    if network.embedding.is_cuda:
        for layer in network.layers:
            layer.compile(dynamic=False)
    fit(network, batches, optimizer, recipe, part.longest, seconds)


def mean_of(old: dict[str, Tensor], new: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """Return the mean of two networks' weights, `share` in [0, 1] of it the old one's.

    Source: Wortsman et al. 2022, "Robust fine-tuning of zero-shot models": it keeps what the start could do.
    """
    return {name: torch.lerp(value.float(), old[name].float(), share) for name, value in new.items()}


def with_teacher(part: Packed, file: Path | None) -> Packed:
    """Return the part with the logits of a file that `--judge` wrote."""
    if file is None:
        return part
    with np.load(file) as taught:
        return part.with_teacher(taught["sentence"], taught["pair"])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, help="GGUF file of a Qwen2 or Llama model")
    parser.add_argument("--data", type=Path, required=True, help="folder packed in the model's tokens")
    parser.add_argument("--out", type=Path, required=True, help="folder for the adapters and heads")
    parser.add_argument("--limit", type=int, default=0, help="most training examples, for a trial")
    parser.add_argument("--seconds", type=float, default=1e9, help="most seconds of training")
    parser.add_argument("--epochs", type=float, default=RECIPE.epochs)
    parser.add_argument("--rate", type=float, default=RECIPE.rate)
    parser.add_argument("--depth", type=int, default=0, help="layers that are read (default: all)")
    parser.add_argument("--start", type=Path, default=None, help="folder of an earlier run, to train on from")
    parser.add_argument(
        "--keep", type=float, default=0.0, help="share of its weights in the mean with the new"
    )
    parser.add_argument("--taught", type=Path, default=None, help="a teacher's logits, written with --judge")
    parser.add_argument(
        "--judge", type=Path, default=None, help="file for the logits of the training examples"
    )
    return parser.parse_args()


def main() -> None:
    """Train, print the figures of every test, write the adapters and heads."""
    from safetensors.torch import load_file, save_file

    from finetune.evidence.figures import calibrate, features, report

    args = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", force=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(0)
    from finetune.evidence.qwen2 import load

    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    network = LmNetwork(load(args.model, device, dtype, tied=True), depth=args.depth)
    start = load_file(args.start / TRAINED, device) if args.start else {}
    if start:
        network.load_state_dict(start)
    whole = part = with_teacher(load_packed(args.data / "train.npz"), args.taught)
    if args.limit:
        part = part.take(np.arange(min(args.limit, len(part))))
    log.info("%d examples, %.1f M tokens", len(part), part.lengths().sum() / 1e6)
    share = RECIPE.taught if args.taught else 0.0
    recipe = replace(RECIPE, epochs=args.epochs, rate=args.rate, taught=share)
    train_lm(network, part, recipe, args.seconds)
    if start:
        network.load_state_dict(mean_of(start, network.state_dict(), args.keep))
    args.out.mkdir(parents=True, exist_ok=True)
    state = {name: value.half().cpu().contiguous() for name, value in network.state_dict().items()}
    save_file(state, args.out / TRAINED)
    facts: dict[str, Any] = {**asdict(recipe), "layers": len(network.layers)}
    if args.start:
        facts |= {"kept": args.keep, "start": json.loads((args.start / RECIPE_FILE).read_text("utf-8"))}
    (args.out / RECIPE_FILE).write_text(json.dumps(facts, indent=1), "utf-8")
    names = sorted(path.stem for path in args.data.glob("*.npz") if path.stem != "train")
    parts = {name: load_packed(args.data / f"{name}.npz") for name in names}
    found = {name: predict(network, part) for name, part in parts.items()}
    calibration = asdict(calibrate(features(parts["valid"], found["valid"])))
    (args.out / CALIBRATION).write_text(json.dumps(calibration, indent=1), "utf-8")
    sys.stdout.write(report(parts, found) + "\n")
    if args.judge:
        judged = predict(network, whole)
        np.savez_compressed(
            args.judge, sentence=judged.sentence.astype(np.float16), pair=judged.pair.astype(np.float16)
        )


if __name__ == "__main__":
    from finetune.exit_status import exit_status

    sys.exit(exit_status(main))
