"""The memory of a run: a run that does not fit is changed or refused at the start.

A kernel that is out of memory ends the process, or another one, without a word; so the free memory is read
beforehand. If memory runs out after all, the error is explained.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from finetune.base_model import weights_are_shared_out
from finetune.estimate import ONLY_ON_A_GPU, estimate, read_shape
from finetune.recipe import Quantization, Recipe
from rag.chat_models.device_memory import free_bytes
from rag.errors import TrainingError

_NAMED_SIZE = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)[bB](?![a-zA-Z])")
_CPU_MESSAGE = "DefaultCPUAllocator"
_CPU_MARGIN = 1.15
"""The memory kept free beside the estimate on a CPU, relative to it.

The kernel of a computer gives no second chance: 4 packs of 2,048 tokens of the embedded model peaked 12 %
above the estimate.
"""


def require_gpu(base: str) -> None:
    """Refuse to train billions of weights without a GPU: it would take days.

    Raises:
        TrainingError: there is no GPU and the model has more than a billion weights.
    """
    import torch

    if torch.cuda.is_available():
        return
    weights = weights_of(base)
    if weights > ONLY_ON_A_GPU:
        raise TrainingError(
            f"{base} has {weights / 1e9:.1f} billion weights and no GPU was found. Train it on a machine with a GPU "
            "(24 GB for an 8B model in 4 bits), or use the recipe smollm2-135m-customer-service, which runs on a CPU."
        )


def weights_of(base: str) -> float:
    """Return the number of weights of a base model.

    It comes from its shape, from the size in its name (`...-8B`) if it is not here, else it is 0.
    """
    try:
        return read_shape(base).parameters
    except TrainingError:
        named = _NAMED_SIZE.search(base)
        return float(named[1]) * 1e9 if named else 0.0


def checkpointing(recipe: Recipe) -> bool:
    """Return whether activations are recomputed.

    It is the recipe's choice; `auto` recomputes only on a GPU that is too small to keep them.
    """
    told = recipe.training.gradient_checkpointing
    if told != "auto":
        return told
    import torch

    if not torch.cuda.is_available():
        return False
    training = recipe.training.model_copy(update={"gradient_checkpointing": False})
    needed = estimate(recipe.model_copy(update={"training": training}), 0, on_gpu=True).total_bytes
    return needed > torch.cuda.get_device_properties(0).total_memory


def room() -> int:
    """Return the bytes that are free for this process.

    They are those of its GPU, or its share of the memory if several processes train on a CPU.
    """
    import torch

    if not torch.cuda.is_available():
        return free_bytes("cpu") // _processes()
    torch.cuda.empty_cache()  # what an earlier run of this process has given back to torch alone
    return free_bytes("cuda")


def fitted(recipe: Recipe, free: int) -> tuple[Recipe, str]:
    """Return the recipe with as many rows in a forward pass as fit, and the change.

    The change is "" if all rows fit in `free` bytes or the model's shape is not known. Accumulation makes up
    for fewer rows: a step sees the same rows and has the same gradient, up to rounding. Of several processes
    all take the rows of the one with the least memory. On a GPU one row is always tried: its allocator fails
    with an error that can be explained, where a computer's kernel ends a process.

    Raises:
        TrainingError: not even one row fits the memory of a CPU.
    """
    import torch
    from accelerate.utils import gather_object

    try:
        read_shape(recipe.model.base)
    except TrainingError:
        return recipe, ""
    settings = recipe.training
    known = recipe.model_copy(
        update={"training": settings.model_copy(update={"gradient_checkpointing": checkpointing(recipe)})}
    )
    wholes = [rows for rows in range(settings.batch_rows, 0, -1) if settings.batch_rows % rows == 0]
    mine = next((rows for rows in wholes if needed_bytes(_with_rows(known, rows)) <= free), 0)
    rows = max(min(gather_object([mine])), int(torch.cuda.is_available()))
    if rows == settings.batch_rows:
        return recipe, ""
    if not rows:
        least = _with_rows(known, 1)
        needs = f"One row of {settings.context_tokens} tokens needs {_gigabytes(needed_bytes(least), free)}."
        raise TrainingError(f"{needs} {_knobs(least)} Then train again.")
    changed = _with_rows(known, rows)
    said = (
        f"batch_rows {settings.batch_rows} -> {rows}, "
        f"accumulation {settings.accumulation} -> {changed.training.accumulation}: as it was it "
        f"needs {_gigabytes(needed_bytes(known), free)}; a step sees the same rows."
    )
    return changed, said


def needed_bytes(recipe: Recipe) -> int:
    """Return the bytes that a run takes on this machine beside the program's own.

    On a CPU its margin is included. Of sharded weights (FSDP) only this process's part counts.
    """
    import torch

    on_gpu = torch.cuda.is_available()
    found = estimate(recipe, 0, on_gpu=on_gpu)
    needed = found.total_bytes - found.program_bytes
    if not on_gpu:
        needed = int(_CPU_MARGIN * needed)
    if not weights_are_shared_out():
        return needed
    elsewhere = 1 - 1 / _processes()
    return needed - int(elsewhere * (found.weights_bytes + found.adapter_bytes))


def _processes() -> int:
    import torch
    from accelerate import PartialState

    return int(PartialState(cpu=not torch.cuda.is_available()).num_processes)


def _with_rows(recipe: Recipe, rows: int) -> Recipe:
    """Return the recipe with so many rows in a forward pass and the same in a step.

    `rows` divides those it has.
    """
    settings = recipe.training
    more = settings.batch_rows // rows
    changes = {"batch_rows": rows, "accumulation": settings.accumulation * more}
    return recipe.model_copy(update={"training": settings.model_copy(update=changes)})


def _gigabytes(needed: int, free: int) -> str:
    return f"{needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free"


@contextmanager
def explained_memory(recipe: Recipe) -> Iterator[None]:
    """Turn an allocator's error into a sentence that names the setting to change.

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
    """Return the message for a run that ran out of memory.

    Its folder has the old recipe, so the next run must replace it.
    """
    return f"Memory ran out. {_knobs(recipe)} Then train again with --overwrite."


def _knobs(recipe: Recipe) -> str:
    """The knobs that are left to turn, the one that costs least first."""
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
    return f"In the recipe, {', or '.join(knobs)}; `lectern finetune estimate` says what a recipe needs."
