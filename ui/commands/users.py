"""`lectern users`: the accounts of a library."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ui.options import ConfigOption, JsonOption, LibraryOption

if TYPE_CHECKING:
    from ui.accounts.store import AccountStore

app = typer.Typer(help="Add, list and remove the people who may log in.", no_args_is_help=True)
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The name to log in with.")]
PasswordOption = Annotated[
    Path | None,
    typer.Option(
        "--password-file",
        metavar="FILE",
        help="File whose first line is the password; without it, it is asked for, or read from standard input.",
        show_default=False,
    ),
]


def register(parent: typer.Typer) -> None:
    """Add the verbs."""
    parent.add_typer(app, name="users")


@app.command("add")
def add(
    name: NameArgument,
    role: Annotated[
        str,
        typer.Option(
            "--role",
            metavar="ROLE",
            help="student, or teacher: may change the library and sees Evaluate, Monitor and Model.",
        ),
    ] = "student",
    password_file: PasswordOption = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a person.

    From then on everyone logs in. A server that other machines can reach needs at least one account.
    """
    from ui.accounts.person import Role
    from ui.console import print_result, to_json

    if role not in set(Role):
        raise typer.BadParameter(f"{role!r} is neither student nor teacher", param_hint="--role")
    account = _store(library, config).add(name, _given_password(password_file), Role(role))
    person = account.person
    if as_json:
        print_result(to_json({"name": person.name, "role": person.role, "made": account.made_at}))
    else:
        print_result(f"{person.name}: added as {person.role}")


@app.command("list")
def list_users(
    library: LibraryOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """List everyone who may log in."""
    from rich.table import Table

    from ui.console import print_result, result_console, to_json

    accounts = _store(library, config).all()
    if as_json:
        for one in accounts:
            print_result(to_json({"name": one.person.name, "role": one.person.role, "made": one.made_at}))
        return
    table = Table("name", "role", "made", box=None, pad_edge=False)
    for one in accounts:
        table.add_row(one.person.name, one.person.role, one.made_at[:10])
    result_console().print(table)


@app.command("remove")
def remove(
    name: NameArgument,
    delete_data: Annotated[
        bool,
        typer.Option(
            "--delete-data",
            help="Delete the person's conversations, study cards and questions in the log too.",
        ),
    ] = False,
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a person, also from servers that run.

    Conversations and study cards stay in the library's folder `people` unless --delete-data is given.
    """
    from rag.library.backup import PEOPLE
    from ui.application import load
    from ui.console import print_result, to_json
    from ui.question_logging import question_log

    person = _store(library, config).remove(name, delete_data=delete_data)
    loaded = load(library, config)
    if delete_data:
        question_log(loaded.library, loaded.settings).delete_of(person.id)
    folder = loaded.library / PEOPLE / person.id
    kept = str(folder) if folder.is_dir() else ""
    if as_json:
        print_result(to_json({"name": person.name, "removed": True, "kept": kept or None}))
    else:
        print_result(f"{person.name}: removed" + (f"; conversations and cards are in {kept}" if kept else ""))


@app.command("password")
def password(
    name: NameArgument,
    password_file: PasswordOption = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a person another password; all browsers are logged out."""
    from ui.console import print_result, to_json

    _store(library, config).set_password(name, _given_password(password_file))
    print_result(to_json({"name": name, "changed": True}) if as_json else f"{name}: has another password")


def _store(library: str | None, config: Path | None) -> AccountStore:
    from ui.accounts.store import AccountStore
    from ui.application import load

    return AccountStore(load(library, config).library)


def _given_password(file: Path | None) -> str:
    """Return the password of a file, of the keyboard (twice), or of standard input.

    It is never an argument, because those are seen by others and kept in a shell's history.

    Raises:
        SettingsError: the file cannot be read.
    """
    from ui.access import first_line

    if file is not None:
        return first_line(file.expanduser())
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")
