"""The card of an adapter: what it was trained from, on what, by which command, and what came of it."""

from __future__ import annotations

from finetune.recipe import Recipe
from finetune.training import Outcome


def write_card(outcome: Outcome, recipe: Recipe, command: str) -> None:
    """Writes `README.md` into the adapter's folder."""
    (outcome.adapter / "README.md").write_text(card(outcome, recipe, command), "utf-8")


def card(outcome: Outcome, recipe: Recipe, command: str) -> str:
    """The text of the card, with the metadata that hubs read at its head."""
    held = f"{outcome.held_out_loss:.4f}" if outcome.held_out_loss is not None else "not measured"
    lora, training = recipe.lora, recipe.training
    return f"""---
base_model: {recipe.model.base}
library_name: peft
tags: [lora, lectern]
---
# {recipe.name}

A LoRA adapter (r = {lora.rank}, alpha = {lora.alpha}, {lora.targets}) of `{recipe.model.base}`, base weights held as
{recipe.model.quantization.value}, trained on `{recipe.data.path}` ({recipe.data.rows.value}).

Reproduce: `{command}`

| | |
|---|---|
| steps | {outcome.steps} |
| training loss | {outcome.train_loss:.4f} |
| held-out loss | {held} |
| learning rate | {training.learning_rate:g}, {training.schedule} |
| rows in a batch | {training.batch_rows} x {training.accumulation} of {training.context_tokens} tokens |
| seconds | {outcome.seconds:.0f} |
| seed | {training.seed} |
"""
