"""Facts of a library about itself: versions, embedder, generation and epoch."""

from __future__ import annotations

from pathlib import Path

from rag.errors import LibraryDamaged, LibraryMismatch
from rag.library import schema
from rag.library.checked_tables import MANIFEST, add_checksums
from rag.library.connections import Connections
from rag.library.rows import Manifest

_NEEDED = {"schema", "embedder", "dim", "chunker", "generation", "created_at"}


class ManifestTable:
    """The table `manifest` of a library in a folder."""

    def __init__(self, folder: Path, connections: Connections) -> None:
        self._folder = folder
        self._connections = connections

    def check_schema(self) -> None:
        """Check that the library has the schema version of this program.

        Raises:
            LibraryMismatch: it has another one.
        """
        found = self._version()
        if found not in schema.READABLE_VERSIONS:
            raise LibraryMismatch(
                f"{self._folder} has library version {found}, this Lectern reads version {schema.SCHEMA_VERSION}. Make "
                "a new library: lectern ingest FOLDER --library NEW_FOLDER"
            )

    @property
    def generation(self) -> int:
        """Number of committed changes."""
        return int(self._values()["generation"])

    @property
    def epoch(self) -> str:
        """Token of the last index file; empty if none was written.

        An older library that was restored, or one that lost its last commits to a power cut, uses rowids again. It does
        not have the token of an index file from the lost time.
        """
        return self._values().get("epoch", "")

    def set_epoch(self, epoch: str) -> None:
        """Store the token of an index file, and wait until it is on the disk.

        Everything that was committed before is then on the disk too. Needs no write lock: a search that writes the index
        file calls it as well.
        """
        with self._connections.transaction(locked=False, counts=False, durable=True) as connection:
            connection.execute("INSERT OR REPLACE INTO manifest VALUES ('epoch', ?)", (epoch,))

    def read(self) -> Manifest:
        """Return the settings that the library was made with."""
        values = self._values()
        return Manifest(
            int(values["schema"]),
            values["embedder"],
            int(values["dim"]),
            values["chunker"],
            values["created_at"],
        )

    def bind(self, embedder: str, dim: int, chunker: str) -> None:
        """Store embedder and chunker of a new library; compare them with an old one's.

        Raises:
            LibraryMismatch: it was made with another embedder or chunker.
        """
        version = self._version()
        if version != schema.SCHEMA_VERSION:
            with self._connections.transaction(locked=True) as connection:
                if version < schema.CHECKED_VERSION:
                    add_checksums(connection)
                schema.renew_words(connection)
                connection.execute("DELETE FROM manifest WHERE key = 'words'")
                connection.execute(
                    "UPDATE manifest SET value = ? WHERE key = 'schema'", (str(schema.SCHEMA_VERSION),)
                )
        made = self.read()
        if not made.embedder:
            with self._connections.transaction(locked=True) as connection:
                values = {"embedder": embedder, "dim": str(dim), "chunker": chunker}.items()
                connection.executemany("UPDATE manifest SET value = ?2 WHERE key = ?1", values)
            return
        self.check_embedder(embedder, dim)
        if made.chunker != chunker:
            raise LibraryMismatch(
                f"{self._folder} was cut into passages by {made.chunker}, the settings now say {chunker}. Set them back, or "
                f"make a new library: lectern ingest FOLDER --library NEW_FOLDER"
            )

    def check_embedder(self, embedder: str, dim: int) -> None:
        """Check that the library's vectors, if it has any, come from this embedder.

        Raises:
            LibraryMismatch: they come from another one.
        """
        made = self.read()
        if made.embedder and (made.embedder, made.dim) != (embedder, dim):
            raise LibraryMismatch(
                f"{self._folder} was embedded by {made.embedder} ({made.dim} dimensions), the settings now name {embedder} "
                f"({dim}). Set embedding.model back, or make a new library: lectern ingest FOLDER --library NEW_FOLDER"
            )

    def _version(self) -> int:
        """Return the library's schema version, 0 if it is no number."""
        rows = self._connections.rows("SELECT value FROM manifest WHERE key = 'schema'")
        return int(rows[0][0]) if rows and str(rows[0][0]).isdecimal() else 0

    def _values(self) -> dict[str, str]:
        """Return all values by their keys.

        Raises:
            LibraryDamaged: one does not have its checksum, or is missing.
        """
        sound = MANIFEST.sound("m") if self._connections.checked else "1"
        rows = self._connections.rows(f"SELECT m.key, m.value, {sound} FROM manifest m")
        values = {key: value for key, value, is_sound in rows if is_sound}
        if len(values) < len(rows) or not values.keys() >= _NEEDED:
            raise LibraryDamaged(
                f"The library's own description in {self._folder} is damaged on the disk. Take the folder back from a backup "
                "(lectern restore), or move it away and ingest the notes again."
            )
        return values
