"""`lectern finetune`: preview, estimate, train, measure, merge and export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ui.commands import finetune_evaluate
from ui.commands.finetune_evaluate import AdapterArgument, DataOption
from ui.options import JsonOption

RecipeArgument = Annotated[
    str, typer.Argument(metavar="RECIPE", help="A TOML file, or the name of a recipe of the project.")
]
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="PATH", help="Output folder.", show_default=False)
]
BaseOption = Annotated[
    str, typer.Option("--base", metavar="NAME", help="`embedded`, a folder, an id or a GGUF file.")
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    verbs = typer.Typer(help="Fine-tune the language model and measure the result.", no_args_is_help=True)
    for name, function in (
        ("preview", preview),
        ("estimate", estimate),
        ("train", train),
        ("evaluate", finetune_evaluate.evaluate),
        ("average", average),
        ("merge", merge),
        ("export-gguf", export_gguf),
    ):
        verbs.command(name)(function)
    app.add_typer(verbs, name="finetune")


def preview(
    recipe: RecipeArgument,
    data: DataOption = None,
    rows: Annotated[int, typer.Option(min=0, help="Number of rows to show.")] = 3,
    as_json: JsonOption = False,
) -> None:
    """Show rows as the model will see them, and their lengths.

    The trained text is bold, between {+ and +}.
    """
    from rich.text import Text

    from finetune.preview import marked
    from finetune.preview import preview as make_preview
    from finetune.recipe import load_recipe, with_changes
    from ui.console import print_result, result_console, to_json

    found = make_preview(with_changes(load_recipe(recipe), data), rows)
    if as_json:
        print_result(to_json(found))
        return
    console = result_console()
    for row in found.rows:
        text = Text()
        for segment in row:
            text.append(marked((segment,)), style="bold green" if segment.trained else "dim")
        console.print(text, "\n" + "-" * 40)
    widest = max((count for _, _, count in found.histogram), default=1)
    for low, high, count in found.histogram:
        console.print(f"{low:>6}-{high:<6} {count:>7} {'#' * (40 * count // max(widest, 1))}")
    dropped = ", ".join(f"{count} {reason}" for reason, count in found.dropped.items()) or "none"
    console.print(
        f"{found.train_rows} rows to train on, {found.held_out_rows} held out, dropped: {dropped}.\n"
        f"{found.tokens:,} tokens, {found.trained_tokens:,} of them trained (between {{+ and +}}). Padding: {found.padded_share:.0%} of a batch "
        f"without packing, {found.packed_share:.0%} with it."
    )


def estimate(recipe: RecipeArgument, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Estimate memory and time of a recipe.

    Nothing is loaded for it.
    """
    from finetune.estimate import estimate as make_estimate
    from finetune.preview import preview as make_preview
    from finetune.recipe import load_recipe, with_changes
    from rag.errors import LecternError
    from ui.console import plain, print_result, result_console, to_json

    loaded = with_changes(load_recipe(recipe), data)
    try:
        tokens, note = make_preview(loaded, 0).tokens, ""
    except LecternError as exc:
        tokens, note = 0, f"The rows could not be read, so the time counts none: {exc}"
    found = make_estimate(loaded, tokens)
    if as_json:
        print_result(to_json(plain(found) | {"total_bytes": found.total_bytes, "note": note}))
        return
    gigabytes = {
        "frozen weights": found.weights_bytes,
        "adapter, gradient and optimizer": found.adapter_bytes,
        "activations": found.activation_bytes,
        "logits": found.logit_bytes,
        "the program itself": found.program_bytes,
        "all, with a tenth to spare": found.total_bytes,
    }
    lines = [f"{name:<34}{size / 1e9:>8.2f} GB" for name, size in gigabytes.items() if size]
    lines.append(
        f"{found.parameters / 1e9:.2f} billion weights, {found.adapter_parameters / 1e6:.1f} million trained."
    )
    lines.append(
        f"{found.tokens:,} tokens: about {found.gpu_seconds / 60:.0f} minutes on a large GPU, "
        f"{found.cpu_seconds / 3600:.1f} hours on two processor cores."
    )
    result_console().print("\n".join([*lines, note] if note else lines))


def train(
    recipe: RecipeArgument,
    data: DataOption = None,
    out: OutOption = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Stop after this number of steps.", show_default=False)
    ] = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train a recipe.

    Run it again after a crash: it continues from its last checkpoint.

    --overwrite deletes what an earlier run wrote into --out, and no other file there.
    """
    from finetune.model_card import command_line, write_card
    from finetune.recipe import load_recipe, with_changes
    from finetune.training import train as run
    from ui.console import plain, print_result, result_console, to_json

    loaded = with_changes(load_recipe(recipe), data, steps)
    folder = out or Path("adapters") / loaded.name
    outcome = run(loaded, folder, overwrite=overwrite, quiet=as_json)
    flags = {"--data": data, "--out": out, "--steps": steps}
    given = [word for flag, value in flags.items() if value is not None for word in (flag, value)]
    write_card(outcome, loaded, command_line(["lectern", "finetune", "train", recipe, *given]))
    if as_json:
        print_result(to_json(plain(outcome)))
        return
    held = f", held-out loss {outcome.held_out_loss:.4f}" if outcome.held_out_loss is not None else ""
    kept = f" The weights of step {outcome.kept_step} are kept." if outcome.kept_step != outcome.steps else ""
    left_out = ", ".join(f"{count} {reason}" for reason, count in outcome.left_out.items()) or "none"
    result_console().print(
        f"{outcome.steps} steps in {outcome.seconds:.0f} s, training loss {outcome.train_loss:.4f}{held}.{kept}\n"
        f"Rows left out: {left_out}.\n"
        f"Adapter: {outcome.adapter}\nUse it: lectern ask QUESTION --adapter {outcome.adapter}"
    )


def average(
    adapters: Annotated[
        list[Path],
        typer.Argument(metavar="ADAPTER...", help="Adapters that were trained from the same adapter."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="PATH", help="Output folder.", show_default=False)],
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Average the weights of several runs.

    The result is one adapter, as fast as each of them and often better. The runs must start from the same
    adapter (lora.start); their rows or their order may differ.
    """
    from finetune.averaging import average as make_average
    from ui.console import print_result, to_json

    folder = make_average(adapters, out, overwrite=overwrite)
    parts = [str(adapter) for adapter in adapters]
    message = f"The mean of {len(parts)} adapters: {folder}"
    print_result(to_json({"adapter": str(folder), "average_of": parts}) if as_json else message)


def merge(
    adapter: AdapterArgument,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the merged model.")],
    base: BaseOption = "embedded",
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Merge an adapter into its base: a folder of bfloat16 weights."""
    from finetune.export import merge as write
    from ui.console import print_result, to_json

    folder = write(base, adapter, out, overwrite=overwrite)
    print_result(to_json({"model": str(folder)}) if as_json else f"Merged model: {folder}")


def export_gguf(
    adapter: AdapterArgument,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The GGUF file to write.")],
    base: BaseOption = "embedded",
    weights: Annotated[str, typer.Option(help="Type of the changed weights: Q8_0, F16 or F32.")] = "Q8_0",
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Export an adapter merged into its base as a GGUF file.

    An Ollama Modelfile is written beside it.
    """
    from finetune.export import export_gguf as write
    from ui.console import print_result, to_json

    if weights not in ("Q8_0", "F16", "F32"):
        raise typer.BadParameter(f"{weights!r} is none of Q8_0, F16, F32")
    file, modelfile = write(base, adapter, out, weights, overwrite=overwrite)
    message = f"GGUF: {file}\nOllama: ollama create NAME -f {modelfile}"
    print_result(to_json({"gguf": str(file), "modelfile": str(modelfile)}) if as_json else message)
