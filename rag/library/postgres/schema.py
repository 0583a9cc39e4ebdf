"""The tables on the server, made once a database, and the partitions of a course.

Tables of passages are partitioned by course, so that an index covers one course and a course can be dropped. Policies limit a
role that is not the owner to the courses of `lectern.members`, and its changes to those where it `writes`: a right on a table is one
for all courses. Roles have no rights on the partitions themselves.
"""

from __future__ import annotations

from psycopg import errors, sql

from rag.errors import LibraryMismatch, LibraryUnreachable
from rag.library.postgres.connections import Connection
from rag.library.postgres.notices import channel

SCHEMA_VERSION = 1
"""Version of the tables below."""
OLDEST_SERVER = 160000
"""PostgreSQL 16, the oldest version that is tested."""
OLDEST_VECTOR = (0, 8)
"""pgvector 0.8: the first with iterative scans of an index."""
PARTITIONED = ("documents", "blocks", "embeddings", "chunks", "postings")
_LIMITED = (*PARTITIONED, "failures", "feedback")
_MAKING = 0x4C454350
"""Key of the lock for making tables, `LECP`."""
_DROP_SECONDS = 10
"""Longest wait for searches that are under way before a course is dropped. Chosen."""
_PLACE = 'start bigint NOT NULL, "end" bigint NOT NULL, unit text NOT NULL, first bigint NOT NULL, last bigint NOT NULL, heading text NOT NULL'
_TABLES = f"""
CREATE SCHEMA lectern;
CREATE TABLE lectern.version (schema integer NOT NULL);
INSERT INTO lectern.version VALUES ({SCHEMA_VERSION});
CREATE TABLE lectern.courses (
    id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY, name text NOT NULL UNIQUE, created_at text NOT NULL,
    embedder text NOT NULL DEFAULT '', dim integer NOT NULL DEFAULT 0, chunker text NOT NULL DEFAULT '',
    generation bigint NOT NULL DEFAULT 0, last_chunk bigint NOT NULL DEFAULT 0
);
CREATE TABLE lectern.members (
    role name NOT NULL, course integer NOT NULL REFERENCES lectern.courses ON DELETE CASCADE, writes boolean NOT NULL,
    PRIMARY KEY (role, course)
);
CREATE TABLE lectern.documents (
    course integer NOT NULL, id bigint NOT NULL, path text COLLATE "C" NOT NULL, title text NOT NULL, kind text NOT NULL,
    content_hash text NOT NULL, size_bytes bigint NOT NULL, mtime_ns bigint NOT NULL, source text NOT NULL,
    tags text NOT NULL, own_tags text NOT NULL, given_tags text NOT NULL, warnings text NOT NULL,
    chunk_count bigint NOT NULL, terms bigint NOT NULL, ingested_at text NOT NULL, text text NOT NULL,
    PRIMARY KEY (course, id), UNIQUE (course, path)
) PARTITION BY LIST (course);
CREATE TABLE lectern.blocks (
    course integer NOT NULL, document bigint NOT NULL, ordinal bigint NOT NULL, kind text NOT NULL, {_PLACE},
    level bigint NOT NULL, part bigint NOT NULL, identity text NOT NULL, PRIMARY KEY (course, document, ordinal)
) PARTITION BY LIST (course);
CREATE TABLE lectern.embeddings (
    course integer NOT NULL, id bigint NOT NULL, passage bytea NOT NULL, vector vector NOT NULL,
    sketch bytea STORAGE EXTERNAL NOT NULL, PRIMARY KEY (course, id), UNIQUE (course, passage)
) PARTITION BY LIST (course);
CREATE TABLE lectern.chunks (
    course integer NOT NULL, id bigint NOT NULL, document bigint NOT NULL, embedding bigint NOT NULL,
    chunk_id text NOT NULL, ordinal bigint NOT NULL, {_PLACE}, title text NOT NULL, headings text NOT NULL, text text NOT NULL,
    PRIMARY KEY (course, id)
) PARTITION BY LIST (course);
CREATE INDEX ON lectern.chunks (course, document, ordinal);
CREATE INDEX ON lectern.chunks (course, embedding);
CREATE TABLE lectern.postings (
    course integer NOT NULL, term text COLLATE "C" NOT NULL, document bigint NOT NULL,
    chunks bigint[] NOT NULL, counts integer[] NOT NULL, lengths integer[] NOT NULL, PRIMARY KEY (course, term, document)
) PARTITION BY LIST (course);
CREATE INDEX ON lectern.postings (course, document);
CREATE TABLE lectern.failures (
    course integer NOT NULL, source text NOT NULL, path text COLLATE "C" NOT NULL, reason text NOT NULL, size_bytes bigint NOT NULL,
    mtime_ns bigint NOT NULL, parser text NOT NULL, failed_at text NOT NULL, PRIMARY KEY (course, source)
);
CREATE TABLE lectern.feedback (
    course integer NOT NULL, id bigint NOT NULL, question text NOT NULL, answer_json text NOT NULL, verdict text NOT NULL,
    note text NOT NULL, given_at text NOT NULL, PRIMARY KEY (course, id)
);
ALTER TABLE lectern.members ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON lectern.members USING (role = current_user);
"""
_OWN = "= ANY (ARRAY(SELECT m.course FROM lectern.members m WHERE m.role = current_user))"
_WRITES = "= ANY (ARRAY(SELECT m.course FROM lectern.members m WHERE m.role = current_user AND m.writes))"
_POLICY = f"""
ALTER TABLE lectern.{{table}} ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_course ON lectern.{{table}} FOR SELECT USING ({{column}} {_OWN});
CREATE POLICY own_inserts ON lectern.{{table}} FOR INSERT WITH CHECK ({{column}} {_WRITES});
CREATE POLICY own_updates ON lectern.{{table}} FOR UPDATE USING ({{column}} {_WRITES});
CREATE POLICY own_deletes ON lectern.{{table}} FOR DELETE USING ({{column}} {_WRITES});
"""
_VERDICTS = f"CREATE POLICY own_verdicts ON lectern.feedback FOR INSERT WITH CHECK (course {_OWN})"
_ADMIT = f"""
CREATE FUNCTION lectern.admit(person name, course_name text, writes boolean DEFAULT false) RETURNS void LANGUAGE plpgsql AS $$
DECLARE number integer;
BEGIN
    SELECT c.id INTO STRICT number FROM lectern.courses c WHERE c.name = course_name;
    EXECUTE format('GRANT USAGE ON SCHEMA lectern TO %I', person);
    EXECUTE format('GRANT SELECT ON lectern.version, lectern.courses, lectern.members, '
        'lectern.{", lectern.".join(_LIMITED)} TO %I', person);
    EXECUTE format('GRANT INSERT ON lectern.feedback TO %I', person);
    IF writes THEN
        EXECUTE format('GRANT INSERT, UPDATE, DELETE ON lectern.{", lectern.".join(_LIMITED)} TO %I', person);
        EXECUTE format('GRANT UPDATE (embedder, dim, chunker, generation, last_chunk) ON lectern.courses TO %I', person);
    END IF;
    INSERT INTO lectern.members VALUES (person, number, admit.writes)
        ON CONFLICT (role, course) DO UPDATE SET writes = EXCLUDED.writes;
END $$;
"""


def check_server(place: str, server: int, vector: str) -> None:
    """Check the versions of a server (`server_version_num`) and of pgvector.

    That of pgvector is empty if it is missing.

    Raises:
        LibraryMismatch: one is too old, or pgvector is missing.
    """
    if server < OLDEST_SERVER:
        raise LibraryMismatch(
            f"The server of {place} is PostgreSQL {server // 10000}; version {OLDEST_SERVER // 10000} or newer is needed. Update it."
        )
    if not vector:
        raise LibraryMismatch(
            f"The database of {place} lacks the extension pgvector. Its owner adds it with: CREATE EXTENSION vector"
        )
    if tuple(int(part) for part in vector.split(".")[:2]) < OLDEST_VECTOR:
        raise LibraryMismatch(
            f"The database of {place} has pgvector {vector}; version 0.8 or newer is needed. Install it on the server, then: "
            "ALTER EXTENSION vector UPDATE"
        )


def check_version(place: str, found: int) -> None:
    """Check the version of the tables.

    Raises:
        LibraryMismatch: another version of Lectern made them.
    """
    if found != SCHEMA_VERSION:
        older = (
            "Update Lectern on this machine"
            if found > SCHEMA_VERSION
            else "Use that version, or another database"
        )
        raise LibraryMismatch(
            f"The tables of {place} have version {found}, this Lectern knows version {SCHEMA_VERSION}. {older}; nothing was changed."
        )


def has_tables(connection: Connection) -> bool:
    """Return whether the database has tables of Lectern, seen by this user or not."""
    row = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = 'lectern'").fetchone()
    return row is not None


def make_tables(connection: Connection, place: str) -> None:
    """Make the extension and the tables in one transaction; those that are there stay.

    Raises:
        LibraryMismatch: pgvector is not installed on the server.
        LibraryUnreachable: the user may not make tables in the database.
    """
    try:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MAKING,))
            if has_tables(connection):
                return
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
            policies = (_POLICY.format(table=table, column="course") for table in _LIMITED)
            courses = _POLICY.format(table="courses", column="id")
            for statement in (_TABLES, courses, *policies, _VERDICTS, _ADMIT):
                connection.execute(statement)
    except (errors.UndefinedFile, errors.FeatureNotSupported) as exc:
        raise LibraryMismatch(
            f"The server of {place} lacks the extension pgvector. Install it there (the package postgresql-NN-pgvector of most "
            "systems) and try again."
        ) from exc
    except errors.InsufficientPrivilege as exc:
        raise LibraryUnreachable(
            f"The user of {place} may not make tables in the database ({exc.diag.message_primary}). Run the command once as the "
            "database's owner; if that one may not add pgvector either, a superuser does so first: CREATE EXTENSION vector"
        ) from exc


def course_number(connection: Connection, name: str) -> int | None:
    """Return the number of a course, None if there is none that this user may see."""
    row = connection.execute("SELECT id FROM lectern.courses WHERE name = %s", (name,)).fetchone()
    return None if row is None else int(row[0])


def course_names(connection: Connection) -> list[str]:
    """Return the courses that this user may see, by name."""
    return [row[0] for row in connection.execute("SELECT name FROM lectern.courses ORDER BY name")]


def make_course(connection: Connection, name: str, now: str) -> None:
    """Make a course with its partitions in one transaction; one that is there stays.

    Partitions are attached, because that does not wait for searches in other courses.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MAKING,))
        query = "INSERT INTO lectern.courses (name, created_at) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING id"
        row = connection.execute(query, (name, now)).fetchone()
        for table in PARTITIONED if row else ():
            names = {"own": partition(table, row[0]), "whole": sql.Identifier("lectern", table)}  # type: ignore[index]
            connection.execute(sql.SQL("CREATE TABLE {own} (LIKE {whole} INCLUDING ALL)").format(**names))
            attach = sql.SQL("ALTER TABLE {whole} ATTACH PARTITION {own} FOR VALUES IN ({number})")
            connection.execute(attach.format(**names, number=sql.Literal(row[0])))  # type: ignore[index]


def drop_course(connection: Connection, course: int) -> None:
    """Delete a course with its partitions, inside a given transaction.

    Searches in other courses wait meanwhile: all tables are locked at once, so that none of them is in a deadlock with it.
    """
    connection.execute(f"SET LOCAL lock_timeout = '{_DROP_SECONDS}s'")
    tables = sql.SQL(", ").join(sql.Identifier("lectern", table) for table in PARTITIONED)
    connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(tables))
    for table in PARTITIONED:
        connection.execute(sql.SQL("DROP TABLE {}").format(partition(table, course)))
    for table, column in (("failures", "course"), ("feedback", "course"), ("courses", "id")):
        where = sql.SQL("DELETE FROM {} WHERE {} = %s").format(
            sql.Identifier("lectern", table), sql.Identifier(column)
        )
        connection.execute(where, (course,))
    connection.execute("SELECT pg_notify(%s, '')", (channel(course),))


def partition(table: str, course: int) -> sql.Identifier:
    """Return the name of a course's part of a table."""
    return sql.Identifier("lectern", f"{table}_{course}")
