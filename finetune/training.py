"""A training run from top to bottom: rows, model, adapter, trainer, folder.

TRL's `SFTTrainer` runs the loop. Ours are its inputs: rows encoded with the assistant's tokens as the only
labels, packed or grouped by length so that no computation is spent on padding, and a model whose LoRA layers
take fewer passes over memory. Started by torchrun or accelerate, every process runs this file and the rows
are shared among them.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune import run_folder
from finetune.adapter_folder import save_adapter
from finetune.base_model import Base, continued, load_base, load_tokenizer
from finetune.dataset import read_conversations
from finetune.encoding import Encoded, encode_all
from finetune.memory import explained_memory, fitted, require_gpu, room
from finetune.packing import register_varlen
from finetune.progress import plot_losses, progress_callback
from finetune.recipe import Quantization, Recipe
from finetune.requirements import require_packages
from finetune.trainer import (
    best_weights,
    make_trainer,
    mean_loss,
    run,
    steps_per_epoch,
    trained_seconds,
    trained_weights,
    use_bfloat16,
)
from rag.errors import DatasetError
from rag.system.atomic_write import write_text


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """The result of a run: its adapter, its losses and its speed.

    All figures are of the whole run, also if it was killed and went on. `useful_tokens` are those of the rows
    it saw, padding not counted, by the mean of a step. `kept_step` is the step whose weights the adapter has:
    the last one, or with early stopping the one of the lowest held-out loss. `left_out` counts the rows that
    were not used, by reason.
    """

    adapter: Path
    train_loss: float
    held_out_loss: float | None
    seconds: float
    useful_tokens: int
    steps: int
    kept_step: int
    left_out: dict[str, int]


@dataclass(frozen=True, slots=True)
class EncodedRows:
    """The rows of a recipe as tokens, and how many were left out for which reason."""

    train: list[Encoded]
    held_out: list[Encoded]
    left_out: dict[str, int]


def train(recipe: Recipe, folder: Path, *, overwrite: bool = False, quiet: bool = False) -> TrainingResult:
    """Train a recipe in `folder`; a killed run goes on from its last checkpoint.

    With `overwrite` the files of an earlier run there are deleted, once rows and model are known to be
    usable. If memory is short, fewer rows go through the model at once; the run is still the recipe's, and
    may go on on another machine.

    Raises:
        DatasetError: no row can be used.
        TrainingError: the model needs a GPU and there is none, memory ran out or is too small for one row, or the folder has
            another recipe's run.
        ModelMissing: the base model is not there.
    """
    run_folder.free_run(folder, overwrite)
    require_packages("accelerate", "peft", "trl")
    if recipe.model.quantization is Quantization.NF4:
        require_packages("bitsandbytes")
    from transformers import set_seed

    require_gpu(recipe.model.base)
    rows = read_rows(recipe)
    claim = run_folder.claim_of(recipe, [*rows.train, *rows.held_out])
    _meet()
    fit, changed = fitted(recipe, room())
    if changed and not quiet:
        sys.stderr.write(f"{changed}\n")
    set_seed(recipe.training.seed)
    with explained_memory(fit):
        base = _prepared_base(recipe)
        _take(folder, claim, overwrite)
        trainer = make_trainer(fit, base, rows.train, rows.held_out, folder)
        step_tokens = sum(len(row.input_ids) for row in rows.train) / steps_per_epoch(
            fit, len(trainer.train_dataset)
        )
        trainer.add_callback(progress_callback(step_tokens, quiet))
        run(trainer, run_folder.last_checkpoint(folder))
        train_loss = mean_loss(trainer.state.log_history)
        seconds = trained_seconds(trainer.state.log_history)
        kept_step = best_weights(trainer, recipe.training.patience)
        held_out_loss = trainer.evaluate()["eval_loss"] if rows.held_out else None
        weights = trained_weights(trainer)
    adapter, steps = folder / run_folder.ADAPTER, int(trainer.state.global_step)
    if trainer.is_world_process_zero():
        model = trainer.accelerator.unwrap_model(trainer.model)
        save_adapter(model, weights, adapter, recipe, base.identity, rows.left_out)
        _save_history(trainer.state.log_history, folder)
    tokens = round(step_tokens * steps)
    return TrainingResult(
        adapter, train_loss, held_out_loss, seconds, tokens, steps, kept_step, rows.left_out
    )


def read_rows(recipe: Recipe) -> EncodedRows:
    """The rows of a recipe that can be used, as tokens.

    Raises:
        DatasetError: the data are missing or malformed, or every row is too long.
        ModelMissing: the base model's tokenizer is not there.
    """
    room = recipe.training.context_tokens
    found = read_conversations(recipe.data, recipe.training.seed)
    tokenizer = load_tokenizer(recipe.model.base)
    train_rows, too_long = encode_all(tokenizer, found.train, room)
    held_out, held_too_long = encode_all(tokenizer, found.held_out, room)
    if not train_rows:
        raise DatasetError(
            f"All {too_long} rows are longer than {room} tokens. Raise training.context_tokens."
        )
    counts = {
        **found.dropped,
        f"longer than {room} tokens": too_long,
        f"held out, longer than {room} tokens": held_too_long,
    }
    return EncodedRows(train_rows, held_out, {reason: count for reason, count in counts.items() if count})


def _meet() -> None:
    """Let the processes of a run find each other, and each its device.

    It runs before anything is loaded.
    """
    import torch
    from accelerate import PartialState

    PartialState(cpu=not torch.cuda.is_available())


def _prepared_base(recipe: Recipe) -> Base:
    """The base model, with the adapter that the recipe goes on from."""
    attention = register_varlen() if recipe.training.packing else "sdpa"
    base = load_base(recipe.model, bfloat16=use_bfloat16(recipe.training.precision), attention=attention)
    return continued(base, recipe.lora.start) if recipe.lora.start else base


def _take(folder: Path, claim: str, overwrite: bool) -> None:
    """Claim the folder for this run.

    Every process checks it before the first one writes, so either all of them refuse or none.
    """
    from accelerate import PartialState

    process = PartialState()
    if not overwrite:
        run_folder.check_claim(folder, claim)
    process.wait_for_everyone()
    if process.is_main_process:
        if overwrite:
            run_folder.clear_run(folder)
        run_folder.write_claim(folder, claim)
    process.wait_for_everyone()


def _save_history(history: list[dict[str, Any]], folder: Path) -> None:
    write_text(folder / run_folder.HISTORY, json.dumps(history, indent=1))
    if importlib.util.find_spec("matplotlib"):
        plot_losses(folder / run_folder.HISTORY, folder / run_folder.PLOT)
