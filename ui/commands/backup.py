"""`lectern backup` and `lectern restore`: a library in one file, and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ui.options import ConfigOption, JsonOption, LibraryOption

if TYPE_CHECKING:
    from rag.library.backup import BackupReport


def register(app: typer.Typer) -> None:
    """Add both verbs."""
    app.command("backup")(backup)
    app.command("restore")(restore)


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Zip file to write.", show_default=False)],
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write notes, courses, conversations, cards and uploads to one zip file.

    It may run while the web app and an ingest do. An older FILE is replaced once the new one is whole. The notes' own
    folders are not in it.
    """
    from rag.library.backup import back_up

    _report(back_up(_folder(library, config), file), "are in", as_json)


def restore(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file of `lectern backup`.", show_default=False)
    ],
    library: LibraryOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a library that is there.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a backup back as a library.

    Every byte is checked before anything is changed. A web app that has the library open shows it at the next question.
    Where people have accounts, everyone logs in again.
    """
    from rag.library.backup import restore as put_back
    from ui.accounts.store import AccountStore

    folder = _folder(library, config)
    done = put_back(file, folder, overwrite=overwrite)
    AccountStore(folder).end_all_sessions()
    _report(done, "were restored from", as_json)


def _folder(library: str | None, config: Path | None) -> Path:
    """Return the library's folder.

    Raises:
        InputError: the library is on a server.
    """
    from rag.errors import InputError
    from ui.application import load

    loaded = load(library, config)
    if loaded.server:
        raise InputError(
            f"The notes of {loaded.place} are on a server, and a backup has only a folder. Save them with `pg_dump --format=custom DATABASE` and "
            f"put them back with `pg_restore`; copy {loaded.library} for conversations, study cards, accounts and the log of questions."
        )
    return loaded.library


def _report(done: BackupReport, how: str, as_json: bool) -> None:
    from ui.console import print_result, to_json

    if as_json:
        print_result(to_json(done))
        return
    print_result(f"{len(done.files)} files of {done.size_bytes / 1e6:,.1f} MB {how} {done.backup}.")
