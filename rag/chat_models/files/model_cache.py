"""The model cache: a folder per content hash, written whole or not at all.

A folder is built in a temporary folder beside the target, then renamed. If two processes build the same
folder at once, one of the two remains, and both are whole. The temporary folder of a killed process is
removed by the next one that writes.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b, file_digest
from pathlib import Path

import psutil
from platformdirs import user_cache_path

from rag.errors import ModelFailed
from rag.json_text import parse_json
from rag.system.atomic_write import host_name, put_folder_in_place, write_text
from rag.system.superseded_caches import remove_superseded


def cache_folder() -> Path:
    """The folder for everything derived from models; it may be deleted at any time."""
    return user_cache_path("lectern") / "models"


def content_hash(path: Path) -> str:
    """Return the first 16 hexadecimal digits of a file's SHA-256.

    The hash is remembered per path, size and modification time.
    """
    path = path.resolve()
    stat = path.stat()
    memo = cache_folder() / "hashes" / blake2b(str(path).encode(), digest_size=8).hexdigest()
    stamp = [stat.st_size, stat.st_mtime_ns]
    try:
        known = parse_json(memo.read_text(encoding="utf-8"))
        if known["stamp"] == stamp:
            return str(known["hash"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # no memo yet, or one that a crash left torn: the hash is taken again
    with path.open("rb") as file:
        value = file_digest(file, "sha256").hexdigest()[:16]
    with _disk_errors(memo):
        memo.parent.mkdir(parents=True, exist_ok=True)
        write_text(memo, json.dumps({"stamp": stamp, "hash": value}))
    return value


def cached_folder(name: str, build: Callable[[Path], None]) -> Path:
    """Return the folder `name` of the cache, made by `build(empty folder)` if missing.

    Raises:
        ModelFailed: the disk is full or the cache cannot be written.
    """
    target = cache_folder() / name
    if target.is_dir():
        return target
    with _disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target.parent)
        prefix = f".{target.name}.{host_name()}.{os.getpid()}."
        scratch = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
        try:
            build(scratch)
            scratch.chmod(0o755)
            _publish(scratch, target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    remove_superseded()
    return target


def _sweep(parent: Path) -> None:
    """Remove the temporary folders of processes of this machine that have ended.

    Those of other machines stay, because their processes are unknown here.
    """
    for left in parent.glob(f".*.{host_name()}.*.*"):
        number = left.name.rsplit(".", 2)[1]
        if number.isdigit() and not psutil.pid_exists(int(number)):
            shutil.rmtree(left, ignore_errors=True)


def _publish(scratch: Path, target: Path) -> None:
    try:
        put_folder_in_place(scratch, target)
    except OSError:
        if not target.is_dir():  # another process may have published the same content first
            raise


@contextmanager
def _disk_errors(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise ModelFailed(
            f"cannot write {target}: {exc.strerror or exc}; free some space or set XDG_CACHE_HOME"
        ) from exc
