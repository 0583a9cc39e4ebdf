"""Training speed in useful tokens a second, TRL's beside our recipe's.

TRL runs with its defaults and with its fastest settings.

    make bench-finetune ROWS=bitext-27k.csv.gz           the embedded model on a CPU, Llama 3 8B's shape on a GPU

Useful tokens are those of the rows; padding does not count. Both sides train the same adapter on the same
frozen nf4 weights for the same rows in the same run, after a warm-up that is not counted. The 8B weights are
random: speed and memory do not depend on their values. Their rows are cut by the embedded model's tokenizer,
or by that of `--tokenizer FOLDER`.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.finetune.trl_sides import has_liger, packed_by_trl, usual
from finetune.base_model import Base, load_base, load_tokenizer, local_device
from finetune.dataset import read_conversations
from finetune.encoding import Encoded, encode_all
from finetune.memory import checkpointing
from finetune.packing import register_varlen
from finetune.recipe import Recipe, load_recipe
from finetune.trainer import make_trainer

LLAMA3_8B = {
    "vocab_size": 128_256,
    "hidden_size": 4096,
    "intermediate_size": 14_336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 8192,
    "rope_parameters": {"rope_type": "default", "rope_theta": 500_000.0},
}
"""Source: config.json of meta-llama/Meta-Llama-3-8B-Instruct."""


@dataclass(frozen=True, slots=True)
class Speed:
    """One side of the comparison."""

    side: str
    tokens_per_second: float
    seconds: float
    useful_tokens: int
    peak_gigabytes: float
    loss: float


def random_nf4(shape: dict[str, Any], tokenizer: str, attention: str) -> Base:
    """Return a Llama of this shape with random weights, its linear layers in nf4.

    The output layer is not in nf4, as after an ordinary load.
    """
    import bitsandbytes
    from transformers import AutoModelForCausalLM, LlamaConfig

    torch.manual_seed(0)
    with torch.device(local_device()):
        model: Any = AutoModelForCausalLM.from_config(
            LlamaConfig(**shape), dtype=torch.bfloat16, attn_implementation=attention
        )
    for name, module in list(model.named_modules()):
        if not isinstance(module, torch.nn.Linear) or name == "lm_head":
            continue
        with torch.device("meta"):  # its own first weights would be drawn on the CPU, a minute for 8B
            linear = bitsandbytes.nn.Linear4bit(
                module.in_features,
                module.out_features,
                bias=False,
                compute_dtype=torch.bfloat16,
                quant_type="nf4",
            )
        weight = bitsandbytes.nn.Params4bit(
            module.weight.data, requires_grad=False, compress_statistics=True, quant_type="nf4"
        )
        linear.weight = weight.to(local_device())
        model.get_submodule(name.rpartition(".")[0]).register_module(name.rpartition(".")[2], linear)
    model.requires_grad_(False)
    model.is_loaded_in_4bit = True
    return Base(model, load_tokenizer(tokenizer), {})


def timed(side: str, trainer: Any, useful: int, warm_up_steps: int) -> Speed:
    """Train for a few steps, then once over all rows, and measure the second time."""
    whole = trainer.args.max_steps
    trainer.args.max_steps = warm_up_steps
    trainer.train()
    trainer.args.max_steps = whole
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    started = time.perf_counter()
    result = trainer.train()
    if cuda:
        torch.cuda.synchronize()
    seconds = time.perf_counter() - started
    peak = torch.cuda.max_memory_allocated() / 1e9 if cuda else 0.0
    return Speed(side, useful / seconds, seconds, useful, peak, float(result.training_loss))


def main() -> None:
    """Print a line for each side as it is measured, and the comparison.

    Of several processes only the first prints.
    """
    args = _arguments()
    with tempfile.TemporaryDirectory() as scratch:
        _compare(args, Path(scratch))


def _compare(args: argparse.Namespace, scratch: Path) -> None:
    eight = args.model == "llama3-8b"
    recipe = load_recipe("llama3-8b-customer-service" if eight else "smollm2-135m-customer-service")
    shape = LLAMA3_8B | ({"num_hidden_layers": args.layers} if args.layers else {})
    recipe = _changed(recipe, args)
    if eight:  # the estimate that decides about checkpointing reads the shape from a folder
        (scratch / "config.json").write_text(json.dumps(shape), "utf-8")
        recipe = recipe.model_copy(update={"model": recipe.model.model_copy(update={"base": str(scratch)})})
    rows = read_conversations(recipe.data, 0).train
    encoded, _ = encode_all(load_tokenizer(args.tokenizer), rows, recipe.training.context_tokens)
    useful = sum(len(row.input_ids) for row in encoded)
    _say(f"{len(encoded)} rows, {useful:,} tokens, {local_device()}, torch {torch.__version__}")

    def base(attention: str) -> Base:
        if eight:
            return random_nf4(shape, args.tokenizer, attention)
        return load_base(recipe.model, bfloat16=torch.cuda.is_available(), attention=attention)

    def ours(changed: Recipe, part: list[Encoded], folder: str) -> Any:
        return make_trainer(changed, base(register_varlen()), part, [], Path(folder))

    few = encoded[: max(1, len(encoded) // 6)]
    one = _training(recipe, batch_rows=1)
    kept = _training(recipe, gradient_checkpointing=True)
    sides: list[tuple[str, Any, int, int]] = [
        ("TRL defaults", lambda d: usual(base("sdpa"), recipe, rows, d), useful, 2),
        ("TRL bfd", lambda d: packed_by_trl(base(register_varlen()), recipe, rows, d), useful, 2),
        ("this recipe", lambda d: ours(recipe, encoded, d), useful, 2),
    ]
    if args.ours_only:
        sides = sides[2:]
    elif eight:
        sides.append(("... at batch 1", lambda d: ours(one, few, d), sum(len(r.input_ids) for r in few), 1))
        sides.append(
            ("... checkpointed", lambda d: ours(kept, few, d), sum(len(r.input_ids) for r in few), 1)
        )
    speeds = {}
    for side, make, tokens, warm_up in sides:
        started = time.perf_counter()
        trainer = make(str(scratch / "run"))
        _say(f"({side}: model and rows ready after {time.perf_counter() - started:.0f} s)")
        speeds[side] = timed(side, trainer, tokens, warm_up)
        del trainer
        _report(speeds[side], args.out)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
            if torch.cuda.memory_allocated() > 1e8:
                _say(f"({torch.cuda.memory_allocated() / 1e9:.1f} GB of it are still in use)")
    if args.ours_only:
        return
    _say(f"recomputes activations: {checkpointing(recipe)}; Liger's kernels: {has_liger()}")
    for other in ("TRL defaults", "TRL bfd"):
        ratio = speeds["this recipe"].tokens_per_second / speeds[other].tokens_per_second
        _say(f"this recipe: {ratio:.2f} times {other}")


def _report(speed: Speed, out: Path | None) -> None:
    _say(
        f"{speed.side:<18}{speed.tokens_per_second:>9,.0f} useful tokens/s {speed.peak_gigabytes:>7.1f} GB at most "
        f"{speed.seconds:>7.1f} s  loss {speed.loss:.3f}"
    )
    if out and _is_first():
        with out.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(speed)) + "\n")


def _say(line: str) -> None:
    if _is_first():
        print(line, flush=True)


def _is_first() -> bool:
    """Return whether this is the only process, or under torchrun the first.

    Each process counts the tokens of all of them.
    """
    return os.environ.get("RANK", "0") == "0"


def _training(recipe: Recipe, **changes: Any) -> Recipe:
    return recipe.model_copy(update={"training": recipe.training.model_copy(update=changes)})


def _changed(recipe: Recipe, args: argparse.Namespace) -> Recipe:
    """Return the recipe for one pass over so many rows.

    Nothing is saved or evaluated on the way.
    """
    data = recipe.data.model_copy(update={"path": args.rows, "limit": args.count, "evaluation_share": 0.0})
    recipe = _training(recipe, epochs=1.0, steps=0, evaluations=0, checkpoints=0)
    if args.batch_rows:
        recipe = _training(recipe, batch_rows=args.batch_rows, accumulation=max(1, 16 // args.batch_rows))
    return recipe.model_copy(update={"data": data})


def _arguments() -> argparse.Namespace:
    cuda = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--model", default="llama3-8b" if cuda else "embedded", choices=("llama3-8b", "embedded")
    )
    parser.add_argument("--tokenizer", default="embedded", help="folder of a tokenizer, or `embedded`")
    parser.add_argument(
        "--rows", required=True, help="customer-service rows: csv, csv.gz, parquet, jsonl, hub id"
    )
    parser.add_argument("--count", type=int, default=512 if cuda else 24, help="rows of each side")
    parser.add_argument(
        "--batch-rows", type=int, default=0, help="packs in a forward pass; 0 for the recipe's"
    )
    parser.add_argument(
        "--ours-only", action="store_true", help="this recipe alone, to set one GPU beside two (torchrun)"
    )
    parser.add_argument("--layers", type=int, default=0, help="fewer layers than the model has, for a trial")
    parser.add_argument("--out", type=Path, help="file to which each figure is added as a line of JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
