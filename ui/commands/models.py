"""`lectern models list|show|estimate`: which language models there are, and what they take before they are loaded."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ui.options import ConfigOption, JsonOption, LibraryOption

NameArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="`embedded`, `llama3-8b`, a GGUF file, a Hugging Face id or folder, or `openai:MODEL@URL`.",
        show_default=False,
    ),
]
ContextOption = Annotated[
    int,
    typer.Option(
        "--context", metavar="TOKENS", min=0, help="Prompt and answer; 0 for the model's own limit."
    ),
]
WeightsOption = Annotated[
    str | None,
    typer.Option(
        "--weights", metavar="TYPE", help="nf4, int8, bfloat16, float16 or float32.", show_default=False
    ),
]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    models = typer.Typer(
        help="Language models: presets, what is on this machine, memory before loading.", no_args_is_help=True
    )
    models.command("list")(list_models)
    models.command("show")(show)
    models.command("estimate")(estimate)
    app.add_typer(models, name="models")


def list_models(
    library: LibraryOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """The presets, the models that this machine has, and the GGUF files of the current folder."""
    from rag.chat_models.inventory import listed_models
    from ui.application import load
    from ui.console import print_result, result_console, to_json

    chosen = load(library, config).settings.model.name
    entries = listed_models()
    if as_json:
        print_result(to_json({"chosen": chosen, "models": entries}))
        return
    from rich.table import Table

    table = Table("model", "kind", "here", "size", "licence", "", box=None, pad_edge=False)
    for entry in entries:
        mark = f"{entry.name} (chosen)" if entry.name == chosen else entry.name
        here = "yes" if entry.here else "no"
        table.add_row(mark, entry.kind, here, _gigabytes(entry.size_bytes), entry.license, entry.note)
    result_console().print(table)


def show(
    name: NameArgument,
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """What is known of one model without loading it."""
    from rag.chat_models.inventory import described

    _print_facts(described(name), as_json)


def estimate(
    name: NameArgument,
    context: ContextOption = 0,
    weights: WeightsOption = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """The memory a model takes, before anything is downloaded or loaded."""
    from rag.chat_models.estimate import estimate as estimated
    from ui.application import load

    settings = load(library, config, model__name=name, model__weights=weights).settings.model
    found = estimated(settings, context)
    facts = {
        "name": found.name,
        "weights": found.weights,
        "device": found.device,
        "context_tokens": found.context_tokens,
        "conversations": found.conversations,
        "weight_bytes": found.weight_bytes,
        "kv_bytes": found.kv_bytes,
        "activation_bytes": found.activation_bytes,
        "runtime_bytes": found.runtime_bytes,
        "total_bytes": found.total_bytes,
        "least_bytes": found.least_bytes,
        "available_bytes": found.available_bytes,
        "fits": found.fits,
        "verdict": found.verdict,
    }
    _print_facts(facts, as_json)


def _print_facts(facts: dict[str, Any], as_json: bool) -> None:
    from ui.console import print_result, result_console, to_json

    if as_json:
        print_result(to_json(facts))
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    for key, value in facts.items():
        if value != "":
            shown = _gigabytes(value) if key.endswith("_bytes") else str(value)
            table.add_row(key.removesuffix("_bytes").replace("_", " "), shown)
    result_console().print(table)


def _gigabytes(count: int) -> str:
    if not count:
        return ""
    return f"{count / 1e9:.2f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"
