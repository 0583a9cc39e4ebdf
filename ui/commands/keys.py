"""`lectern keys`: the keys of the HTTP API."""

from __future__ import annotations

from typing import Annotated

import typer

from ui.options import ConfigOption, JsonOption, LibraryOption

app = typer.Typer(help="Make, list and revoke the keys of the HTTP API.", no_args_is_help=True)
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Who or what uses the key.")]


def register(parent: typer.Typer) -> None:
    """Add the verbs."""
    parent.add_typer(app, name="keys")


@app.command("add")
def add(
    name: NameArgument,
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key and print it.

    It is shown this once; only its hash is kept. From then on the API of this library asks for a key.
    """
    from ui.api.keys import KeyRing
    from ui.application import load
    from ui.console import log_console, print_result, to_json

    secret = KeyRing(load(library, config).library).add(name)
    if as_json:
        print_result(to_json({"name": name, "key": secret}))
        return
    print_result(secret)
    log_console().print("Keep it now: it cannot be shown again.", style="dim")


@app.command("list")
def list_keys(
    library: LibraryOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """List every key with its last characters and dates."""
    from rich.table import Table

    from ui.api.keys import KeyRing
    from ui.application import load
    from ui.console import print_result, result_console, to_json

    keys = KeyRing(load(library, config).library).all()
    if as_json:
        for key in keys:
            print_result(
                to_json(
                    {
                        "name": key.name,
                        "hint": key.hint,
                        "created": key.created,
                        "revoked": key.revoked or None,
                    }
                )
            )
        return
    table = Table("name", "ends in", "made", "revoked", box=None, pad_edge=False)
    for key in keys:
        table.add_row(key.name, key.hint, key.created[:10], key.revoked[:10] or "-")
    result_console().print(table)


@app.command("revoke")
def revoke(
    name: NameArgument,
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key invalid, also for servers that run."""
    from ui.api.keys import KeyRing
    from ui.application import load
    from ui.console import print_result, to_json

    KeyRing(load(library, config).library).revoke(name)
    print_result(to_json({"name": name, "revoked": True}) if as_json else f"{name}: revoked")
