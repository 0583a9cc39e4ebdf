"""Where what is made from a model file is kept: a folder per content hash, written whole or not at all.

Knows the cache folder of the platform and the one safe way to fill it: build in a temporary folder beside the target,
then rename. Two processes that build the same thing at once end with one of the two, both whole; what a killed one left behind is
removed by the next that writes.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b, sha256
from pathlib import Path

import psutil
from platformdirs import user_cache_path

from rag.errors import ModelFailed

_BLOCK_BYTES = 1 << 20


def cache_folder() -> Path:
    """The folder for everything derived from models; it may be deleted at any time."""
    return user_cache_path("lectern") / "models"


def content_hash(path: Path) -> str:
    """The first 16 hexadecimal digits of a file's SHA-256, remembered per path, size and modification time."""
    path = path.resolve()
    stat = path.stat()
    memo = cache_folder() / "hashes" / blake2b(str(path).encode(), digest_size=8).hexdigest()
    stamp = [stat.st_size, stat.st_mtime_ns]
    try:
        known = json.loads(memo.read_text(encoding="utf-8"))
        if known["stamp"] == stamp:
            return str(known["hash"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # no memo yet, or one that a crash left torn: the hash is taken again
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    value = digest.hexdigest()[:16]
    with _disk_errors(memo):
        memo.parent.mkdir(parents=True, exist_ok=True)
        scratch = memo.with_name(f"{memo.name}.{os.getpid()}")
        scratch.write_text(json.dumps({"stamp": stamp, "hash": value}), encoding="utf-8")
        scratch.replace(memo)
    return value


def cached_folder(name: str, build: Callable[[Path], None]) -> Path:
    """The folder `name` of the cache, made by `build(empty folder)` if it is not there yet.

    Raises:
        ModelFailed: the disk is full or the cache cannot be written.
    """
    target = cache_folder() / name
    if target.is_dir():
        return target
    with _disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target.parent)
        prefix = f".{target.name}.{_host()}.{os.getpid()}."
        scratch = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
        try:
            build(scratch)
            scratch.chmod(0o755)
            _publish(scratch, target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return target


def _sweep(parent: Path) -> None:
    """Remove the temporary folders of this machine's processes that are gone; of another machine's nothing is known."""
    for left in parent.glob(f".*.{_host()}.*.*"):
        number = left.name.rsplit(".", 2)[1]
        if number.isdigit() and not psutil.pid_exists(int(number)):
            shutil.rmtree(left, ignore_errors=True)


def _host() -> str:
    return socket.gethostname().replace(".", "-")


def _publish(scratch: Path, target: Path) -> None:
    try:
        scratch.rename(target)
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
