"""Files of arrays that the project ships."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import LecternError


@contextmanager
def read_arrays(path: Path, what: str, command: str) -> Iterator[Mapping[str, NDArray[Any]]]:
    """Open a file of arrays without pickles; `command` is what makes it.

    Raises:
        LecternError: the file is missing or damaged, or has other values than are read from it.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            yield arrays
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as exc:
        raise LecternError(f"{path} is no {what} ({exc}); make it with `{command}`") from exc
