"""Training speed in useful tokens a second: TRL's defaults beside this project's recipe, on one model and one set of rows.

    python -m benchmarks.bench_finetune --model FOLDER --rows FILE        (a folder with config.json; weights may be random)

Useful tokens are those of the rows; padding does not count. Both sides train the same adapter on the same frozen weights
held in the same way, for the same number of rows; each is warmed up first. Peak memory is printed for both.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune.base_model import Base, load_base, load_tokenizer, local_device, lora_config
from finetune.conversations import read_conversations
from finetune.encoding import Encoded, encode_all
from finetune.packing import register_varlen
from finetune.recipe import Recipe
from finetune.training import make_trainer


BITEXT = "bitext/Bitext-customer-support-llm-chatbot-training-dataset"


@dataclass(frozen=True, slots=True)
class Speed:
    """Useful tokens a second and the most memory taken."""

    tokens_per_second: float
    peak_bytes: int


def random_base(recipe: Recipe, attention: str) -> Base:
    """A model of the recipe's shape; with real weights where the folder has them, else random ones."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    folder = Path(recipe.model.base)
    if recipe.model.base == "embedded" or list(folder.glob("*.safetensors")):
        return load_base(recipe.model, bfloat16=True, attention=attention)
    with tempfile.TemporaryDirectory() as scratch:
        config = AutoConfig.from_pretrained(folder)
        with torch.device(local_device()):
            model: Any = AutoModelForCausalLM
            model.from_config(config, dtype=torch.bfloat16).save_pretrained(scratch)
        load_tokenizer(str(folder)).save_pretrained(scratch)
        part = recipe.model.model_copy(update={"base": scratch})
        return load_base(part, bfloat16=True, attention=attention)


def timed(trainer: Any, useful: int) -> Speed:
    """Trains once over the rows after one warm-up step and measures."""
    import torch

    cuda = torch.cuda.is_available()
    batch = next(iter(trainer.get_train_dataloader()))
    trainer.create_optimizer()
    trainer.accelerator.backward(trainer.compute_loss(trainer.model, trainer._prepare_inputs(batch)))
    trainer.model.zero_grad()
    if cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    started = time.perf_counter()
    trainer.train()
    if cuda:
        torch.cuda.synchronize()
    seconds = time.perf_counter() - started
    return Speed(useful / seconds, torch.cuda.max_memory_allocated() if cuda else 0)


def usual(recipe: Recipe, rows: list[list[dict[str, str]]], useful: int, folder: Path) -> Speed:
    """TRL with its defaults: batch of 8, padding, gradient checkpointing."""
    from datasets import Dataset
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    base = random_base(recipe, "sdpa")
    data = Dataset.from_list([{"prompt": row[:-1], "completion": row[-1:]} for row in rows])
    trainer = SFTTrainer(
        model=base.model,
        args=SFTConfig(
            output_dir=str(folder), num_train_epochs=1, report_to=[], save_strategy="no", disable_tqdm=True
        ),
        train_dataset=data,
        processing_class=base.tokenizer,
        peft_config=lora_config(recipe.lora),
    )
    return timed(trainer, useful)


def ours(recipe: Recipe, rows: list[Encoded], useful: int, folder: Path) -> Speed:
    """The recipe: rows packed without cross-contamination, variable-length attention."""
    base = random_base(recipe, register_varlen() if recipe.training.packing else "sdpa")
    return timed(make_trainer(recipe, base, rows, [], folder), useful)


def main() -> None:
    """Prints one line for each side and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--model", default="embedded", help="folder with config.json and tokenizer, or `embedded`"
    )
    parser.add_argument(
        "--rows", default=BITEXT, help="customer-service rows: csv, csv.gz, parquet, jsonl or a hub id"
    )
    parser.add_argument("--count", type=int, default=64, help="rows of each side")
    parser.add_argument("--quantization", default="nf4", choices=("nf4", "none"))
    parser.add_argument("--batch-rows", type=int, default=2)
    parser.add_argument("--context-tokens", type=int, default=2048)
    parser.add_argument("--checkpointing", action="store_true")
    args = parser.parse_args()
    recipe = Recipe.model_validate(
        {
            "name": "bench",
            "model": {"base": args.model, "quantization": args.quantization},
            "data": {
                "rows": "customer-service",
                "path": args.rows,
                "limit": args.count,
                "evaluation_share": 0,
            },
            "training": {
                "epochs": 1,
                "batch_rows": args.batch_rows,
                "context_tokens": args.context_tokens,
                "gradient_checkpointing": args.checkpointing,
                "checkpoints": 0,
                "evaluations": 0,
            },
        }
    )
    found = read_conversations(recipe.data, 0).train
    encoded, _ = encode_all(load_tokenizer(args.model), found, args.context_tokens)
    useful = sum(len(row.input_ids) for row in encoded)
    speeds: dict[str, Speed] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("TRL defaults", "this recipe"):
            side = Path(scratch) / name.replace(" ", "-")
            speeds[name] = (
                usual(recipe, found, useful, side)
                if name == "TRL defaults"
                else ours(recipe, encoded, useful, side)
            )
            gc.collect()
            speed = speeds[name]
            sys.stdout.write(
                f"{name:<14}{speed.tokens_per_second:>10,.0f} useful tokens/s{speed.peak_bytes / 1e9:>8.1f} GB at most\n"
            )
    ratio = speeds["this recipe"].tokens_per_second / speeds["TRL defaults"].tokens_per_second
    sys.stdout.write(f"ratio {ratio:.2f} on {len(encoded)} rows, {useful:,} tokens\n")


if __name__ == "__main__":
    main()
