"""The card of an adapter: its base, its rows, its command and its results."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from finetune.adapter_folder import CARD
from finetune.recipe import Recipe
from finetune.training import TrainingResult
from rag.system.atomic_write import write_text

if TYPE_CHECKING:
    from finetune.before_after import BeforeAfter

_MEASURED = ("<!-- measured by lectern finetune evaluate -->\n", "<!-- end of what was measured -->\n")
_NOT_MEASURED = "Base and adapter were not set side by side on held-out rows yet; `lectern finetune evaluate` does it and writes it here.\n"


def write_card(outcome: TrainingResult, recipe: Recipe, command: str) -> None:
    """Write `README.md` into the adapter's folder."""
    write_text(outcome.adapter / CARD, card(outcome, recipe, command))


def write_measured(adapter: Path, found: BeforeAfter) -> bool:
    """Write the figures of base and adapter to the adapter's card.

    Return False for a card that was not written by `write_card`.
    """
    file = adapter / CARD
    text = file.read_text("utf-8") if file.is_file() else ""
    before, first, rest = text.partition(_MEASURED[0])
    _, last, after = rest.partition(_MEASURED[1])
    if not first or not last:
        return False
    write_text(file, before + first + measured_table(found) + last + after)
    return True


def command_line(words: Sequence[object]) -> str:
    """A command as a person would type it, quoted for a shell."""
    return shlex.join(str(word) for word in words)


def card(outcome: TrainingResult, recipe: Recipe, command: str) -> str:
    """The text of the card, with the metadata that hubs read at its head."""
    held = f"{outcome.held_out_loss:.4f}" if outcome.held_out_loss is not None else "not measured"
    lora, training = recipe.lora, recipe.training
    left_out = ", ".join(f"{count} {reason}" for reason, count in outcome.left_out.items()) or "none"
    licence = recipe.data.licence or "not stated by the recipe; look it up before you pass the weights on"
    return f"""---
base_model: {recipe.model.base}
library_name: peft
tags: [lora, lectern]
---
# {recipe.name}

A LoRA adapter (r = {lora.rank}, alpha = {lora.alpha}, {lora.targets}) of `{recipe.model.base}`, base weights held as
{recipe.model.quantization.value}, trained on `{recipe.data.path}` ({recipe.data.rows.value}). Rows left out: {left_out}.

Licence of the rows: {licence}.

Reproduce: `{command}`

| | |
|---|---|
| steps | {outcome.steps}, the weights are those of step {outcome.kept_step} |
| training loss | {outcome.train_loss:.4f} |
| held-out loss | {held} |
| learning rate | {training.learning_rate:g}, {training.schedule} |
| rows in a batch | {training.batch_rows} x {training.accumulation} of {training.context_tokens} tokens |
| seconds | {outcome.seconds:.0f} |
| seed | {training.seed} |

{_MEASURED[0]}{_NOT_MEASURED}{_MEASURED[1]}"""


def measured_table(found: BeforeAfter) -> str:
    """The figures of base and adapter on held-out rows as a Markdown table."""
    lines = [
        f"Base and adapter on {found.rows} held-out rows:\n",
        "| measure | rows | base | adapter |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {found.counts[name]} | {found.base[name]:.3f} | {found.tuned[name]:.3f} |"
        for name in found.base
    ]
    return "\n".join(lines) + "\n"
