"""`lectern settings`: every setting, its value and its source."""

from __future__ import annotations

import typer

from ui.options import ConfigOption, JsonOption, LibraryOption

_SECRET = ("model.api_key", "access.password")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("settings")(settings)


def settings(library: LibraryOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show every setting, its value and its source.

    Flags come before LECTERN_* variables (LECTERN_MODEL__NAME for `model.name`), these before lectern.toml,
    and that before the defaults.
    """
    from rag.settings_loading import flat_settings, known_keys
    from ui.application import load
    from ui.console import print_result, result_console, to_json

    loaded = load(library, config)
    values = flat_settings(loaded.settings) | {"library": loaded.place}
    values |= {key: "(hidden)" for key, value in values.items() if key in _SECRET and value}
    about = known_keys()
    rows = {
        key: {"value": value, "source": loaded.sources.get(key, "default"), "about": about[key]}
        for key, value in values.items()
    }
    if as_json:
        print_result(to_json(rows))
        return
    from rich.table import Table

    table = Table("setting", "value", "from", "what it is", box=None, pad_edge=False)
    for key, row in rows.items():
        table.add_row(key, str(row["value"]), str(row["source"]), str(row["about"]))
    result_console().print(table)
