"""TRL's own ways of training, with its defaults and with its fastest settings."""

from __future__ import annotations

import importlib.util
from typing import Any

import torch

from finetune.base_model import Base, lora_config
from finetune.memory import checkpointing
from finetune.recipe import Recipe


def usual(base: Base, recipe: Recipe, rows: list[list[dict[str, str]]], folder: str) -> Any:
    """Return TRL's trainer with its defaults.

    They are 8 rows a batch, padding, gradient checkpointing, and PEFT's layers.
    """
    return _by_trl(base, recipe, rows, folder, {})


def packed_by_trl(base: Base, recipe: Recipe, rows: list[list[dict[str, str]]], folder: str) -> Any:
    """Return TRL's trainer with its packing, padding-free batches and Liger's kernels.

    Packs, batches and checkpointing are those of our recipe. Liger is left out where it is not installed or
    there is no GPU.
    """
    settings = recipe.training
    cuda = torch.cuda.is_available()
    return _by_trl(
        base,
        recipe,
        rows,
        folder,
        {
            "packing": True,
            "packing_strategy": "bfd",
            "padding_free": True,
            "max_length": settings.context_tokens,
            "per_device_train_batch_size": settings.batch_rows,
            "gradient_accumulation_steps": settings.accumulation,
            "gradient_checkpointing": checkpointing(recipe),
            "bf16": cuda,
            "use_liger_kernel": cuda and has_liger(),
        },
    )


def has_liger() -> bool:
    """Return whether Liger's kernels are installed."""
    return importlib.util.find_spec("liger_kernel") is not None


def _by_trl(
    base: Base, recipe: Recipe, rows: list[list[dict[str, str]]], folder: str, settings: dict[str, Any]
) -> Any:
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
            **settings,
        ),
        train_dataset=Dataset.from_list(data),
        processing_class=base.tokenizer,
        peft_config=lora_config(recipe.lora),
    )
