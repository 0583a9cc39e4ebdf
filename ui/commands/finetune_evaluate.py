"""`lectern finetune evaluate`: an adapter measured before it is used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ui.options import ConfigOption, JsonOption, LibraryOption

if TYPE_CHECKING:
    from finetune.before_after import BeforeAfter
    from finetune.recipe import Recipe
    from ui.measure.adapter_trial import Trial

DataOption = Annotated[
    str | None,
    typer.Option("--data", metavar="PATH", help="Rows instead of the recipe's.", show_default=False),
]
AdapterArgument = Annotated[Path, typer.Argument(metavar="ADAPTER", help="Folder of the adapter.")]


def evaluate(
    adapter: AdapterArgument,
    recipe: Annotated[
        str | None,
        typer.Option("--recipe", help="Recipe with the held-out rows (default: the adapter's own)."),
    ] = None,
    data: DataOption = None,
    limit: Annotated[
        int, typer.Option(min=0, help="Largest number of held-out rows; 0 leaves them out.")
    ] = 100,
    golden: Annotated[
        Path | None,
        typer.Option(
            "--golden",
            metavar="FILE",
            help="Also measure on a course's golden questions.",
            show_default=False,
        ),
    ] = None,
    questions: Annotated[int, typer.Option(min=0, help="Largest number of golden questions; 0 for all.")] = 0,
    library: LibraryOption = None,
    config: ConfigOption = None,
    activate: Annotated[
        bool, typer.Option("--activate", help="Use the adapter from now on, if nothing got worse.")
    ] = False,
    even_if_worse: Annotated[
        bool, typer.Option("--even-if-worse", help="Activate the adapter although something got worse.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare an adapter with its base.

    Held-out rows and golden questions are measured. The exit status is 1 where the adapter made something
    worse. Nothing is activated without --activate: then `model.adapter` is written to --config (or
    ./lectern.toml). Held-out rows do not show if answers still agree with the notes, so --activate needs
    --golden.
    """
    from finetune.adapter_folder import check_adapter
    from finetune.before_after import before_after
    from finetune.model_card import write_measured
    from rag.errors import TrainingError
    from ui.console import plain, print_result, to_json
    from ui.measure.adapter_trial import golden_trial

    check_adapter(adapter)
    if not limit and golden is None:
        raise typer.BadParameter("--limit 0 leaves nothing to measure; name golden questions with --golden")
    if activate and golden is None and not even_if_worse:
        raise typer.BadParameter(
            "--activate needs --golden FILE: held-out rows alone do not show if answers still agree with the notes "
            "(or pass --even-if-worse)"
        )
    rows = before_after(recipe_of(adapter, recipe, data), adapter, limit) if limit else None
    trial = golden_trial(adapter, golden, library, config, questions) if golden else None
    worse = [*(rows.worse if rows else ()), *(trial.worse if trial else ())]
    active = _activated(adapter, config) if activate and (even_if_worse or not worse) else None
    if as_json:
        found = {"rows": rows and plain(rows), "golden": trial and plain(trial), "activated": active}
        print_result(to_json(found))
    else:
        _print_before_after(rows, trial, active)
    if rows:
        write_measured(adapter, rows)
    if worse and active is None:
        raise TrainingError(
            f"The adapter is worse in: {', '.join(worse)}. It was not activated; the one before is still in use. "
            "Pass --activate --even-if-worse to use it all the same."
        )


def _print_before_after(rows: BeforeAfter | None, trial: Trial | None, active: str | None) -> None:
    from rich.table import Table

    from ui.console import result_console

    console = result_console()
    if rows:
        table = Table("measure", "rows", "base", "adapter", "the rows' own", box=None, pad_edge=False)
        for name in rows.base:
            own = f"{rows.wanted[name]:.3f}" if name in rows.wanted else ""
            counted = str(rows.counts[name])
            table.add_row(name, counted, f"{rows.base[name]:.3f}", f"{rows.tuned[name]:.3f}", own)
        console.print(table, f"{rows.rows} held-out rows\n")
    if trial:
        table = Table("measure", "base", "in use now", "adapter", box=None, pad_edge=False)
        for name in trial.now:
            cells = (side.get(name) for side in (trial.base, trial.now, trial.tuned))
            table.add_row(name, *("" if cell is None else f"{cell:.3f}" for cell in cells))
        console.print(table, f"{trial.questions} golden questions; in use now: {trial.now_adapter}\n")
    if active:
        console.print(f"Activated in {active}: `lectern ask` uses it from now on.")


def _activated(adapter: Path, config: Path | None) -> str:
    """Write the adapter into the settings file and return that file's path."""
    from rag.settings_loading import FILE_NAME, write_setting

    file = config or Path(FILE_NAME)
    write_setting(file, "model.adapter", str(adapter.absolute()))
    return str(file)


def recipe_of(adapter: Path, name: str | None, data: str | None) -> Recipe:
    """Return the recipe named, or the one in the adapter's manifest."""
    from finetune.adapter_folder import read_manifest
    from finetune.recipe import Recipe, load_recipe, with_changes
    from rag.errors import TrainingError

    named = name or read_manifest(adapter).get("recipe")
    try:
        found = load_recipe(named) if isinstance(named, str) else Recipe.model_validate(named)
    except ValueError as exc:
        raise TrainingError(
            f"{adapter} does not name the recipe of its training. Name one with --recipe, or pass --limit 0."
        ) from exc
    return with_changes(found, data)
