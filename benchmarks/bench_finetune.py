"""Training speed in useful tokens a second: TRL's defaults beside this project's recipe, same weights, same rows, same run.

    make bench-finetune ROWS=bitext-27k.csv.gz           the embedded model on a CPU, Llama 3 8B's shape on a GPU

Useful tokens are those of the rows; padding does not count. Both sides train the same adapter on the same frozen nf4 weights
for the same rows, after a warm-up that is not counted. The 8B weights are random: speed and memory do not depend on their
values. Their rows are cut by the embedded model's tokenizer, or by that of `--tokenizer FOLDER`.
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

from finetune.base_model import Base, load_base, load_tokenizer, local_device, lora_config
from finetune.conversations import read_conversations
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
    """A Llama of this shape with random weights, its linear layers (not the output layer) in nf4 as a load makes them."""
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
    """Trains for a few steps, then once over all rows, and measures the second time."""
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


def usual(base: Base, recipe: Recipe, rows: list[list[dict[str, str]]], folder: str) -> Any:
    """TRL with its defaults: 8 rows a batch, padding, gradient checkpointing, PEFT's layers."""
    from datasets import Dataset
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    data = [{"prompt": row[:-1], "completion": row[-1:]} for row in rows]
    return SFTTrainer(
        model=base.model,
        args=SFTConfig(
            output_dir=folder,
            num_train_epochs=1,
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
            use_cpu=not torch.cuda.is_available(),
        ),
        train_dataset=Dataset.from_list(data),
        processing_class=base.tokenizer,
        peft_config=lora_config(recipe.lora),
    )


def main() -> None:
    """Prints a line for each side as it is measured, and what that comes to; of several processes, only the first does."""
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
        ("this recipe", lambda d: ours(recipe, encoded, d), useful, 2),
    ]
    if args.ours_only:
        sides = sides[1:]
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
                _say(f"({torch.cuda.memory_allocated() / 1e9:.1f} GB of it are still held)")
    if args.ours_only:
        return
    ratio = speeds["this recipe"].tokens_per_second / speeds["TRL defaults"].tokens_per_second
    _say(f"this recipe: {ratio:.2f} times TRL's defaults; recomputes activations: {checkpointing(recipe)}")


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
    """Whether this is the only process, or under torchrun the first: each counts the tokens of all of them."""
    return os.environ.get("RANK", "0") == "0"


def _training(recipe: Recipe, **changes: Any) -> Recipe:
    return recipe.model_copy(update={"training": recipe.training.model_copy(update=changes)})


def _changed(recipe: Recipe, args: argparse.Namespace) -> Recipe:
    """The recipe for one pass over so many rows, with nothing saved or evaluated on the way."""
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
