"""Which files under the given paths are notes, and what each is called. Links are never followed.

It knows what a disk may answer: a file that goes while it is looked for is not there, a folder that may not be listed is told
and what the library holds of it stays, and a name that is no UTF-8 has a form in which it can be written down.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes

from rag.errors import InputError

_SKIPPED_FOLDERS = frozenset(
    {
        "__pycache__",
        "__MACOSX",
        "node_modules",
        "venv",
        "env",
        "site-packages",
        "dist",
        "build",
        "target",
        "_build",
    }
)
_NOT_NOTES = frozenset(
    """
    .png .jpg .jpeg .gif .bmp .tif .tiff .webp .svg .ico .heic .psd .ai .eps .mp3 .wav .ogg .flac .m4a .mp4 .mov .avi .mkv
    .webm .zip .tar .gz .bz2 .xz .7z .rar .jar .whl .iso .dmg .exe .dll .so .dylib .o .a .class .pyc .pyd .wasm .bin .dat
    .npy .npz .pkl .pickle .joblib .h5 .hdf5 .parquet .feather .arrow .pt .pth .onnx .safetensors .gguf .tflite .db .sqlite
    .sqlite3 .faiss .ttf .otf .woff .woff2 .eot .css .map .lock .log .tmp .bak .swp .crdownload .part
    """.split()
)

_ADDRESS = "file://"


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that may be a note. `name` is relative to `root`, the given folder, with forward slashes."""

    source: Path
    root: Path
    name: str
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A folder or file that could not be looked at, so that nothing is known of the notes in it."""

    source: Path
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Discovery:
    """What lies under the given paths.

    `folders` are those given, `listed` all that were looked into. `skipped` counts files that are no notes: pictures,
    archives, programs, links.
    """

    files: tuple[FoundFile, ...]
    folders: tuple[Path, ...]
    skipped: int
    unreadable: tuple[Unreadable, ...] = ()
    listed: tuple[Path, ...] = ()

    def covers(self, source: Path) -> bool:
        """Whether a note at `source` would have been found if it were still there."""
        return any(source.is_relative_to(folder) for folder in self.folders) and not self.hides(source)

    def hides(self, source: Path) -> bool:
        """Whether it cannot be known if there is a note at `source`."""
        return any(source.is_relative_to(entry.source) for entry in self.unreadable)


def discover(paths: Sequence[Path]) -> Discovery:
    """The notes under `paths` (files and folders), each once, in the order of the paths and then by name.

    Hidden files and folders, environments and build folders are left out, and so are links; a file or a folder that is
    named outright is taken whatever its name.

    Raises:
        InputError: a path does not exist or may not be looked at, or there is no note under any of them.
    """
    found: dict[Path, FoundFile] = {}
    walks: list[_Walk] = []
    for given in paths:
        root, status = _given(given)
        if stat.S_ISDIR(status.st_mode):
            walks.append(_Walk(root))
            for file in walks[-1].files:
                found.setdefault(file.source, file)
        else:
            found.setdefault(root, _found(root, root.parent, status))
    skipped = sum(walk.skipped for walk in walks)
    unreadable = {entry.source: entry for walk in walks for entry in walk.unreadable}
    if not found:
        raise InputError(_nothing_found(paths, skipped, len(unreadable)))
    return Discovery(
        tuple(found.values()),
        tuple(walk.root for walk in walks),
        skipped,
        tuple(unreadable.values()),
        tuple(folder for walk in walks for folder in walk.listed),
    )


def is_there(source: Path) -> bool:
    """Whether there is something at `source`: only a disk that says no counts, not one that will not tell."""
    try:
        source.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def source_text(source: Path) -> str:
    """The path as the library keeps it: as it is, or as a `file://` address if its name is no UTF-8."""
    text = str(source)
    try:
        text.encode()
    except UnicodeEncodeError:
        return f"{_ADDRESS}{quote_from_bytes(os.fsencode(text))}"
    return text


def source_path(text: str) -> Path:
    """The path that `source_text` wrote down."""
    if text.startswith(_ADDRESS):
        return Path(os.fsdecode(unquote_to_bytes(text.removeprefix(_ADDRESS))))
    return Path(text)


def printable(text: str) -> str:
    """The text with what is no UTF-8 as question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _given(path: Path) -> tuple[Path, os.stat_result]:
    """The full path of what was named, and what it is.

    Raises:
        InputError: it is not there, or may not be looked at.
    """
    shown = printable(str(path))
    try:
        root = path.expanduser().resolve(strict=True)
        return root, root.stat()
    except PermissionError as exc:
        raise InputError(
            f"{shown} may not be looked at ({exc.strerror}); give yourself the right to read it. Nothing was changed."
        ) from exc
    except (OSError, RuntimeError) as exc:
        raise InputError(f"There is no file or folder {shown}; name the notes to ingest.") from exc


def _nothing_found(paths: Sequence[Path], skipped: int, unreadable: int) -> str:
    """The message for paths without a note."""
    passed_over = f" ({skipped} other files were passed over)" if skipped else ""
    shut = f" ({unreadable} folders or files may not be looked at)" if unreadable else ""
    return (
        f"There is no note in {printable(', '.join(map(str, paths)))}: expected Markdown, notebooks, PDF, Word, slides, HTML or "
        f"text{passed_over}{shut}. Nothing was changed."
    )


class _Walk:
    """A folder gone through: its notes by name, how many files are none, and what could not be looked at."""

    def __init__(self, root: Path) -> None:
        """Goes through it.

        Raises:
            InputError: the folder itself cannot be listed; its notes would seem to be gone.
        """
        self.root = root
        self.files: list[FoundFile] = []
        self.listed: list[Path] = []
        self.unreadable: list[Unreadable] = []
        self.skipped = 0
        pending = [root]
        while pending:
            folder = pending.pop()
            try:
                pending.extend(reversed(self._look_into(folder)))
            except (FileNotFoundError, NotADirectoryError):
                continue  # it went meanwhile
            except OSError as exc:
                self._tell(folder, "The folder cannot be listed", exc)
        if root not in self.listed:
            reason = self.unreadable[0].reason if self.unreadable else "It went while it was looked at."
            raise InputError(f"{printable(str(root))}: {reason} Nothing was changed.")

    def _look_into(self, folder: Path) -> list[Path]:
        """Takes the folder's files and says which folders are in it, by name.

        Raises:
            OSError: it cannot be listed or entered.
        """
        files, folders, skipped = [], [], 0
        with os.scandir(folder) as entries:
            visible = sorted(
                (entry for entry in entries if not entry.name.startswith((".", "~$"))),
                key=lambda entry: entry.name,
            )
        for entry in visible:
            path = Path(entry.path)
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # an editor's temporary file, most often
            except PermissionError:
                raise  # the folder may be listed but not entered, which holds for all that is in it
            except OSError as exc:
                self._tell(path, "It cannot be looked at", exc)
                continue
            if stat.S_ISDIR(status.st_mode):
                if entry.name not in _SKIPPED_FOLDERS and not _is_environment(path):
                    folders.append(path)
            elif stat.S_ISREG(status.st_mode) and path.suffix.lower() not in _NOT_NOTES:
                files.append(_found(path, self.root, status))
            else:
                skipped += 1
        self.files += files
        self.skipped += skipped
        self.listed.append(folder)
        return folders

    def _tell(self, source: Path, what: str, error: OSError) -> None:
        reason = f"{what} ({error.strerror}); what the library holds of it stays. Give yourself the right to read it."
        self.unreadable.append(Unreadable(source, _name_of(source, self.root), reason))


def _is_environment(folder: Path) -> bool:
    try:
        return (folder / "pyvenv.cfg").is_file() or (folder / "library.sqlite").is_file()
    except OSError:
        return False  # the walk will meet the same error and tell it


def _found(path: Path, root: Path, status: os.stat_result) -> FoundFile:
    return FoundFile(path, root, _name_of(path, root), status.st_size, status.st_mtime_ns)


def _name_of(path: Path, root: Path) -> str:
    return printable(path.relative_to(root).as_posix())
