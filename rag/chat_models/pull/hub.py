"""The Hugging Face hub as a source of model files.

It may be another server, which `HF_ENDPOINT` names. A download that a person asked for goes online even where HF_HUB_OFFLINE keeps everything else offline.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from rag.chat_models.pull.sources import Report, SourceFailed

if TYPE_CHECKING:
    from rag.chat_models.pull.partial_file import PartialFile

_WANTED = ("*.json", "*.safetensors", "tokenizer*")
_LOOK_UP_SECONDS = 10.0
_SILENCE_SECONDS = 30.0
_MOST_FAILURES = 4
"""Failures in a row, without a new byte, after which a download ends."""
_DIGEST = re.compile(r"[0-9a-f]{64}|[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file on the hub: its address, size, and the digest that the hub has for it.

    The digest is a SHA-256 for large files and a Git blob's SHA-1 for small ones; it is empty where the server
    has none.
    """

    name: str
    url: str
    size_bytes: int
    digest: str


def endpoint() -> str:
    """Return the address of the hub in use."""
    from huggingface_hub import constants

    return str(constants.ENDPOINT)


def remote_file(repository: str, name: str) -> RemoteFile:
    """Return what the hub knows about a file.

    Raises:
        SourceFailed: it cannot be reached, or does not have the file.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    url = hf_hub_url(repository, name, endpoint=endpoint())
    with _online(), _explained(repository):
        found = get_hf_file_metadata(url, timeout=_LOOK_UP_SECONDS, endpoint=endpoint())
    return RemoteFile(name, url, found.size or 0, _digest(found.etag))


def remote_files(repository: str) -> list[RemoteFile]:
    """Return the files of a transformers model.

    They are its configuration, tokenizer and safetensors.

    Raises:
        SourceFailed: the hub cannot be reached, or does not have the model.
    """
    from huggingface_hub import HfApi, hf_hub_url

    with _online(), _explained(repository):
        info = HfApi(endpoint()).model_info(repository, files_metadata=True, timeout=_LOOK_UP_SECONDS)
    return [
        RemoteFile(
            file.rfilename,
            hf_hub_url(repository, file.rfilename, endpoint=endpoint()),
            file.size or 0,
            _digest(file.lfs.sha256 if file.lfs else file.blob_id),
        )
        for file in info.siblings or []
        if "/" not in file.rfilename and any(fnmatch(file.rfilename, pattern) for pattern in _WANTED)
    ]


def fetch(remote: RemoteFile, part: PartialFile, report: Report) -> None:
    """Append the missing bytes of a file; a connection that breaks is taken up again.

    Raises:
        SourceFailed: the hub cannot be reached any more.
        WrongFile: it sends more bytes than the file has.
    """
    import httpx

    failures = 0
    while part.bytes < part.size_bytes:
        before = part.bytes
        try:
            with _online():
                _read(remote, part, report)
        except httpx.TransportError as exc:
            failures = 1 if part.bytes > before else failures + 1
            if failures >= _MOST_FAILURES:
                raise SourceFailed(f"broke off at {part.bytes:,} of {part.size_bytes:,} bytes") from exc
            time.sleep(0.3 * failures)
        else:
            if part.bytes == before:
                raise SourceFailed(f"sent {part.bytes:,} of {part.size_bytes:,} bytes")


def _read(remote: RemoteFile, part: PartialFile, report: Report) -> None:
    from huggingface_hub import get_session
    from huggingface_hub.utils._headers import build_hf_headers
    from huggingface_hub.utils._http import hf_raise_for_status

    # Without compression: ranges and sizes count the bytes of the file itself.
    headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
    if part.bytes:
        headers["Range"] = f"bytes={part.bytes}-"
    request = get_session().stream(
        "GET", remote.url, headers=headers, follow_redirects=True, timeout=_SILENCE_SECONDS
    )
    with _explained(remote.url, broken=False), request as response:
        hf_raise_for_status(response)
        if not response.headers.get("Content-Range", "").startswith(f"bytes {part.bytes}-"):
            part.cut(0)  # a server without ranges sends the whole file
        for block in response.iter_bytes():
            part.write(block)
            report(part.bytes, part.size_bytes, remote.name)


def _digest(tag: str | None) -> str:
    """Return an entity tag if it is a digest, else nothing."""
    return tag if tag and _DIGEST.fullmatch(tag) else ""


@contextmanager
def _online() -> Iterator[None]:
    """Allow connections to the hub in the body, whatever HF_HUB_OFFLINE says."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = False
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


@contextmanager
def _explained(repository: str, *, broken: bool = True) -> Iterator[None]:
    """Turn the hub's errors into a reason, and a broken connection only if `broken`.

    Raises:
        SourceFailed: see there.
    """
    import httpx
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        RepositoryNotFoundError,
    )

    try:
        yield
    except GatedRepoError as exc:
        raise SourceFailed(
            f"gives this model only to those who accepted its licence: do so at {endpoint()}/{repository}, then run "
            "`hf auth login`"
        ) from exc
    except (EntryNotFoundError, RepositoryNotFoundError) as exc:
        raise SourceFailed("does not have the file") from exc
    except HfHubHTTPError as exc:
        raise SourceFailed(f"answered with status {exc.response.status_code}") from exc
    except httpx.TransportError as exc:
        if not broken:
            raise
        raise SourceFailed(f"cannot be reached ({str(exc) or type(exc).__name__})") from exc
