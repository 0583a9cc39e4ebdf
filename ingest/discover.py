"""Which files under the given paths are notes, and what each is called. Links are never followed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that may be a note. `name` is relative to `root`, the given folder, with forward slashes."""

    source: Path
    root: Path
    name: str
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Discovery:
    """What lies under the given paths. `skipped` counts files that are no notes: pictures, archives, programs, links."""

    files: tuple[FoundFile, ...]
    folders: tuple[Path, ...]
    skipped: int


def discover(paths: Sequence[Path]) -> Discovery:
    """The notes under `paths` (files and folders), each once, in the order of the paths and then by name.

    Hidden files and folders, environments and build folders are left out, and so are links; a file or a folder that is
    named outright is taken whatever its name.

    Raises:
        InputError: a path does not exist, or there is no note under any of them.
    """
    found: dict[Path, FoundFile] = {}
    folders: list[Path] = []
    skipped = 0
    for given in paths:
        try:
            root = given.expanduser().resolve(strict=True)
        except (OSError, RuntimeError) as exc:
            raise InputError(f"There is no file or folder {given}; name the notes to ingest.") from exc
        if root.is_dir():
            folders.append(root)
            for file, is_note in _walk(root):
                skipped += not is_note
                if is_note:
                    found.setdefault(file.source, file)
        else:
            found.setdefault(root, _found(root, root.parent, root.stat()))
    if not found:
        raise InputError(
            f"There is no note in {', '.join(map(str, paths))}: expected Markdown, notebooks, PDF, Word, slides, HTML or text"
            f"{f' ({skipped} other files were passed over)' if skipped else ''}. Nothing was changed."
        )
    return Discovery(tuple(found.values()), tuple(folders), skipped)


def _walk(root: Path) -> Iterator[tuple[FoundFile, bool]]:
    """(file, whether it may be a note) for every visible file under a folder, by name."""
    pending = [root]
    while pending:
        folder = pending.pop()
        folders = []
        for entry in _entries(folder):
            if entry.name.startswith((".", "~$")):
                continue
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in _SKIPPED_FOLDERS and not _is_environment(Path(entry.path)):
                    folders.append(Path(entry.path))
                continue
            status = entry.stat(follow_symlinks=False)
            regular = stat.S_ISREG(status.st_mode)
            path = Path(entry.path)
            yield _found(path, root, status), regular and path.suffix.lower() not in _NOT_NOTES
        pending.extend(reversed(folders))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What a folder holds, by name; an unreadable folder is an error, for its notes would seem to be gone.

    Raises:
        InputError: it cannot be listed.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as exc:
        raise InputError(
            f"The folder {folder} cannot be listed ({exc.strerror}); nothing was changed."
        ) from exc


def _is_environment(folder: Path) -> bool:
    return (folder / "pyvenv.cfg").is_file() or (folder / "library.sqlite").is_file()


def _found(path: Path, root: Path, status: os.stat_result) -> FoundFile:
    name = path.relative_to(root).as_posix().encode("utf-8", "replace").decode("utf-8")
    return FoundFile(path, root, name, status.st_size, status.st_mtime_ns)
