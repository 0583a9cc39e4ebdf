"""The list of the courses beside a library, as a backup keeps it."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path

from rag.errors import LibraryDamaged
from rag.json_text import parse_json

COURSE_ID = r"[a-z0-9-]{1,48}"
"""Regular expression of a course's id, a folder and a part of an address."""


def listed(file: Path) -> list[str]:
    """Return the ids of the courses in a list, without the first one.

    Raises:
        LibraryDamaged: it is no list of courses.
        OSError: it cannot be opened.
    """
    try:
        found = [str(course["id"]) for course in parse_json(file.read_bytes())]
    except (ValueError, TypeError, KeyError) as exc:
        raise LibraryDamaged(
            f"The list of courses {file} cannot be read. Put it back from a backup, or delete it."
        ) from exc
    return [course for course in found if re.fullmatch(COURSE_ID, course)]


def with_others(restored: Path, here: Path) -> str:
    """Return a restored list of courses, with those of the list here that it lacks.

    Raises:
        LibraryDamaged: the restored one cannot be read.
    """
    known = {"", *listed(restored)}
    entries = list(parse_json(restored.read_bytes()))
    with suppress(OSError, LibraryDamaged):  # none is here, or it cannot be read
        others = set(listed(here)) - known
        entries += [entry for entry in parse_json(here.read_bytes()) if entry["id"] in others]
    return json.dumps(entries, indent=1)
