"""The display and the records of a run.

They are a bar with loss and tokens a second, its log, its best weights, and a plot of the loss.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def progress_callback(tokens_per_step: float, quiet: bool = False) -> Any:
    """Return a trainer callback that draws a bar on stderr.

    If stderr is no terminal it writes a line at every tenth of the run. `tokens_per_step` are useful tokens,
    padding not counted.
    """
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
            if not (self.bar.console.is_terminal or quiet) and _reaches_a_tenth(
                state.global_step, state.max_steps
            ):
                self.bar.console.print(f"{said} of {state.max_steps}", soft_wrap=True)

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


def _reaches_a_tenth(step: int, steps: int) -> bool:
    """Return whether this step is the first of another tenth of the run."""
    return 10 * step // steps > 10 * (step - 1) // steps


def log_callback() -> Any:
    """Return a trainer callback that logs every step with its seconds of training.

    No step is left out of a checkpoint's log, and the seconds are those of all starts of the run.
    """
    from time import perf_counter

    from transformers import TrainerCallback

    class _Log(TrainerCallback):
        def __init__(self) -> None:
            self.earlier_seconds = 0.0
            self.started = perf_counter()

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.earlier_seconds = max((row.get("seconds", 0.0) for row in state.log_history), default=0.0)
            self.started = perf_counter()

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if control.should_save or control.should_evaluate or control.should_training_stop:
                control.should_log = True

        def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.log_history:
                seconds = self.earlier_seconds + perf_counter() - self.started
                state.log_history[-1]["seconds"] = round(seconds, 3)

    return _Log()


def best_callback(patience: int) -> Any:
    """Return a trainer callback that keeps the weights of the lowest held-out loss.

    It stops after `patience` evaluations without a new lowest one. It counts in the run's log, so a run that
    was killed and goes on stops where it would have.
    """
    from transformers import TrainerCallback

    class _Best(TrainerCallback):
        def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            losses = [float(row["eval_loss"]) for row in state.log_history if "eval_loss" in row]
            best = losses.index(min(losses))
            if best == len(losses) - 1:
                control.should_save = True
            elif len(losses) - 1 - best >= patience:
                control.should_training_stop = True

    return _Best()


def plot_losses(history: Path, target: Path) -> None:
    """Draw the training and held-out loss of a run's `history.json` over its steps."""
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
