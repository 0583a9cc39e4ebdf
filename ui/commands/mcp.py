"""`lectern mcp`: the notes as tools of the Model Context Protocol."""

from __future__ import annotations

import typer

from ui.options import AdapterOption, ConfigOption, CourseOption, LibraryOption, ModelOption, named_libraries


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command(name="mcp", help="Serve the notes as MCP tools over stdio: search, ask, document.")(mcp)


def mcp(
    course: CourseOption = None,
    model: ModelOption = None,
    adapter: AdapterOption = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
) -> None:
    """Serve MCP on stdin and stdout until the client leaves.

    Programs start it, people do not."""
    from rag.errors import ServerError
    from rag.extras import missing_extra
    from rag.system.telemetry import switch_off_telemetry
    from ui.application import load

    if missing := missing_extra("`lectern mcp`", "mcp"):
        raise ServerError(missing)
    switch_off_telemetry()
    from ui.api.courses import open_courses
    from ui.api.tools import mcp_server

    loaded = load(library, config, model__name=model, model__adapter=adapter)
    mcp_server(open_courses(loaded, named_libraries(course))).run("stdio")
