"""Files that a browser uploaded, the only ones that a request may name.

Gradio hands an event the path that the request names. It copies or downloads what it finds there before the
event's handler runs, and follows symbolic links, so the paths are checked before Gradio sees them.

The files of all tabs lie in one folder. Each path has a keyed hash of the content in it, so that a tab can
name no file but those that it sent.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePath
from typing import Any

from rag.errors import InputError
from ui.web.language import gettext as _

PATH_SIGN = "⧸"
"""Sign for a slash in an uploaded file's name, written by `static/lectern.js`."""
# A network share or an address without its scheme: Windows would send its user's password hash to look there.
_NETWORK = re.compile(r"[/\\]{2}")


def uploaded_file(path: str, folder: Path) -> Path:
    """Return the uploaded file that a request names, with every link followed.

    Raises:
        InputError: it is no regular file inside the folder of uploads.
    """
    if not _NETWORK.match(path) and Path(path).is_absolute():
        try:
            file = Path(path).resolve()
            if file.is_relative_to(folder.resolve()) and file.is_file():
                return file
        except (OSError, RuntimeError, ValueError):  # too long, a loop of links, a NUL byte
            pass
    raise InputError(
        _(
            "%(file)s is not a file uploaded to this page within the last hour, and only those are read: choose it "
            "again under “Files to add”.",
            file=safe_name(path),
        )
    )


def check_files(data: Any, folder: Path) -> None:
    """Refuse the data of an event if any file in it is not an upload.

    Raises:
        InputError: a `path` in it names no regular file inside the folder of uploads.
    """
    if isinstance(data, dict):
        if "path" in data:
            uploaded_file(str(data["path"]), folder)
        data = data.values()
    elif not isinstance(data, (list, tuple)):
        return
    for part in data:
        check_files(part, folder)


def relative_name(name: str) -> str:
    """Return the path of an uploaded file inside the folder that was chosen.

    The page writes `⧸` for the slashes, because Gradio keeps the last part of a path only.
    """
    parts = [safe_name(part) for part in name.split(PATH_SIGN) if part.strip(". ")]
    return "/".join(parts) or safe_name(name)


def safe_name(path: str) -> str:
    """Return the last part of a path, without what no file system likes."""
    name = PurePath(path.replace("\\", "/")).name
    return "".join(c for c in name if c.isprintable() and c not in '<>:"|?*').lstrip(".") or "note.txt"
