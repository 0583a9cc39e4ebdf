"""Notes that a note embeds (`![[Note#Section]]`), found in the folders around it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

_VAULT = ".obsidian"
_FOLDERS_UP = 3
"""Folders above a note in which embeds are looked for, where no vault is marked."""
_MOST_ENTRIES = 20_000
"""Most files of a vault that are looked at for one name."""
MOST_CHARS = 200_000
"""Most characters of embedded notes in one note."""
_DEEPEST = 3
"""Most embeds inside each other."""
_FRONT = re.compile(r"\A---[ \t]*\n.*?\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.+?)[ \t]*#*[ \t]*$", re.MULTILINE)


class Embeds:
    """The embeds of one note; `source` is its file.

    A note that embeds itself, at whatever distance, ends there.
    """

    def __init__(self, source: Path) -> None:
        self._source = source
        self._open: list[Path] = [source.resolve()]
        self._chars = 0

    def text(self, target: str) -> str | None:
        """Return the Markdown of a target; None if there is no such note or it is long."""
        from ingest.parsers.decoding import decode
        from ingest.parsers.markdown_marks import render_marks
        from ingest.parsers.missed import Missed
        from rag.errors import UnreadableNote

        name, _, section = target.partition("#")
        file = self._source if not name.strip() else self._file(name.strip())
        if file is None or len(self._open) > _DEEPEST or (name.strip() and file.resolve() in self._open):
            return None
        try:
            if file.stat().st_size > MOST_CHARS - self._chars:
                return None
            text = decode(file.read_bytes()).text
        except (OSError, UnreadableNote):
            return None
        part = _section(_FRONT.sub("", text, count=1), section.strip())
        if part is None:
            return None
        self._chars += len(part)
        if not name.strip():
            return part
        self._open.append(file.resolve())
        try:
            return render_marks(part, Missed("line"), self.text).text
        finally:
            self._open.pop()

    def _file(self, name: str) -> Path | None:
        """Return the note of a name: beside the embedding one, above it, or in its vault."""
        relative = Path(name if name.lower().endswith(".md") else f"{name}.md")
        if relative.is_absolute() or ".." in relative.parts:
            return None
        above = self._source.resolve().parents[: _FOLDERS_UP + 1]
        vault = next(
            (folder for folder in self._source.resolve().parents if (folder / _VAULT).is_dir()), None
        )
        for folder in above:
            if (folder / relative).is_file():
                return folder / relative
            if folder == vault:
                break
        if vault is None:
            return None
        return next((file for file in _markdown_files(vault) if file.name == relative.name), None)


def _markdown_files(folder: Path) -> Iterator[Path]:
    seen = 0
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            seen += 1
            if seen > _MOST_ENTRIES:
                return
            if name.endswith(".md"):
                yield Path(root, name)


def _section(text: str, name: str) -> str | None:
    """Return the part of a note under a heading or a block's name, else the whole."""
    if not name:
        return text
    if name.startswith("^"):
        for block in re.split(r"\n\s*\n", text):
            if re.search(rf"\s{re.escape(name)}\s*$", block, re.MULTILINE):
                return block
        return None
    wanted = name.rsplit("#", maxsplit=1)[-1].strip().casefold()
    for found in _HEADING.finditer(text):
        if found[2].casefold() == wanted:
            level = len(found[1])
            after = (other for other in _HEADING.finditer(text, found.end()) if len(other[1]) <= level)
            end = next(after, None)
            return text[found.start() : end.start() if end else len(text)]
    return None
