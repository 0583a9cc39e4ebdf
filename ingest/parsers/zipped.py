"""Formats that are zip archives of XML: bounded parts, XML without entities."""

from __future__ import annotations

import io
import posixpath
import zlib
from typing import Any
from urllib.parse import unquote
from zipfile import BadZipFile, ZipFile

from rag.errors import UnreadableNote


class ZippedParts:
    """The parts of a file, each read up to what is left of `most_bytes`.

    Raises:
        UnreadableNote: it is no zip archive.
    """

    def __init__(self, data: bytes, what: str, most_bytes: int) -> None:
        self._what = what
        self._left_bytes = most_bytes
        self._most_bytes = most_bytes
        try:
            self._zip = ZipFile(io.BytesIO(data))
        except (BadZipFile, NotImplementedError, ValueError) as exc:
            raise UnreadableNote(f"It is not {what} that can be opened ({exc}); save it again.") from exc
        self.names = frozenset(self._zip.namelist())

    def read(self, name: str) -> bytes:
        """Return the content of a part.

        Raises:
            UnreadableNote: the part is missing, damaged, under a password or too large.
        """
        try:
            with self._zip.open(name) as stream:
                data = stream.read(self._left_bytes + 1)
        except KeyError as exc:
            raise UnreadableNote(
                f"It is not {self._what} that can be opened: {name} is missing in it."
            ) from exc
        except (BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError) as exc:
            raise UnreadableNote(f"It is damaged: {name} in it cannot be unpacked ({exc}).") from exc
        self._left_bytes -= len(data)
        if self._left_bytes < 0:
            raise UnreadableNote(
                f"It has more than {self._most_bytes / 1e6:,.1f} MB unpacked; at most that is read "
                "(ingest.max_file_bytes)."
            )
        return data

    def xml(self, name: str) -> Any:
        """Return the root element of an XML part.

        Raises:
            UnreadableNote: as `read`, or it is no XML.
        """
        return parsed_xml(self.read(name), name)


def parsed_xml(data: bytes, name: str = "a part") -> Any:
    """Return the root element; entities are not replaced and nothing is fetched.

    Raises:
        UnreadableNote: it is no XML.
    """
    from lxml import etree

    reason = "it is empty"
    try:
        root = etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, recover=True))
    except (etree.XMLSyntaxError, ValueError) as exc:
        root, reason = None, str(exc)
    if root is None:
        raise UnreadableNote(f"It is damaged: {name} in it is no XML ({reason}).")
    return root


def joined(base: str, address: str) -> str:
    """Return the name of the part that an address in the part `base` leads to."""
    path = unquote(address.partition("#")[0])
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), path))
