"""A library where nothing may be written: a mounted backup, a teacher's share."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rag.library.library import Library


def test_a_library_on_a_read_only_disk_is_read(put: Callable[..., Any], library: Library) -> None:
    """SQLite wants to write beside a database in WAL mode even to read it."""
    put("a.md", "gradient descent")
    with tempfile.TemporaryDirectory(prefix="read-only-") as place:
        folder = Path(place) / "library"
        library.close()
        shutil.copytree(library.folder, folder)
        Path(place).chmod(0o755)
        folder.chmod(0o555)
        for file in folder.iterdir():
            file.chmod(0o444)
        try:
            shown = subprocess.run(
                [sys.executable, "-c", _READS_AS_NOBODY, str(folder)],
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            folder.chmod(0o755)
    assert shown.stdout == "gradient descent", shown.stderr


_READS_AS_NOBODY = """
import os, sys
from pathlib import Path
from rag.library.library import Library
import rag.search.dense, rag.search.lexical
if os.getuid() == 0:  # root may write anywhere
    os.setgroups([])
    os.setuid(65534)
with Library.open(Path(sys.argv[1])) as library:
    print(library.chunks_of("a.md")[0].text, end="")
    assert library.soundness.words_are_sound()
"""
