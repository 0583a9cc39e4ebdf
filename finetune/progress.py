"""What a run shows while it goes: a bar with loss and tokens a second, TensorBoard files, and at the end a plot of the loss."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def progress_callback(tokens_per_step: float, quiet: bool = False) -> Any:
    """A trainer callback that draws a bar on stderr; `tokens_per_step` are useful tokens, padding not counted."""
    from time import perf_counter

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    from transformers import TrainerCallback

    class _Bar(TrainerCallback):
        def __init__(self) -> None:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[said]}"),
                TimeRemainingColumn(),
            )
            self.bar = Progress(*columns, console=Console(stderr=True), disable=quiet)
            self.task: Any = None
            self.started = (0, 0.0)
            self.loss = ""

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.is_world_process_zero:
                self.bar.start()
            self.task = self.bar.add_task(
                "training", total=state.max_steps, completed=state.global_step, said=""
            )
            self.started = (state.global_step, perf_counter())

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            steps, seconds = state.global_step - self.started[0], perf_counter() - self.started[1]
            said = f"step {state.global_step}  {self.loss}  {steps * tokens_per_step / max(seconds, 1e-9):,.0f} tokens/s"
            self.bar.update(self.task, completed=state.global_step, said=said)

        def on_log(
            self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any
        ) -> None:
            if logs and "loss" in logs:
                self.loss = f"loss {float(logs['loss']):.4f}"
            elif logs and "eval_loss" in logs:
                self.loss = f"held-out loss {float(logs['eval_loss']):.4f}"

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.bar.stop()

    return _Bar()


def plot_losses(history: Path, target: Path) -> None:
    """Draws the training and the held-out loss of a run's `history.json` over its steps."""
    from importlib import import_module

    figure_type = import_module("matplotlib.figure").Figure

    rows = json.loads(history.read_text("utf-8"))
    figure = figure_type(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for key, label in (("loss", "training"), ("eval_loss", "held out")):
        points = [(row["step"], float(row[key])) for row in rows if key in row]
        if points:
            axes.plot(*zip(*points, strict=True), label=label)
    axes.set_xlabel("step")
    axes.set_ylabel("loss per trained token")
    axes.legend()
    figure.savefig(target)
