"""A local hub and a folder of wheels that have a tiny file, whole or not."""

from __future__ import annotations

import hashlib
import json
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

CONTENT = bytes(range(256)) * 1200  # 307,200 bytes
FILE, REPOSITORY = "tiny-q4_k_m.gguf", "people/tiny-GGUF"
PIECES = tuple(f"lectern-test-piece{number}" for number in (1, 2))


def git_blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@dataclass
class Hub:
    """The files of the local hub, and its faults."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    cut_after: list[int] = field(default_factory=list)
    """Bytes after which the next answers break off."""
    ranges: bool = True
    digests: bool = True
    status: int = 200
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def gets(self) -> list[str]:
        return [given for method, path, given in self.asked if method == "GET" and "/cdn/" in path]


def handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Redirects `resolve` to a store of files, as a hub does; ranges are served there."""

        def log_message(self, *args: Any) -> None:
            pass

        def do_HEAD(self) -> None:
            self._resolve("HEAD")

        def do_GET(self) -> None:
            if "/cdn/" in self.path:
                self._send()
            elif "/api/models/" in self.path:
                self._list()
            else:
                self._resolve("GET")

        def _resolve(self, method: str) -> None:
            hub.asked.append((method, self.path, ""))
            content = hub.files.get(self.path.rpartition("/")[2])
            if hub.status != 200 or content is None:
                self.send_response(hub.status if hub.status != 200 else 404)
                self.send_header("X-Error-Code", "GatedRepo" if hub.status == 403 else "EntryNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            name = self.path.rpartition("/")[2]
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.server.server_address[1]}/cdn/{name}")  # type: ignore[str-bytes-safe]
            self.send_header("X-Repo-Commit", "0" * 40)
            self.send_header("X-Linked-Size", str(len(content)))
            if hub.digests:
                large = name.endswith((".gguf", ".safetensors"))
                self.send_header(
                    "X-Linked-Etag",
                    f'"{hashlib.sha256(content).hexdigest() if large else git_blob(content)}"',
                )
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _list(self) -> None:
            siblings = [
                {
                    "rfilename": name,
                    "size": len(content),
                    "blobId": git_blob(content),
                    **(
                        {
                            "lfs": {
                                "size": len(content),
                                "sha256": hashlib.sha256(content).hexdigest(),
                                "pointerSize": 1,
                            }
                        }
                        if name.endswith(".safetensors")
                        else {}
                    ),
                }
                for name, content in hub.files.items()
            ]
            body = json.dumps({"id": REPOSITORY, "modelId": REPOSITORY, "siblings": siblings}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _send(self) -> None:
            content, given = hub.files[self.path.rpartition("/")[2]], self.headers.get("Range", "")
            hub.asked.append(("GET", self.path, given))
            start = int(given.removeprefix("bytes=").rstrip("-")) if given and hub.ranges else 0
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            end = start + hub.cut_after.pop(0) if hub.cut_after else len(content)
            self.wfile.write(content[start:end])

    return Handler


def use_endpoint(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Do what HF_ENDPOINT does, which the library reads when it is imported."""
    from huggingface_hub import constants

    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "ENDPOINT", address)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A local hub with the tiny file; HF_HUB_OFFLINE is set, as in the Makefile."""
    from huggingface_hub import constants

    found = Hub(files={FILE: CONTENT})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(found))
    found.address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    use_endpoint(monkeypatch, found.address)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    yield found
    assert constants.HF_HUB_OFFLINE is True
    server.shutdown()
    server.server_close()


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    use_endpoint(monkeypatch, "http://127.0.0.1:9")


@dataclass(frozen=True)
class Wheels:
    """A folder of wheels that pip takes instead of an index."""

    folder: Path

    def path(self, name: str) -> Path:
        return self.folder / f"{name.replace('-', '_')}-1.0-py3-none-any.whl"

    def write(self, name: str, data: bytes) -> None:
        module = name.replace("-", "_")
        info = f"{module}-1.0.dist-info"
        with zipfile.ZipFile(self.path(name), "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr(f"{module}/data/part-a.bin", data[:1000])
            packed.writestr(f"{module}/data/part-b.bin", data[1000:])
            packed.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            packed.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            packed.writestr(f"{info}/RECORD", "")


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wheels:
    """The tiny file in two pieces."""
    found = Wheels(tmp_path / "wheels")
    found.folder.mkdir()
    half = len(CONTENT) // 2
    for number, name in enumerate(PIECES):
        found.write(name, CONTENT[number * half : (number + 1) * half])
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(found.folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return found
