"""Files and folders that are passed over, with their kinds and advice.

A folder is passed over only if its content proves that it is no folder of notes: a name such as `env` or
`build` alone does not.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from ingest.kinds import UnreadKind
from rag.system.atomic_write import write_text

HIDDEN = UnreadKind("hidden files and folders", "take the dot off their names to have them read")
ENVIRONMENTS = UnreadKind("environments and installed packages", "name the folder itself to have it read")
BUILD_OUTPUT = UnreadKind("build output", "name the folder itself to have it read")
LIBRARIES = UnreadKind("libraries of Lectern")
BROKEN_LINKS = UnreadKind("links that lead nowhere", "mend or delete them")
HIDDEN_LINKS = UnreadKind("links into hidden folders", "copy what they lead to into your notes")
DOUBLE_LINKS = UnreadKind("links to what is read anyway, or to a folder around it")
SPECIAL = UnreadKind("pipes, sockets and devices")
INNER_ARCHIVES = UnreadKind("archives inside archives", "unpack the outer one")
LICENCES = UnreadKind("licences of software", "name the file itself to have it read")
_TEMPORARY = UnreadKind("files that an office program has open", "close the program")

PASSED_OVER = "passed_over.json"
"""File in the library's folder about what the last ingest of a folder passed over."""
_CHOSEN = frozenset((HIDDEN, ENVIRONMENTS, BUILD_OUTPUT, LICENCES, _TEMPORARY))
"""Kinds that nobody expects to be read."""
_LICENCE = re.compile(
    r"(?:UN)?LICEN[SC]E(?:-[\w.-]+?)?(?:\.(?:txt|md|rst))?|COPYING(?:\.LESSER)?(?:\.txt|\.md)?"
)
_SHOWN_NAMES = 3
"""Names of a kind that are shown; the JSON has all."""
_BUILD_NAMES = frozenset(("build", "dist", "target", "_build", "_site", "public", "out"))
_MADE_BY_TOOLS = frozenset(
    (".buildinfo", ".doctrees", "CMakeCache.txt", ".ninja_log", "CACHEDIR.TAG", ".rustc_info.json")
)
"""Names that a build tool leaves in its output."""
_TOOLS_OF = {
    "build": (
        "setup.py",
        "pyproject.toml",
        "package.json",
        "build.gradle",
        "build.gradle.kts",
        "CMakeLists.txt",
    ),
    "dist": ("setup.py", "pyproject.toml", "package.json"),
    "target": ("Cargo.toml", "pom.xml", "build.sbt"),
    "_build": ("conf.py", "_config.yml", "myst.yml", "dune-project"),
    "_site": ("_config.yml", "_quarto.yml"),
    "public": ("hugo.toml", "hugo.yaml"),
    "out": ("next.config.js", "next.config.mjs"),
}
"""Name of an output folder to the files of a build tool that are beside it."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file or folder that was passed over.

    `name` is relative to the given folder; that of a folder ends with a slash.
    """

    name: str
    kind: UnreadKind


@dataclass(frozen=True, slots=True)
class SkippedKind:
    """All that was passed over for one reason."""

    kind: UnreadKind
    names: tuple[str, ...]

    def __str__(self) -> str:
        """Return the group as a sentence without capital and full stop.

        It has the count, the kind, some names and the advice.
        """
        more = len(self.names) - _SHOWN_NAMES
        listed = ", ".join(self.names[:_SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")
        advice = f": {self.kind.advice}" if self.kind.advice else ""
        return f"{len(self.names)} {self.kind.name} ({listed}){advice}"


def by_kind(skipped: Iterable[Skipped]) -> list[SkippedKind]:
    """Return the groups of what was passed over, by kind.

    Those with an advice come first, then the larger ones.
    """
    groups: dict[UnreadKind, list[str]] = defaultdict(list)
    for one in skipped:
        groups[one.kind].append(one.name)
    made = [SkippedKind(kind, tuple(names)) for kind, names in groups.items()]
    return sorted(made, key=lambda group: (not group.kind.advice, -len(group.names), group.kind.name))


def keep_passed_over(library: Path, skipped: Iterable[Skipped], *, whole: bool) -> None:
    """Keep the groups with something to read in the library's folder.

    The doctor names them. Nothing is written after an ingest of single files, which is not `whole`.
    """
    if not whole:
        return
    groups = [group for group in by_kind(skipped) if group.kind.advice and group.kind not in _CHOSEN]
    record = [[group.kind.name, group.kind.advice, group.names] for group in groups]
    write_text(library / PASSED_OVER, json.dumps(record, ensure_ascii=False))


def kept_passed_over(library: Path) -> list[SkippedKind]:
    """Return the groups that the last ingest of a folder wrote; none before one."""
    try:
        kept = json.loads((library / PASSED_OVER).read_text(encoding="utf-8"))
        return [SkippedKind(UnreadKind(name, advice), tuple(names)) for name, advice, names in kept]
    except (OSError, ValueError, TypeError):
        return []


def hidden(name: str) -> UnreadKind | None:
    """Return the kind of a hidden file or folder; None for one that is not."""
    if name.startswith("~$"):
        return _TEMPORARY
    return HIDDEN if name.startswith(".") else None


def licence(name: str) -> UnreadKind | None:
    """Return the kind of a licence's file, such as LICENSE or COPYING.txt.

    None for another file. Where licences are read, the terms of the GPL are quoted for "What is the programme about?".
    """
    return LICENCES if _LICENCE.fullmatch(name) else None


def passed_over_folder(name: str, inside: Collection[str], beside: Collection[str]) -> UnreadKind | None:
    """Return the kind of a folder that has no notes; None for one to look into.

    `inside` are the names in the folder, `beside` those in the folder around it.
    """
    if "pyvenv.cfg" in inside or "conda-meta" in inside or _installed(name, inside, beside):
        return ENVIRONMENTS
    if "library.sqlite" in inside:
        return LIBRARIES
    if name in {"__pycache__", "__MACOSX"}:
        return BUILD_OUTPUT
    if name in _BUILD_NAMES and (
        not _MADE_BY_TOOLS.isdisjoint(inside) or any(tool in beside for tool in _TOOLS_OF[name])
    ):
        return BUILD_OUTPUT
    return None


def _installed(name: str, inside: Collection[str], beside: Collection[str]) -> bool:
    """Return whether a package manager filled the folder."""
    if name == "node_modules":
        return "package.json" in beside or ".package-lock.json" in inside
    return name == "site-packages" and any(entry.endswith(".dist-info") for entry in inside)
