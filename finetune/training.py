"""The recipe itself, read from top to bottom: rows, tokens, model, adapter, trainer, adapter folder.

TRL's `SFTTrainer` runs the loop; what is ours is what it is fed: rows encoded with the assistant's tokens as the only labels,
packed or grouped by length so that no computation is spent on padding, and a model whose LoRA layers take fewer passes over
memory. Started by torchrun or accelerate, every process runs this file and the rows are shared out among them.
"""

from __future__ import annotations

import importlib.util
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune.base_model import Base, continued, load_base, load_tokenizer, lora_config
from finetune.conversations import read_conversations
from finetune.encoding import Encoded, encode_all
from finetune.memory import checkpointing, explained_memory, require_gpu
from finetune.packing import PackedCollator, PaddedCollator, packed_rows, register_varlen
from finetune.progress import plot_losses, progress_callback
from finetune.recipe import Recipe
from rag.errors import DatasetError, TrainingError


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to: where the adapter lies, the losses, and how fast it went."""

    adapter: Path
    train_loss: float
    held_out_loss: float | None
    seconds: float
    useful_tokens: int
    steps: int


def train(recipe: Recipe, folder: Path, *, quiet: bool = False) -> Outcome:
    """Trains a recipe in `folder` and returns where the adapter lies; a killed run goes on from its last checkpoint.

    Raises:
        DatasetError: no row can be used.
        TrainingError: the model needs a GPU and there is none, memory ran out, or the folder holds another recipe's run.
    """
    from transformers import set_seed

    require_gpu(recipe.model.base)
    rows = read_conversations(recipe.data, recipe.training.seed)
    tokenizer = load_tokenizer(recipe.model.base)
    train_rows, too_long = encode_all(tokenizer, rows.train, recipe.training.context_tokens)
    held_rows, _ = encode_all(tokenizer, rows.held_out, recipe.training.context_tokens)
    if not train_rows:
        raise DatasetError(
            f"All {too_long} rows are longer than {recipe.training.context_tokens} tokens. Raise training.context_tokens."
        )
    claim(folder, recipe)
    useful = sum(len(row.input_ids) for row in train_rows)
    set_seed(recipe.training.seed)
    with explained_memory(recipe):
        attention = register_varlen() if recipe.training.packing else "sdpa"
        bfloat16 = use_bfloat16(recipe.training.precision)
        base = load_base(recipe.model, bfloat16=bfloat16, attention=attention)
        trainer = make_trainer(recipe, base, train_rows, held_rows, folder)
        per_epoch = steps_per_epoch(recipe, len(trainer.train_dataset))
        trainer.add_callback(progress_callback(useful / per_epoch, quiet))
        result = trainer.train(resume_from_checkpoint=last_checkpoint(folder))
        held_out_loss = trainer.evaluate()["eval_loss"] if held_rows else None
    adapter = folder / "adapter"
    if trainer.is_world_process_zero():
        save_adapter(trainer.model, adapter, recipe, base, {"too_long": too_long, **rows.dropped})
        (folder / "history.json").write_text(json.dumps(trainer.state.log_history, indent=1), "utf-8")
        if importlib.util.find_spec("matplotlib"):
            plot_losses(folder / "history.json", folder / "loss.png")
    seconds = float(result.metrics["train_runtime"])
    return Outcome(adapter, result.training_loss, held_out_loss, seconds, useful, trainer.state.global_step)


def claim(folder: Path, recipe: Recipe) -> None:
    """Notes in a run's folder which recipe it holds, so that no run goes on from another recipe's checkpoint.

    Raises:
        TrainingError: the folder holds checkpoints of a recipe that differs in anything.
    """
    note, said = folder / "recipe.json", recipe.model_dump_json(indent=1)
    if note.is_file() and note.read_text("utf-8") != said and last_checkpoint(folder):
        raise TrainingError(
            f"{folder} holds checkpoints of another recipe or of other data. Choose another --out, or pass --overwrite."
        )
    folder.mkdir(parents=True, exist_ok=True)
    note.write_text(said, "utf-8")


def make_trainer(
    recipe: Recipe,
    base: Base,
    train_rows: list[Encoded],
    held_rows: list[Encoded],
    folder: Path,
) -> Any:
    """TRL's trainer for a recipe, fed with rows that are already tokens; the adapter trains in float32."""
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    from finetune.fused_llama import fuse

    settings = recipe.training
    shaped = [_shape(rows, settings.packing, settings.context_tokens) for rows in (train_rows, held_rows)]
    collator: Any = PackedCollator() if settings.packing else PaddedCollator(base.tokenizer.pad_token_id)
    config = SFTConfig(output_dir=str(folder), **_arguments(recipe, len(shaped[0]), bool(held_rows)))
    adapter: dict[str, Any] = {"peft_config": lora_config(recipe.lora)}
    if recipe.lora.start:
        base, adapter = continued(base, recipe.lora.start), {}
    trainer: Any = SFTTrainer(
        model=base.model,
        args=config,
        train_dataset=Dataset.from_list(shaped[0]),
        eval_dataset=Dataset.from_list(shaped[1]) if held_rows else None,
        processing_class=base.tokenizer,
        data_collator=collator,
        **adapter,
        callbacks=_early_stopping(settings.patience) if held_rows and settings.evaluations else None,
    )
    for parameter in trainer.model.parameters():
        if (
            parameter.requires_grad
        ):  # TRL makes it bfloat16 on a quantized base: late, small steps would round to nothing
            parameter.data = parameter.data.float()
    trainer.remove_callback(PrinterCallback)  # the bar says it
    fuse(trainer.model)
    return trainer


def steps_per_epoch(recipe: Recipe, batches_of: int) -> int:
    """Optimizer steps for `batches_of` rows or packs, shared out among all processes of the run."""
    import torch
    from accelerate import PartialState

    settings = recipe.training
    processes = int(PartialState(cpu=not torch.cuda.is_available()).num_processes)
    together = settings.batch_rows * settings.accumulation * processes
    return max(1, math.ceil(batches_of / together))


def _shape(rows: list[Encoded], packing: bool, room: int) -> list[dict[str, list[int]]]:
    if packing:
        return packed_rows(rows, room)
    return [{"input_ids": row.input_ids, "labels": row.labels} for row in rows]


def _arguments(recipe: Recipe, batches_of: int, evaluates: bool) -> dict[str, Any]:
    """The trainer's arguments. Every one that matters is set here, so that a library's new default changes nothing."""
    import torch

    settings = recipe.training
    steps = settings.steps or math.ceil(steps_per_epoch(recipe, batches_of) * settings.epochs)
    every = max(1, steps // settings.evaluations) if settings.evaluations else steps
    save = max(1, steps // settings.checkpoints) if settings.checkpoints else steps
    arguments: dict[str, Any] = {
        "max_steps": steps,
        "per_device_train_batch_size": settings.batch_rows,
        "per_device_eval_batch_size": settings.batch_rows,
        "gradient_accumulation_steps": settings.accumulation,
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": settings.schedule,
        "warmup_steps": math.ceil(steps * settings.warmup_share),
        "weight_decay": settings.weight_decay,
        "max_length": None,
        "dataset_kwargs": {"skip_prepare_dataset": True},
        "remove_unused_columns": False,
        "gradient_checkpointing": checkpointing(recipe),
        "bf16": use_bfloat16(settings.precision),
        "use_cpu": not torch.cuda.is_available(),  # else several processes without a GPU would not find each other
        "ddp_find_unused_parameters": False,
        "seed": settings.seed,
        "data_seed": settings.seed,
        "logging_steps": max(1, steps // 100),
        "save_strategy": "steps" if settings.checkpoints else "no",
        "save_steps": save,
        "save_total_limit": 2,
        "eval_strategy": "steps" if evaluates and settings.evaluations else "no",
        "eval_steps": every,
        "report_to": ["tensorboard"] if importlib.util.find_spec("tensorboard") else [],
        "load_best_model_at_end": False,
        "metric_for_best_model": "eval_loss",
        "greater_is_better": False,
        "disable_tqdm": True,
        "dataloader_num_workers": 0,
        "max_grad_norm": 1.0,
    }
    if settings.neftune_alpha:
        arguments["neftune_noise_alpha"] = settings.neftune_alpha
    if not settings.packing:
        arguments |= _grouping()
    return arguments


def _early_stopping(patience: int) -> list[Any]:
    from transformers import EarlyStoppingCallback

    return [EarlyStoppingCallback(early_stopping_patience=patience)] if patience else []


def _grouping() -> dict[str, Any]:
    """The argument that groups rows of like length, under the name that the installed transformers gives it."""
    from transformers import TrainingArguments

    newer = "train_sampling_strategy" in TrainingArguments.__dataclass_fields__
    return {"train_sampling_strategy": "group_by_length"} if newer else {"group_by_length": True}


def use_bfloat16(precision: str) -> bool:
    """Whether the forward pass runs in bfloat16: as told, or on a GPU that has it."""
    if precision != "auto":
        return precision == "bfloat16"
    import torch

    return bool(torch.cuda.is_available() and torch.cuda.is_bf16_supported())


def last_checkpoint(folder: Path) -> str | None:
    """The newest whole checkpoint under a run's folder, or None. The trainer's state is written last: without it, or with
    half of it, a checkpoint was cut short."""
    found = [path for path in folder.glob("checkpoint-*") if _is_json(path / "trainer_state.json")]
    return str(max(found, key=lambda path: int(path.name.split("-")[1]))) if found else None


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return True


def save_adapter(model: Any, folder: Path, recipe: Recipe, base: Base, dropped: dict[str, int]) -> None:
    """Writes the adapter in bfloat16 with its manifest under another name, then renames: nothing half-written is one."""
    import shutil

    import torch

    from rag.prompt import PROMPT_VERSION, PromptStyle

    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(torch.bfloat16)
    model.save_pretrained(part)
    manifest = {
        "recipe": recipe.model_dump(mode="json"),
        "base": base.identity,
        "prompt_version": PROMPT_VERSION,
        "prompt_style": PromptStyle.READER.value,
        "rows_left_out": dropped,
    }
    (part / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")
    if folder.exists():
        shutil.rmtree(folder)
    part.rename(folder)
