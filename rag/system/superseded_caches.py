"""The removal of caches that only earlier versions of Lectern read.

They are converted models, hundreds of megabytes each. They are removed when a cache of the present form is
written, and named in a warning. Only forms that were once written are known here; everything else stays.
"""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from platformdirs import user_cache_path

_log = logging.getLogger("lectern")
_EMBEDDERS = "embedders"
"""The folder of embedders that torch converted.

Their graph is built from the model's own weights now.
"""
_OLD_MODEL = re.compile(r"openvino-[\w.]+(?:-exact)?-[0-9a-f]{16}")
"""Names of language models whose weights were widened to 8 or 16 bits."""


def remove_superseded() -> None:
    """Remove what earlier versions left in the cache, and name it in a warning."""
    cache = user_cache_path("lectern")
    found = list(_superseded(cache))
    for folder in found:
        shutil.rmtree(folder, ignore_errors=True)
    removed = [folder for folder in found if not folder.exists()]
    if removed:
        names = ", ".join(str(folder.relative_to(cache)) for folder in removed)
        _log.warning("Removed copies of models from %s that only earlier versions read: %s.", cache, names)


def _superseded(cache: Path) -> Iterator[Path]:
    if (cache / _EMBEDDERS).is_dir():
        yield cache / _EMBEDDERS
    yield from (
        folder
        for folder in sorted((cache / "models").glob("openvino-*"))
        if _OLD_MODEL.fullmatch(folder.name) and folder.is_dir()
    )
