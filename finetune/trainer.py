"""TRL's trainer as the recipe configures it.

It sets every argument that matters, takes rows that are tokens already, and loads the final weights. A
checkpoint's log has the loss of every step up to it and the seconds they took, so that the figures of a run
that was killed and went on are those of an uninterrupted one.
"""

from __future__ import annotations

import importlib.util
import json
import math
from pathlib import Path
from typing import Any

from finetune.base_model import Base, lora_config
from finetune.encoding import Encoded
from finetune.memory import checkpointing
from finetune.packing import PackedCollator, PaddedCollator, packed_rows
from finetune.progress import best_callback, log_callback
from finetune.recipe import Recipe


def make_trainer(
    recipe: Recipe,
    base: Base,
    train_rows: list[Encoded],
    held_rows: list[Encoded],
    folder: Path,
) -> Any:
    """Return TRL's trainer for a recipe, with rows that are already tokens.

    The adapter trains in float32. A base that has an adapter already is trained further.
    """
    from datasets import Dataset
    from peft import PeftModel
    from transformers import PrinterCallback
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    from finetune.fused_llama import fuse

    settings = recipe.training
    shaped = [_shape(rows, settings.packing, settings.context_tokens) for rows in (train_rows, held_rows)]
    collator: Any = PackedCollator() if settings.packing else PaddedCollator(base.tokenizer.pad_token_id)
    stops_early = bool(settings.patience and held_rows and settings.evaluations)
    config = SFTConfig(output_dir=str(folder), **_arguments(recipe, len(shaped[0]), bool(held_rows)))
    adapter = {} if isinstance(base.model, PeftModel) else {"peft_config": lora_config(recipe.lora)}
    trainer: Any = SFTTrainer(
        model=base.model,
        args=config,
        train_dataset=Dataset.from_list(shaped[0]),
        eval_dataset=Dataset.from_list(shaped[1]) if held_rows else None,
        processing_class=base.tokenizer,
        data_collator=collator,
        **adapter,
        callbacks=[log_callback(), *([best_callback(settings.patience)] if stops_early else [])],
    )
    for parameter in trainer.model.parameters():
        if (
            parameter.requires_grad
        ):  # TRL makes it bfloat16 on a quantized base: late, small steps would round to nothing
            parameter.data = parameter.data.float()
    trainer.remove_callback(PrinterCallback)  # the bar says it
    trainer.create_model_card = lambda *_, **__: None  # TRL's would replace any README.md in the run's folder
    _log_into(trainer, folder)
    fuse(trainer.model)
    return trainer


def run(trainer: Any, checkpoint: str | None) -> None:
    """Train from a checkpoint, or from the start.

    A checkpoint of the last step is only loaded.
    """
    from transformers import TrainerState

    if checkpoint is None or _step_of(checkpoint) < trainer.args.max_steps:
        trainer.train(resume_from_checkpoint=checkpoint)
        return
    first = trainer.is_world_process_zero()
    trainer.state = TrainerState.load_from_json(str(Path(checkpoint) / "trainer_state.json"))
    trainer.state.is_world_process_zero = first
    _load_weights(trainer, checkpoint)


def best_weights(trainer: Any, patience: int) -> int:
    """Load the weights of the lowest held-out loss and return their step.

    Without early stopping the weights of the last step stay.
    """
    state = trainer.state
    if not patience or not state.best_model_checkpoint or state.best_global_step == state.global_step:
        return int(state.global_step)
    _load_weights(trainer, state.best_model_checkpoint)
    return int(state.best_global_step)


def trained_weights(trainer: Any) -> dict[str, Any]:
    """The adapter's weights by name. Where processes share them (FSDP) every one must call this; only the first gets them."""
    state = trainer.accelerator.get_state_dict(trainer.model)
    return {name: value for name, value in state.items() if "lora_" in name}


def mean_loss(history: list[dict[str, Any]]) -> float:
    """Return the mean training loss over all steps of a run's log.

    Each entry counts for the steps since the one before.
    """
    total, before = 0.0, 0
    for row in history:
        if "loss" in row:
            total += float(row["loss"]) * (row["step"] - before)
            before = row["step"]
    return total / before if before else math.nan


def trained_seconds(history: list[dict[str, Any]]) -> float:
    """Return the seconds until the last step of a run's log, over all its starts.

    Steps that a kill undid are not counted.
    """
    return max((float(row["seconds"]) for row in history if "loss" in row), default=0.0)


def steps_per_epoch(recipe: Recipe, batches_of: int) -> int:
    """Return the optimizer steps for `batches_of` rows or packs.

    They are shared among all processes of the run.
    """
    import torch
    from accelerate import PartialState

    settings = recipe.training
    processes = int(PartialState(cpu=not torch.cuda.is_available()).num_processes)
    together = settings.batch_rows * settings.accumulation * processes
    return max(1, math.ceil(batches_of / together))


def _log_into(trainer: Any, folder: Path) -> None:
    """Keep TensorBoard's files in the run's folder.

    transformers learns the folder only when training begins. If a finished checkpoint leaves nothing to
    train, it would log the held-out loss to `runs/` of the current folder.
    """
    from transformers.integrations.integration_utils import TensorBoardCallback, default_logdir

    for callback in trainer.callback_handler.callbacks:
        if isinstance(callback, TensorBoardCallback) and callback.logging_dir is None:
            callback.logging_dir = str(folder / default_logdir())


def _load_weights(trainer: Any, checkpoint: str) -> None:
    """Load the weights of a checkpoint into the adapter.

    If processes share them (FSDP), each takes its part.
    """
    from peft import load_peft_weights
    from torch.distributed.tensor import DTensor, distribute_tensor

    saved = load_peft_weights(checkpoint, device="cpu")
    for name, parameter in trainer.model.named_parameters():
        if parameter.requires_grad:
            value = saved[name.replace(".default.", ".")].to(parameter.device)
            if isinstance(parameter.data, DTensor):
                value = distribute_tensor(value, parameter.data.device_mesh, parameter.data.placements)
            parameter.data.copy_(value)


def _step_of(checkpoint: str) -> int:
    return int(json.loads((Path(checkpoint) / "trainer_state.json").read_text("utf-8"))["global_step"])


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
    keeps_best = bool(evaluates and settings.evaluations and settings.patience)
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
        "save_strategy": "steps" if settings.checkpoints or keeps_best else "no",
        "save_steps": save,
        "save_total_limit": 2,
        "eval_strategy": "steps" if evaluates and settings.evaluations else "no",
        "eval_steps": every,
        "report_to": ["tensorboard"] if importlib.util.find_spec("tensorboard") else [],
        "load_best_model_at_end": False,  # it would tie the checkpoints to the evaluations; `best_weights` does it
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


def _grouping() -> dict[str, Any]:
    """Return the argument that groups rows of similar length.

    Its name depends on the installed transformers.
    """
    from transformers import TrainingArguments

    newer = "train_sampling_strategy" in TrainingArguments.__dataclass_fields__
    return {"train_sampling_strategy": "group_by_length"} if newer else {"group_by_length": True}


def use_bfloat16(precision: str) -> bool:
    """Return whether the forward pass runs in bfloat16.

    It does by choice, or on a GPU that has it.
    """
    if precision != "auto":
        return precision == "bfloat16"
    import torch

    return bool(torch.cuda.is_available() and torch.cuda.is_bf16_supported())
