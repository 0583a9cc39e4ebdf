#!/usr/bin/env python3
"""Put a file of backup.py back: a database of Lectern and its folder of files.

python3 restore.py --database postgresql://USER@HOST/DATABASE --state ~/.local/state/lectern FILE.tar

Stop every Lectern process first. The database is there and empty (`createdb`), or --overwrite replaces the tables in it.
Every byte is checked before anything is changed, and the tables come in one transaction. A folder that is there
is kept beside the new one with the ending `.before-restore`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

from backup import DUMP, FORM, MANIFEST, STATE, check_address, digest, run

KEPT = ".before-restore"
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
    if state.is_dir() and any(state.iterdir()) and not overwrite:
        raise ValueError(f"{state} is not empty; --overwrite keeps it as {state.name}{KEPT}")
    state.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=state.parent, prefix=".lectern-restore-") as folder:
        made = Path(folder)
        with tarfile.open(file) as tar:
            tar.extractall(made, filter="data")
        count = check_files(made)
        restore_database(database, made / DUMP, overwrite)
        (made / STATE).mkdir(exist_ok=True)
        if state.exists():
            kept = state.with_name(f"{state.name}{KEPT}")
            if kept.exists():
                shutil.rmtree(kept)
            state.rename(kept)
        (made / STATE).rename(state)
        state.chmod(0o700)
    return count


def restore_database(database: str, dump: Path, overwrite: bool) -> None:
    """Put the tables back in one transaction.

    With `overwrite` those that are there have another name meanwhile, and get theirs back after a failure. (The option
    --clean of pg_restore cannot drop the keys of partitions.)

    Raises:
        ValueError: a program of PostgreSQL fails.
    """
    replaced = overwrite and psql(database, "SELECT 1 FROM pg_namespace WHERE nspname = 'lectern'") != ""
    if replaced:
        psql(database, f"ALTER SCHEMA lectern RENAME TO {OLD_SCHEMA}")
    try:
        run(
            *("pg_restore", "--no-password", "--exit-on-error", "--single-transaction"),
            *(f"--dbname={database}", str(dump)),
        )
    except ValueError:
        if replaced:
            psql(database, f"ALTER SCHEMA {OLD_SCHEMA} RENAME TO lectern")
        raise
    if replaced:
        psql(database, f"DROP SCHEMA {OLD_SCHEMA} CASCADE")


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
        form, digests = manifest["form"], manifest["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        raise ValueError("the file is no backup of backup.py") from None
    if form != FORM:
        raise ValueError(
            f"the file has form {form} and this script knows form {FORM}; use the script beside it"
        )
    for name, expected in digests.items():
        path = folder / name
        if not path.is_file() or digest(path) != expected:
            raise ValueError(f"{name} of the backup is damaged; use another backup")
    return len(digests) - 1


if __name__ == "__main__":
    sys.exit(main())
