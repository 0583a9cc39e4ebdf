"""What only a library on a server does: courses side by side, roles, the index of a large course, and what can go wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.errors import LibraryBusy, LibraryDamaged, LibraryMismatch, LibraryMissing, LibraryUnreachable
from rag.library.opening import open_library
from rag.library.store import LibraryStore
from rag.search.index import dense_search, keep_index
from rag.search.scope import Scope, allowed_passages
from rag.search.searcher import Searcher
from rag.settings import RetrievalSettings
from rag.system.server_address import ServerAddress, parse_address
from tests.patience import PATIENCE_SECONDS

psycopg = pytest.importorskip("psycopg", reason="psycopg (extra postgres) is not installed")
Put = Callable[..., Any]
MakeStore = Callable[..., LibraryStore]
_END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"


@pytest.fixture
def address(make_database: Callable[[], str]) -> ServerAddress:
    """A course in an empty database of its own."""
    return parse_address(f"{make_database()}#algebra")


def run(address: ServerAddress, *statements: str) -> None:
    """Run statements as the owner of the database."""
    with psycopg.connect(address.connection, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def as_role(address: ServerAddress, role: str) -> ServerAddress:
    return parse_address(f"{address.connection.replace('postgres:@', f'{role}@', 1)}#{address.course}")


def test_two_courses_of_a_database_never_see_each_other(
    make_course: MakeStore, put_in: Put, letter_tokens: Any
) -> None:
    one, other = make_course(), make_course()
    put_in(one, letter_tokens, "a.md", "apple banana")
    put_in(other, letter_tokens, "a.md", "apple cherry", "date")
    other.tag_document("a.md", ["exam"])
    one.add_feedback("q", "{}", "good")
    searchers = [Searcher(store, letter_tokens, RetrievalSettings()) for store in (one, other)]
    assert [[hit.chunk.text for hit in searcher.search("apple")] for searcher in searchers] == [
        ["apple banana"],
        ["apple cherry", "date"],
    ]
    assert searchers[0].lexical.terms("cherry")[0].passages == 0
    with one.writing(), other.writing():
        one.remove_document("a.md")
    assert (one.chunk_count(), other.chunk_count(), other.given_tags("a.md")) == (0, 2, ("exam",))
    assert (len(one.feedback()), other.feedback(), other.failures()) == (1, [], [])


def test_a_role_sees_only_the_course_it_is_admitted_to(
    address: ServerAddress, tmp_path: Path, put_in: Put, letter_tokens: Any
) -> None:
    geometry = replace(address, course="geometry", shown=address.shown.replace("#algebra", "#geometry"))
    stores = [open_library(tmp_path, one, create=True) for one in (address, geometry)]
    for store in stores:
        store.bind("first letters", 8, "by hand")
        put_in(store, letter_tokens, "a.md", f"apple of {store.place.partition('#')[2]}")
    role = f"ann_{address.connection.rpartition('/db')[2][:12]}"
    run(address, f"CREATE ROLE {role} LOGIN")
    with pytest.raises(LibraryUnreachable, match=r"may not do this.*lectern\.admit"):
        open_library(tmp_path, as_role(address, role))
    run(address, f"SELECT lectern.admit('{role}', 'algebra')")
    with closing(open_library(tmp_path, as_role(address, role))) as limited:
        found = Searcher(limited, letter_tokens, RetrievalSettings()).search("apple")
        assert [hit.chunk.text for hit in found] == ["apple of algebra"]
        assert limited.add_feedback("q", "{}", "good") == 1
        with pytest.raises(LibraryUnreachable, match="may not do this"):
            limited.remove_document("a.md")
        with pytest.raises(LibraryMissing, match="no course 'geometry' that this user may see, but algebra"):
            open_library(tmp_path, as_role(geometry, role))
        everything = limited.connections.rows
        tables = ("documents", "blocks", "embeddings", "chunks", "postings", "failures", "feedback")
        for table in tables:
            assert (
                everything(
                    f"SELECT course FROM lectern.{table} WHERE course <> %s", (limited.connections.course,)
                )
                == []
            )
        assert everything("SELECT name FROM lectern.courses") == [("algebra",)]
        with pytest.raises(LibraryUnreachable):
            everything("SELECT * FROM lectern.chunks_2")
        run(address, f"SELECT lectern.admit('{role}', 'algebra', true)")
        put_in(limited, letter_tokens, "b.md", "banana", "cherry")
        limited.tag_document("b.md", ["x"])
        keep_index(limited)
        with pytest.raises(LibraryUnreachable, match="may not do this"):
            everything("INSERT INTO lectern.failures VALUES (2, 'a', 'a', 'a', 0, 0, '', '')")
        run(address, f"SELECT lectern.admit('{role}', 'geometry')")
        with closing(open_library(tmp_path, as_role(geometry, role))) as readable:
            assert readable.has("a.md") and readable.add_feedback("q", "{}", "good") == 1
            with pytest.raises(LibraryUnreachable, match="may not do this"):
                put_in(readable, letter_tokens, "b.md", "banana")
            with pytest.raises(LibraryUnreachable, match="may not change it"):
                readable.remove_document("a.md")  # the server only finds nothing to delete
            for statement in (
                "UPDATE lectern.documents SET course = 2 RETURNING 1",
                "UPDATE lectern.courses SET name = 'another' RETURNING 1",
                "UPDATE lectern.members SET writes = true RETURNING 1",
            ):
                with pytest.raises(LibraryUnreachable, match="may not do this"):
                    everything(statement)
            assert everything("UPDATE lectern.courses SET generation = 9 WHERE id = 2 RETURNING 1") == []
            assert everything("DELETE FROM lectern.feedback WHERE course = 2 RETURNING 1") == []
        run(address, f"SELECT lectern.admit('{role}', 'algebra', false)")
        with pytest.raises(LibraryUnreachable, match="may not do this"):
            put_in(limited, letter_tokens, "c.md", "cherry")
    assert stores[0].has("b.md") and not stores[1].has("b.md") and stores[1].has("a.md")
    for store in stores:
        store.close()


def test_a_large_course_has_an_index_that_finds_what_comparing_all_finds(
    make_course: MakeStore, put_in: Put, letter_tokens: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_course()
    random = np.random.default_rng(0)
    for number in range(10):
        put_in(
            store,
            letter_tokens,
            f"{number}.md",
            *(" ".join(random.choice(list("abcdefgh"), 30)) for _ in range(40)),
        )
    query, near = letter_tokens.embed_query("a b c d"), dense_search(store)
    rowids, cosines = near.search(query, 20)
    _, vectors = store.vectors()
    assert cosines.tolist() == pytest.approx(sorted((vectors @ query).tolist(), reverse=True)[:20], abs=1e-6)
    monkeypatch.setattr("rag.library.postgres.dense.EXACT_LIMIT", 100)
    assert near.needs_index()  # type: ignore[attr-defined]
    keep_index(store)
    assert near.has_index() and not near.needs_index()  # type: ignore[attr-defined]
    connections = store.connections  # type: ignore[attr-defined]
    connections.reading.execute("SET enable_sort = off")  # 400 rows alone would not be worth an index
    again, scores = near.search(query, 20)
    assert scores.tolist() == pytest.approx(cosines.tolist(), abs=1e-6)
    assert again.tolist() == rowids.tolist()
    plan = connections.rows(
        "EXPLAIN SELECT id FROM lectern.embeddings WHERE course = %s ORDER BY vector::halfvec(8) <#> '[1,0,0,0,0,0,0,0]'::halfvec(8) LIMIT 5",
        (connections.course,),
    )
    assert any("hnsw" in line for (line,) in plan)
    scope = allowed_passages(store, Scope(documents=("3.md",)))
    assert set(near.search(query, 500, scope)[0].tolist()) == set(store.rowids_in(["3.md"]).tolist())


def test_a_connection_that_ends_in_the_middle_of_a_write_loses_nothing(
    make_course: MakeStore, put_in: Put, letter_tokens: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_course()
    put_in(store, letter_tokens, "a.md", "apple")

    def ended(*_: Any) -> Any:
        with psycopg.connect(parse_address(store.place).connection, autocommit=True) as owner:
            owner.execute(_END_ALL)
        return [{}]

    with monkeypatch.context() as patched:
        patched.setattr("rag.library.postgres.postings.term_counts", ended)
        with pytest.raises(LibraryUnreachable, match=r"was lost.*Nothing that was saved before is lost"):
            put_in(store, letter_tokens, "b.md", "banana")
    assert [record.path for record in store.documents()] == ["a.md"]
    put_in(store, letter_tokens, "b.md", "banana")
    assert store.has("b.md")


def test_a_verdict_is_kept_after_the_server_ended_the_connections(make_course: MakeStore) -> None:
    store = make_course()
    assert store.add_feedback("q", "{}", "good") == 1
    with psycopg.connect(parse_address(store.place).connection, autocommit=True) as owner:
        owner.execute(_END_ALL)
    assert store.add_feedback("r", "{}", "bad") == 2
    assert len(store.feedback()) == 2


def test_a_writer_that_lost_its_lock_writes_nothing_more(
    make_course: MakeStore, put_in: Put, letter_tokens: Any
) -> None:
    store = make_course()
    other = make_course(again=store)
    with pytest.raises(LibraryUnreachable, match="lost while writing"), store.writing():
        store.connections.writing.close()  # type: ignore[attr-defined]
        with other.writing():
            put_in(store, letter_tokens, "a.md", "apple")
    assert other.documents() == []


def test_errors_of_the_server_are_one_sentence(
    make_course: MakeStore, put_in: Put, letter_tokens: Any
) -> None:
    store = make_course()
    for code, expected, words in (
        ("53100", LibraryDamaged, "no disk space"),
        ("55P03", LibraryBusy, "try again in a moment"),
        ("25006", LibraryUnreachable, "is a replica"),
        ("XX001", LibraryDamaged, "XX001: the reason"),
    ):
        raising = f"DO $$ BEGIN RAISE EXCEPTION 'the reason' USING ERRCODE = '{code}'; END $$"
        with pytest.raises(expected, match=words), store.connections.transaction(locked=True) as connection:  # type: ignore[attr-defined]
            connection.execute("DELETE FROM lectern.documents")
            connection.execute(raising)
    assert store.generation == 1


def test_a_server_that_is_not_there_or_refuses_is_named_without_the_password(
    address: ServerAddress, tmp_path: Path
) -> None:
    closed = "postgresql://ann:secret@127.0.0.1:1/notes#algebra"
    for text, words in (
        (closed, "cannot be reached.*Connection refused"),
        (f"{closed.replace('1/notes', '1/notes?password=secret&sslpassword=secret')}", "cannot be reached"),
        (f"{address.connection.replace('/db', '/nodb')}#algebra", "has no database 'nodb"),
        (f"{address.connection.replace('postgres:@', 'nobody:secret@')}#algebra", "does not know this user"),
        (f"{address.connection}&nonsense=1#algebra", "an option that PostgreSQL does not know"),
    ):
        with pytest.raises(LibraryUnreachable, match=words) as caught:
            open_library(tmp_path, parse_address(text))
        assert "secret" not in str(caught.value)
        assert "secret" not in repr(parse_address(text))


def test_a_wrong_password_is_refused(address: ServerAddress, tmp_path: Path) -> None:
    from rag.library.postgres.errors import translated_connecting

    with (
        pytest.raises(LibraryUnreachable, match=r"refuses the user or the password.*\.pgpass"),
        translated_connecting("place", "db"),
    ):
        raise psycopg.OperationalError(
            'connection failed: FATAL:  password authentication failed for user "ann"'
        )


def test_an_unknown_course_is_named_with_those_that_are_there(address: ServerAddress, tmp_path: Path) -> None:
    with pytest.raises(LibraryMissing, match="no library of Lectern yet"):
        open_library(tmp_path, address)
    open_library(tmp_path, address, create=True).close()
    other = replace(address, course="geometry")
    with pytest.raises(LibraryMissing, match="no course 'geometry' that this user may see, but algebra"):
        open_library(tmp_path, other)


def test_another_version_of_the_tables_is_refused(address: ServerAddress, tmp_path: Path) -> None:
    open_library(tmp_path, address, create=True).close()
    run(address, "UPDATE lectern.version SET schema = 99")
    with pytest.raises(
        LibraryMismatch, match=r"have version 99, this Lectern knows version 1. Update Lectern"
    ):
        open_library(tmp_path, address, create=True)


def test_a_server_that_is_too_old_or_lacks_the_extension_is_refused(
    address: ServerAddress, tmp_path: Path
) -> None:
    from rag.library.postgres.schema import check_server

    check_server("place", 160004, "0.8.0")
    with pytest.raises(LibraryMismatch, match="PostgreSQL 15; version 16 or newer"):
        check_server("place", 150004, "0.8.0")
    with pytest.raises(LibraryMismatch, match=r"pgvector 0\.7\.4; version 0\.8 or newer"):
        check_server("place", 160004, "0.7.4")
    open_library(tmp_path, address, create=True).close()
    run(address, "DROP EXTENSION vector CASCADE")
    with pytest.raises(LibraryMismatch, match=r"lacks the extension pgvector.*CREATE EXTENSION vector"):
        open_library(tmp_path, address)


def test_a_user_who_may_not_make_tables_is_refused(address: ServerAddress, tmp_path: Path) -> None:
    role = f"bob_{address.connection.rpartition('/db')[2][:12]}"
    run(address, f"CREATE ROLE {role} LOGIN")
    with pytest.raises(LibraryUnreachable, match=r"may not make tables.*as the database's owner"):
        open_library(tmp_path, as_role(address, role), create=True)


def test_many_threads_search_and_their_connections_end_with_them(
    make_course: MakeStore, put_in: Put, letter_tokens: Any
) -> None:
    store = make_course()
    put_in(store, letter_tokens, "a.md", "apple banana", "cherry")
    searcher = Searcher(store, letter_tokens, RetrievalSettings())
    found: list[list[str]] = []
    for _ in range(3):
        threads = [
            threading.Thread(target=lambda: found.append([h.chunk.text for h in searcher.search("cherry")]))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert found == [["cherry", "apple banana"]] * 24
    query = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()"
    assert store.connections.rows(query)[0][0] < 20  # type: ignore[attr-defined]


def test_a_course_is_dropped_by_the_owner_alone_and_without_remains(
    address: ServerAddress, tmp_path: Path, put_in: Put, letter_tokens: Any
) -> None:
    with closing(open_library(tmp_path, address, create=True)) as store:
        store.bind("first letters", 8, "by hand")
        put_in(store, letter_tokens, "a.md", "apple")
        role = f"tim_{address.connection.rpartition('/db')[2][:12]}"
        run(address, f"CREATE ROLE {role} LOGIN", f"SELECT lectern.admit('{role}', 'algebra', true)")
        with closing(open_library(tmp_path, as_role(address, role))) as limited:
            with pytest.raises(LibraryUnreachable, match="may not do this"):
                limited.drop()
            assert limited.chunk_count() == 1
        store.drop()
    with psycopg.connect(address.connection) as connection:
        tables = "SELECT relname FROM pg_class WHERE relnamespace = 'lectern'::regnamespace AND relname ~ '_1(_|$)'"
        assert connection.execute(tables).fetchall() == []
        assert connection.execute(
            "SELECT (SELECT count(*) FROM lectern.courses), (SELECT count(*) FROM lectern.members)"
        ).fetchone() == (0, 0)
    with pytest.raises(LibraryMissing, match="no course 'algebra'"):
        open_library(tmp_path, address)


def test_a_change_by_another_process_is_noticed_without_a_query(
    make_course: MakeStore, put_in: Put, letter_tokens: Any
) -> None:
    reader = make_course()
    writer = make_course(reader)
    before = reader.generation
    asked = _counted(reader)
    assert [reader.generation for _ in range(5)] == [before] * 5
    assert asked == []
    put_in(writer, letter_tokens, "a.md", "apple")
    _wait_for(lambda: reader.generation == before + 1)
    assert len(asked) == 1
    with reader.snapshot():
        put_in(writer, letter_tokens, "b.md", "banana")
        assert (reader.generation, len(reader.documents())) == (before + 1, 1)
    _wait_for(lambda: reader.generation == before + 2)
    assert writer.generation == before + 2


def test_a_lost_listening_connection_falls_back_to_queries(
    make_course: MakeStore, put_in: Put, letter_tokens: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = make_course()
    writer = make_course(reader)
    before, notices = reader.generation, reader.connections.notices  # type: ignore[attr-defined]
    assert notices.listens
    run(parse_address(reader.place), _END_ALL)
    _wait_for(lambda: reader.generation == before and not notices.listens)
    put_in(writer, letter_tokens, "a.md", "apple")
    assert reader.generation == before + 1
    monkeypatch.setattr(notices, "_not_before", 0.0)  # the pause is over
    assert (reader.generation, notices.listens) == (before + 1, True)
    writer.drop()
    with pytest.raises(LibraryMissing, match="was removed"):
        _wait_for(lambda: reader.generation > before + 1)


def _counted(store: LibraryStore) -> list[str]:
    """The queries about the generation that a library asks from now on."""
    asked: list[str] = []
    connections = store.connections  # type: ignore[attr-defined]
    ask = connections.rows

    def rows(query: str, values: Any = ()) -> list[tuple[Any, ...]]:
        asked.extend([query] if "generation" in query else [])
        found: list[tuple[Any, ...]] = ask(query, values)
        return found

    connections.rows = rows
    return asked


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
