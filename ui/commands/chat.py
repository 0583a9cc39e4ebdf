"""`lectern chat`: the web app on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from ui.options import AdapterOption, ConfigOption, LibraryOption, ModelOption


def register(app: typer.Typer) -> None:
    """Adds the verb to the command line."""
    app.command(name="chat", help="Open the web app: ask, see the sources, add notes.")(chat)


def chat(
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on; 0 takes any free one.", show_default="7860")
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the browser.")] = False,
    model: ModelOption = None,
    adapter: AdapterOption = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
) -> None:
    """Serves the web app until it is interrupted."""
    from ui.application import Application, load
    from ui.console import log_console
    from ui.web.server import serve, silence, warning

    silence()
    loaded = load(
        library, config, chat__host=host, chat__port=port, model__name=model, model__adapter=adapter
    )
    log = log_console()
    if said := warning(loaded.settings.chat):
        log.print(said, style="yellow")

    log.print("Opening the page…")
    from ui.web.desk import Desk

    desk = Desk(Application(loaded))
    serve(
        desk,
        browser=not no_browser,
        opened=lambda address: log.print(f"Lectern is at {address} (Ctrl-C stops it)"),
    )
