#!/usr/bin/env python3
"""Write a database of Lectern and its folder of files to one tar file.

python3 backup.py --database postgresql://USER@HOST/DATABASE --state ~/.local/state/lectern FILE.tar

It runs while Lectern does. Each part is of one moment: the database as pg_dump sees it, every SQLite file as
SQLite's own copy. It needs pg_dump of the server's version or newer, and Python's standard library.
Passwords belong in ~/.pgpass or PGPASSWORD.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import closing
from hashlib import file_digest
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

FORM = 1
DUMP = "database.dump"
MANIFEST = "manifest.json"
STATE = "state"
_PASSING = ("-wal", "-shm", "-journal", ".lock")
"""Endings of files that SQLite and running processes make again."""


def main(arguments: list[str] | None = None) -> int:
    """Write the backup; the old file is replaced when the new one is whole."""
    parser = argparse.ArgumentParser(description="Back up a database of Lectern and its folder of files.")
    parser.add_argument(
        "--database", required=True, help="postgresql://USER@HOST/DATABASE, without a password"
    )
    parser.add_argument("--state", required=True, type=Path, help="folder of conversations and accounts")
    parser.add_argument("file", type=Path, help="tar file to write")
    given = parser.parse_args(arguments)
    try:
        check_address(given.database)
        count = back_up(given.database, given.state.expanduser(), given.file.expanduser().absolute())
    except (OSError, ValueError, sqlite3.Error) as exc:
        print(f"No backup was written: {exc}", file=sys.stderr)
        return 1
    print(f"The database and {count} files are in {given.file}.")
    return 0


def check_address(database: str) -> None:
    """Check that an address has no password.

    Every user of the machine sees the command line.

    Raises:
        ValueError: it has one; the message does not repeat it.
    """
    if urlsplit(database).password or "password=" in database:
        raise ValueError("the address has a password in it; put it into ~/.pgpass or PGPASSWORD")


def back_up(database: str, state: Path, target: Path) -> int:
    """Write the backup and return the number of files of the folder.

    Raises:
        ValueError: pg_dump fails, or the folder is not there.
    """
    if not state.is_dir():
        raise ValueError(f"there is no folder {state}; --state is the folder of conversations and accounts")
    with TemporaryDirectory(dir=target.parent, prefix=".lectern-backup-") as folder:
        made = Path(folder)
        run("pg_dump", "--format=custom", "--no-password", f"--file={made / DUMP}", f"--dbname={database}")
        paths = [DUMP, *(f"{STATE}/{name}" for name in copy_files(state, made / STATE))]
        digests = {path: digest(made / path) for path in paths}
        (made / MANIFEST).write_text(json.dumps({"form": FORM, "sha256": digests}), encoding="utf-8")
        whole = made / "whole.tar"
        with tarfile.open(whole, "w") as tar:
            for path in (MANIFEST, *paths):
                tar.add(made / path, path)
        with whole.open("rb") as written:
            os.fsync(written.fileno())
        whole.chmod(0o600)
        whole.replace(target)
    return len(paths) - 1


def copy_files(source: Path, target: Path) -> Iterator[str]:
    """Copy the files of a folder and yield their names.

    One that goes meanwhile is left out.
    """
    for path in sorted(source.rglob("*")):
        if path.is_symlink() or not path.is_file() or path.name.endswith(_PASSING):
            continue
        name = path.relative_to(source).as_posix()
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            copy_file(path, copy)
        except (OSError, sqlite3.Error):
            if path.exists():
                raise
            copy.unlink(missing_ok=True)  # it was removed a moment ago
        else:
            yield name


def copy_file(path: Path, copy: Path) -> None:
    """Copy one file; SQLite copies its own."""
    if path.suffix == ".sqlite":
        # rw: the -wal file is read too, and a file that was removed is not made again.
        address = f"{path.absolute().as_uri()}?mode=rw"
        with (
            closing(sqlite3.connect(address, uri=True)) as original,
            closing(sqlite3.connect(copy)) as made,
        ):
            original.backup(made)
        shutil.copymode(path, copy)
    else:
        shutil.copy2(path, copy)


def run(*command: str) -> str:
    """Run a program of PostgreSQL, and return its output.

    Raises:
        ValueError: it is missing or fails; the message is its own.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise ValueError(f"{command[0]} is not installed; it comes with PostgreSQL's client") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise ValueError(lines[0])
    return done.stdout


def digest(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main())
