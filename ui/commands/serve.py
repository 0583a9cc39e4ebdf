"""`lectern serve`: the HTTP API without the web app."""

from __future__ import annotations

from typing import Annotated

import typer

from ui.options import (
    AdapterOption,
    AllowHostOption,
    ConfigOption,
    CourseOption,
    LibraryOption,
    ModelOption,
    PasswordFileOption,
    named_libraries,
)


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command(name="serve", help="Serve the HTTP API: OpenAI's form, search, ask and documents.")(serve)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on; 0 takes any free one.", show_default="7861")
    ] = None,
    course: CourseOption = None,
    password_file: PasswordFileOption = None,
    allow_host: AllowHostOption = None,
    model: ModelOption = None,
    adapter: AdapterOption = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
) -> None:
    """Serve the API until it is interrupted.

    Where other machines can reach the address it needs a key (`lectern keys add`) or a password.
    """
    from rag.system.telemetry import switch_off_telemetry
    from ui.access import Access
    from ui.api.courses import open_courses
    from ui.api.keys import KeyRing
    from ui.api.server import serve as serve_api
    from ui.application import load
    from ui.console import log_console

    switch_off_telemetry()
    loaded = load(
        library,
        config,
        api__host=host,
        api__port=port,
        access__password_file=password_file,
        access__hosts=",".join(allow_host) if allow_host else None,
        model__name=model,
        model__adapter=adapter,
    )
    settings = loaded.settings
    keys = KeyRing(loaded.library)
    access = Access(settings.api.host, settings.access, has_keys=keys.required)
    courses = open_courses(loaded, named_libraries(course))
    log = log_console()
    serve_api(
        courses,
        access,
        keys,
        settings.api,
        opened=lambda address: log.print(
            f"Lectern's API is at {address}/v1 (Ctrl-C stops it)", soft_wrap=True
        ),
    )
