"""`lectern chat`: the web app on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from ui.options import (
    AdapterOption,
    AllowHostOption,
    ConfigOption,
    LibraryOption,
    ModelOption,
    PasswordFileOption,
)


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command(name="chat", help="Open the web app: ask, see the sources, add notes.")(chat)


def chat(
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on; 0 takes any free one.", show_default="7860")
    ] = None,
    password_file: PasswordFileOption = None,
    allow_host: AllowHostOption = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the browser.")] = False,
    model: ModelOption = None,
    adapter: AdapterOption = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
) -> None:
    """Serve the web app until it is interrupted."""
    from rag.errors import ServerError
    from rag.extras import missing_extra
    from ui.access import Access
    from ui.accounts.store import AccountStore
    from ui.application import Application, load
    from ui.console import log_console
    from ui.web.server import notice, serve, silence

    if missing := missing_extra("The web app", "web"):
        raise ServerError(missing)
    silence()
    loaded = load(
        library,
        config,
        chat__host=host,
        chat__port=port,
        access__password_file=password_file,
        access__hosts=",".join(allow_host) if allow_host else None,
        model__name=model,
        model__adapter=adapter,
    )
    host = loaded.settings.chat.host
    access = Access(host, loaded.settings.access, has_accounts=AccountStore(loaded.library).required)
    log = log_console()
    if others := notice(host, access):
        log.print(others, style="yellow")

    log.print("Opening the page…")
    from ui.teacher.pages import add_teacher_pages
    from ui.web.desk import Desk

    desk = Desk(Application(loaded))
    serve(
        desk,
        access,
        browser=not no_browser,
        opened=lambda address: log.print(f"Lectern is at {address} (Ctrl-C stops it)"),
        more=add_teacher_pages,
    )
