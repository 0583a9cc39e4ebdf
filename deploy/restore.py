#!/usr/bin/env python3
"""Put a file of backup.py back: a database of Lectern and its folder of files.

python3 restore.py --database postgresql://USER@HOST/DATABASE --state ~/.local/state/lectern FILE.tar

Stop every Lectern process first. The database is there and empty (`createdb`), or --overwrite replaces the tables in it.
Every byte is checked before anything is changed, and the tables come in one transaction. A folder that is there
is kept beside the new one with the ending `.before-restore`. After a failure tables and folder are as they were.
"""

from __future__ import annotations

import argparse
import json
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from backup import DUMP, FORM, MANIFEST, STATE, check_address, digest, run

KEPT = ".before-restore"
SCHEMA = "lectern"
OLD_SCHEMA = "lectern_before_restore"


def main(arguments: list[str] | None = None) -> int:
    """Put the backup back."""
    parser = argparse.ArgumentParser(description="Put a file of backup.py back.")
    parser.add_argument(
        "--database", required=True, help="postgresql://USER@HOST/DATABASE, without a password"
    )
    parser.add_argument("--state", required=True, type=Path, help="folder of conversations and accounts")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace the tables and the folder that are there"
    )
    parser.add_argument("file", type=Path, help="file of backup.py")
    given = parser.parse_args(arguments)
    try:
        check_address(given.database)
        count = restore(
            given.file.expanduser(), given.database, given.state.expanduser().absolute(), given.overwrite
        )
    except (OSError, ValueError, tarfile.TarError) as exc:
        print(f"The backup was not restored: {exc}", file=sys.stderr)
        return 1
    print(
        f"The database and {count} files are as they were. Start Lectern; what an ingest added later is read again."
    )
    return 0


def restore(file: Path, database: str, state: Path, overwrite: bool) -> int:
    """Put the database and the folder back, and return the number of files.

    Raises:
        ValueError: the file is damaged, something is in the way, or pg_restore fails.
    """
    kept = state.with_name(f"{state.name}{KEPT}")
    if is_full(state) and not overwrite:
        raise ValueError(f"{state} is not empty; --overwrite keeps it as {kept.name}")
    if is_full(state) and kept.exists():
        raise ValueError(f"{kept} of an earlier restore is there; move it away first")
    state.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=state.parent, prefix=".lectern-restore-") as folder:
        made = Path(folder)
        with tarfile.open(file) as tar:
            tar.extractall(made, filter="data")
        count = check_files(made)
        (made / STATE).mkdir(exist_ok=True)
        (made / STATE).chmod(0o700)
        put_back(database, made / DUMP, overwrite, lambda: swap(made / STATE, state, kept))
    return count


def put_back(database: str, dump: Path, overwrite: bool, then: Callable[[], None]) -> None:
    """Put the tables back in one transaction, and do what comes `then`.

    With `overwrite` the tables that are there have another name meanwhile, and get theirs back after any failure. (The
    option --clean of pg_restore cannot drop the keys of partitions.)

    Raises:
        ValueError: a program of PostgreSQL fails, or a restore was killed before.
    """
    names = f"nspname IN ('{SCHEMA}', '{OLD_SCHEMA}')"
    found = psql(database, f"SELECT nspname FROM pg_namespace WHERE {names}").split()
    if OLD_SCHEMA in found:
        raise ValueError(
            f"a restore was stopped before its end, and the tables from before it are in the schema {OLD_SCHEMA}. Give them "
            f"their name back (ALTER SCHEMA {OLD_SCHEMA} RENAME TO {SCHEMA}), or drop them if {SCHEMA} has what you want"
        )
    replaced, restored = overwrite and SCHEMA in found, False
    if replaced:
        psql(database, f"ALTER SCHEMA {SCHEMA} RENAME TO {OLD_SCHEMA}")
    try:
        # Only its owner may comment on an extension, and pgvector's is often a superuser.
        options = ("--no-password", "--no-comments", "--exit-on-error", "--single-transaction")
        run("pg_restore", *options, f"--dbname={database}", str(dump))
        restored = True
        then()
    except BaseException:  # Ctrl-C too
        if restored:
            psql(database, f"DROP SCHEMA {SCHEMA} CASCADE")
        if replaced:
            psql(database, f"ALTER SCHEMA {OLD_SCHEMA} RENAME TO {SCHEMA}")
        raise
    if replaced:
        psql(database, f"DROP SCHEMA {OLD_SCHEMA} CASCADE")


def is_full(folder: Path) -> bool:
    """Return True for a folder with something in it."""
    return folder.is_dir() and any(folder.iterdir())


def swap(made: Path, state: Path, kept: Path) -> None:
    """Put a new folder in the place of the one that is there, which is kept."""
    full = is_full(state)
    if full:
        state.rename(kept)
    try:
        made.rename(state)
    except BaseException:
        if full:
            kept.rename(state)
        raise


def psql(database: str, statement: str) -> str:
    """Return the output of one statement.

    Raises:
        ValueError: it fails.
    """
    options = (
        "--no-psqlrc",
        "--no-password",
        "--quiet",
        "--tuples-only",
        "--no-align",
        "--set=ON_ERROR_STOP=1",
    )
    return run("psql", *options, f"--dbname={database}", f"--command={statement}").strip()


def check_files(folder: Path) -> int:
    """Check an unpacked backup, and return its number of files beside the database.

    Raises:
        ValueError: one is missing or damaged, or another program wrote them.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        form, digests = manifest["form"], dict(manifest["sha256"])
        _ = digests[DUMP]
    except (OSError, ValueError, KeyError, TypeError):
        raise ValueError("the file is no backup of backup.py") from None
    if form != FORM:
        raise ValueError(
            f"the file has form {form} and this script knows form {FORM}; use the script beside it"
        )
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    strange = found - {MANIFEST} - digests.keys()
    if strange:
        raise ValueError(f"{min(strange)} of the backup is not in its list; use another backup")
    for name, expected in digests.items():
        path = folder / name
        if not path.is_file() or digest(path) != expected:
            raise ValueError(f"{name} of the backup is damaged; use another backup")
    return len(digests) - 1


if __name__ == "__main__":
    sys.exit(main())
