"""Whether a run fits the machine: refused before it starts where it cannot, explained where memory runs out after all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from finetune.estimate import estimate, read_shape
from finetune.recipe import Quantization, Recipe
from rag.errors import TrainingError

_NAMED_SIZE = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)[bB](?![a-zA-Z])")
_CPU_MESSAGE = "DefaultCPUAllocator"


def require_gpu(base: str) -> None:
    """Refuses to start what would take days: a model of billions of weights without a GPU.

    Raises:
        TrainingError: there is no GPU and the model has more than a billion weights.
    """
    import torch

    if torch.cuda.is_available():
        return
    weights = weights_of(base)
    if weights > 1e9:
        raise TrainingError(
            f"{base} has {weights / 1e9:.1f} billion weights and no GPU was found. Train it on a machine with a GPU "
            "(24 GB for an 8B model in 4 bits), or use the recipe smollm2-135m-customer-service, which runs on a CPU."
        )


def weights_of(base: str) -> float:
    """How many weights a base model has: by its shape, by the size in its name (`...-8B`) where it is not here, else 0."""
    try:
        return read_shape(base).parameters
    except TrainingError:
        named = _NAMED_SIZE.search(base)
        return float(named[1]) * 1e9 if named else 0.0


def checkpointing(recipe: Recipe) -> bool:
    """Whether activations are recomputed: as told; for `auto` only where a GPU is too small to keep them."""
    told = recipe.training.gradient_checkpointing
    if told != "auto":
        return told
    import torch

    if not torch.cuda.is_available():
        return False
    training = recipe.training.model_copy(update={"gradient_checkpointing": False})
    needed = estimate(recipe.model_copy(update={"training": training}), 0).total_bytes
    return needed > torch.cuda.get_device_properties(0).total_memory


@contextmanager
def explained_memory(recipe: Recipe) -> Iterator[None]:
    """Turns an allocator's error into a sentence that names the knob to turn.

    Raises:
        TrainingError: memory ran out.
    """
    import torch

    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as exc:
        raise TrainingError(out_of_memory(recipe)) from exc
    except RuntimeError as exc:
        if _CPU_MESSAGE not in str(exc):
            raise
        raise TrainingError(out_of_memory(recipe)) from exc


def out_of_memory(recipe: Recipe) -> str:
    """What to say when memory ran out: the knobs that are left to turn, the one that costs least first."""
    settings = recipe.training
    knobs = []
    if settings.batch_rows > 1:
        knobs.append(
            f"lower training.batch_rows (now {settings.batch_rows}; raise training.accumulation by as much)"
        )
    if settings.gradient_checkpointing is not True:
        knobs.append("set training.gradient_checkpointing = true")
    if recipe.model.quantization is Quantization.NONE:
        knobs.append('set model.quantization = "nf4"')
    knobs.append(f"lower training.context_tokens (now {settings.context_tokens})")
    return (
        f"Memory ran out. In the recipe, {', or '.join(knobs)}; `lectern finetune estimate` says what a recipe needs. "
        "Then train again with --overwrite."
    )
