"""A hub on this machine: one preset comes at once, of another the bytes trickle."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from rag.chat_models.model_files import gguf_path
from rag.chat_models.presets import PRESETS, reference

QUICK, SLOW = "qwen2.5-1.5b", "qwen2.5-coder-0.5b"
"""The first has no digest of its own, so the hub may have the embedded model's file under its name."""
_TRICKLE_BYTES = 100_000


class _Handler(BaseHTTPRequestHandler):
    content: bytes
    digest: str
    ended: threading.Event

    def log_message(self, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._head()

    def do_GET(self) -> None:
        slow = self._head()
        try:
            if not slow:
                self.wfile.write(self.content)
            while slow and not self.ended.wait(0.05):
                self.wfile.write(bytes(_TRICKLE_BYTES))
        except OSError:
            pass

    def _head(self) -> bool:
        slow = next(one.download for one in PRESETS if one.name == SLOW)
        assert slow
        is_slow = self.path.endswith(slow.file_name)
        size, digest = (slow.size_bytes, slow.sha256) if is_slow else (len(self.content), self.digest)
        self.send_response(200)
        self.send_header("X-Linked-Etag", f'"{digest}"')
        self.send_header("X-Linked-Size", str(size))
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        return is_slow


@contextmanager
def model_hub() -> Iterator[str]:
    """Yield the address of the hub."""
    content = gguf_path(reference("embedded")).read_bytes()
    facts = {"content": content, "digest": hashlib.sha256(content).hexdigest(), "ended": threading.Event()}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Hub", (_Handler,), facts))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    facts["ended"].set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()
