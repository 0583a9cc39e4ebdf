"""The pages of mapped files that are in this process's memory.

OpenVINO maps the weights, packs them for its kernels, and keeps the map for the few that it does not pack.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

_DONTNEED = 4
"""The advice to drop pages. Source: Linux, `MADV_DONTNEED` of mman.h."""


def drop_mapped_pages(folder: Path) -> int:
    """Give back the mapped pages of a folder's files; return their bytes.

    The pages are read from the file again when they are next used. Nothing happens on other systems than Linux.
    """
    if sys.platform != "linux":
        return 0
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
        advise = ctypes.CDLL(None).madvise
    except (OSError, AttributeError):
        return 0
    advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    prefix, dropped = f"{folder.resolve()}/", 0
    for line in lines:
        extent, rights, _, _, _, *path = line.split(maxsplit=5)
        # Written pages of a private map would be lost, so only maps that cannot be written are given back.
        if path and path[0].startswith(prefix) and "w" not in rights:
            start, end = (int(number, 16) for number in extent.split("-"))
            if advise(start, end - start, _DONTNEED) == 0:
                dropped += end - start
    return dropped
