"""Damage on the disk: flipped bits, cuts and zeros in the files of a library.

A damage must be found by `lectern doctor --deep`, and nothing that differs may be shown as if it were sound.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.attack.course import WordEmbedder, everything, make_deck, make_library, write_notes
from benchmarks.attack.tally import Tally
from ingest.deep_check import deep_findings
from ingest.doctor import Severity
from ingest.pipeline import ingest_paths
from rag.errors import LecternError
from rag.library.library import Library
from rag.settings import Settings
from rag.study.store import damaged_study_rows
from ui.web.conversation import Exchange, ExchangeOutcome
from ui.web.conversation_store import ConversationStore, damaged_conversations

_FILES = ("library.sqlite",) * 6 + ("conversations.sqlite",) * 2 + ("study.sqlite",) * 2 + ("vectors.faiss",)
_DAMAGES = ("flip",) * 7 + ("cut", "zeros", "noise")


def attack(tries: int, seed: int = 0) -> Tally:
    """Damage copies of a library, one at a time."""
    generator, tally = random.Random(seed), Tally("flips and cuts")
    with TemporaryDirectory(prefix="attack-") as place:
        whole, notes = Path(place) / "whole", Path(place) / "notes"
        write_notes(notes)
        make_library(whole, notes)
        store = ConversationStore(whole)
        for number in range(12):
            exchange = Exchange(
                f"e{number}", f"Question {number}?", "2026-01-01", ExchangeOutcome.STOPPED, text="An owl."
            )
            store.save(f"c{number % 3}", exchange)
        make_deck(whole)
        expected = everything(whole)
        for number in range(tries):
            copy = Path(place) / f"copy{number}"
            shutil.copytree(whole, copy)
            name, kind = generator.choice(_FILES), generator.choice(_DAMAGES)
            what = f"{kind} in {name} {_damage(copy / name, kind, generator)} (seed {seed}, try {number})"
            try:
                _judge(copy, notes, expected, what, tally)
            finally:
                shutil.rmtree(copy, ignore_errors=True)
    return tally


def _damage(file: Path, kind: str, generator: random.Random) -> str:
    """Damage a file and return the place in words."""
    content = bytearray(file.read_bytes())
    at = generator.randrange(len(content))
    length = min(generator.choice((1, 16, 512)), len(content) - at)
    if kind == "flip":
        content[at] ^= 1 << generator.randrange(8)
    elif kind == "cut":
        del content[at:]
    elif kind == "zeros":
        content[at : at + length] = bytes(length)
    else:
        content[at : at + length] = generator.randbytes(length)
    file.write_bytes(content)
    return f"at {at}"


def _judge(copy: Path, notes: Path, expected: dict[str, Any], what: str, tally: Tally) -> None:
    """Count one damage by what the checks and the reading say of it."""
    try:
        found = any(finding.severity is Severity.ERROR for finding in deep_findings(copy))
        found = any([_damaged(damaged_conversations, copy), _damaged(damaged_study_rows, copy), found])
        shown = _shown(copy)
        mended = found and _mended(copy, notes, expected)
    except Exception as exc:  # noqa: BLE001 - what is not an error of ours is the failure looked for
        tally.add("traceback", f"{what}: {type(exc).__name__}: {exc}")
        return
    differing = [] if shown is None else [key for key in expected if _differs(key, expected[key], shown[key])]
    if found:  # a row that doctor counts may be missing
        differing = [key for key in differing if not _is_part(key, expected[key], shown and shown[key])]
    if differing:
        tally.add("silently different", f"{what}: {', '.join(differing)} differ")
    elif not found and shown is None:
        tally.add("not found by doctor", f"{what}: reading fails, doctor finds nothing")
    elif not found:
        tally.add("in unused bytes")
    else:
        tally.add("found, mended by an ingest" if mended else "found")


def _damaged(count: Callable[[Path], int], copy: Path) -> bool:
    try:
        return count(copy) > 0
    except LecternError:
        return True


def _shown(copy: Path) -> dict[str, Any] | None:
    """Return all that can be read, None if an error says that it is damaged."""
    try:
        return everything(copy)
    except LecternError:
        return None


def _differs(key: str, expected: Any, shown: Any) -> bool:
    """Return True if something else is shown without a word."""
    if key != "conversations":
        return bool(shown != expected)
    by_id = {known.id: (known, exchanges) for known, exchanges in expected}
    for summary, found in shown:
        if summary.title == "(damaged)":
            continue
        known, exchanges = by_id.get(summary.id, (None, ()))
        if summary != known or len(found) != len(exchanges):
            return True
        if any(a != b and "damaged" not in b.error for a, b in zip(exchanges, found, strict=False)):
            return True
    return len(shown) < len(expected)


def _is_part(key: str, expected: Any, shown: Any) -> bool:
    """Return True if only study rows are missing and all others are as they were."""
    return key.startswith("study") and all(row in expected for row in shown)


def _mended(copy: Path, notes: Path, expected: dict[str, Any]) -> bool:
    """Return True if an ingest of the notes gives all documents back."""
    try:
        with Library.open(copy) as library:
            ingest_paths(library, [notes], WordEmbedder(), Settings())
            texts = [library.document(record.path).text for record in library.documents()]
        return texts == [document.text for document in expected["texts"]] and not deep_findings(copy)
    except LecternError:
        return False
