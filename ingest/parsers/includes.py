r"""Files that a source takes in (`\input`, `.. include::`, `include::`, `#+INCLUDE:`) and that are not there.

A file that is there is a note of its own. One that is missing is content that nobody finds, so it is named.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path, PurePosixPath

from ingest.archives import inside_archive, members
from ingest.parsers.decoding import decode
from ingest.parsers.draft import Draft
from ingest.parsers.latex_macros import without_comments
from rag.errors import UnreadableNote
from rag.note_warnings import WarningCode

_LATEX = re.compile(r"\\(?:input|include|subfile|subfileinclude)(?![A-Za-z])\s*\{(?P<name>[^{}\\#\n]+)\}")
_LISTING = re.compile(r"\\begin\{(verbatim\*?|lstlisting|minted|Verbatim|comment)\}.*?\\end\{\1\}", re.DOTALL)
_NO_LISTING = re.compile(r"(?!)")
_BY_SUFFIX = {
    **dict.fromkeys((".tex", ".latex", ".ltx"), (_LATEX, _LISTING, (".tex",))),
    **dict.fromkeys((".rst", ".rest"), (re.compile(r"^[ \t]*\.\. include::[ \t]*(?P<name>[^<\s][^\n]*?)[ \t]*$", re.MULTILINE),
                                        _NO_LISTING, ())),
    **dict.fromkeys((".adoc", ".asciidoc"), (re.compile(r"^include::(?P<name>[^\[{\n]+)\[", re.MULTILINE), _NO_LISTING, ())),
    ".org": (re.compile(r"^[ \t]*#\+include:[ \t]*\"(?P<name>[^\":\n]+)(?:::[^\"\n]*)?\"", re.MULTILINE | re.IGNORECASE),
             _NO_LISTING, ()),
}  # fmt: skip
"""Suffix to (directive, code without directives, suffixes that names may lack)."""
_FOLDERS_UP = 3
"""Folders above a source in which its files are looked for.

A chapter names files from the folder of the whole.
"""


def name_missing_files(draft: Draft, path: Path, data: bytes) -> None:
    """Count in the draft each file that a source takes in and that is not there.

    `path` is the source's own, which may be inside an archive.
    """
    if path.suffix.lower() not in _BY_SUFFIX:
        return
    directive, listing, suffixes = _BY_SUFFIX[path.suffix.lower()]
    source = listing.sub(lambda code: "\n" * code[0].count("\n"), decode(data).text)
    source = without_comments(source) if directive is _LATEX else source
    starts = [0, *accumulate(len(line) for line in source.splitlines(keepends=True))]
    for match in directive.finditer(source):
        name = match["name"].strip()
        if "://" not in name and not any(_is_there(path, name + suffix) for suffix in ("", *suffixes)):
            draft.missed.add(WarningCode.MISSING_INCLUDES, bisect_right(starts, match.start("name")), name)


def _is_there(source: Path, name: str) -> bool:
    inside = inside_archive(source)
    try:
        if inside is None:
            return any((folder / name).is_file() for folder in _folders(source))
        archive, member = inside
        names = {one.name for one in members(archive)}
        return any(_flat(folder / name) in names for folder in PurePosixPath(member).parents)
    except (OSError, ValueError, UnreadableNote):
        return False


def _folders(source: Path) -> Iterator[Path]:
    yield from source.absolute().parents[: _FOLDERS_UP + 1]


def _flat(path: PurePosixPath) -> str:
    """Return a path without `.` and `..`."""
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)
