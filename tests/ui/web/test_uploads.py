"""Hand-written requests to the real mounted application: no file but an upload is read, copied or served."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from rag.errors import InputError, ModelMissing
from rag.library.library import Library
from rag.settings import AccessSettings, Settings
from tests.patience import PATIENCE_SECONDS
from ui.access import Access
from ui.web.desk import Desk
from ui.web.uploads import check_files, safe_name, uploaded_file

SECRET = "The secret of the observatory is 42."
SENTENCE = (
    "is not a file uploaded to this page within the last hour, and only those are read: choose it again"
)


class Application:
    """An application without models, as the desk needs it."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings()
        self.library, self.server = Library.create(folder), None

    def open_model_ahead(self) -> None:
        pass

    def open_library(self) -> Library:
        return self.library

    @property
    def embedder(self) -> None:
        raise ModelMissing("There is no embedding model here. Run: lectern doctor")

    def chain(self) -> None:
        raise ModelMissing("There is no chat model here. Run: lectern doctor")


class Site:
    """The real server on a free port, spoken to byte by byte."""

    def __init__(self, folder: Path) -> None:
        import uvicorn

        from ui.addresses import bound_socket
        from ui.web.server import build_app, silence

        silence()
        self.folder = folder
        self.uploads = folder / "uploads"
        self.uploads.mkdir()
        self.library = folder / "library"
        self.secret = folder / "secret.md"
        self.secret.write_text(SECRET, encoding="utf-8")
        desk = Desk(Application(self.library))  # type: ignore[arg-type]
        desk.load()
        app = build_app(desk, Access("127.0.0.1", AccessSettings()), self.uploads)
        self.page = next(route.app for route in app.routes if hasattr(route.app, "get_blocks")).get_blocks()  # type: ignore[attr-defined]
        bound = bound_socket(Settings().chat.model_copy(update={"port": 0}))
        self.port: int = bound.getsockname()[1]
        self.server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
        self.thread = Thread(target=self.server.run, kwargs={"sockets": [bound]}, daemon=True)
        self.thread.start()

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str], str]:  # fmt: skip
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, given)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        text = answer.read().decode("utf-8", "replace")
        connection.close()
        return answer.status, found, text

    def upload(self, name: str, text: str) -> str:
        """The path that the upload address gives for a file."""
        body = (
            f'--b\r\ncontent-disposition: form-data; name="files"; filename="{name}"\r\n'
            f"content-type: text/plain\r\n\r\n{text}\r\n--b--\r\n"
        )
        kind = "multipart/form-data; boundary=b"
        status, _, answer = self.request("POST", "/gradio_api/upload", body.encode(), content_type=kind)
        assert status == 200, answer
        return str(json.loads(answer)[0])

    def event(self, handler: str, data: list[Any]) -> dict[str, Any]:
        """The last message of the queue about an event, by the name of its handler."""
        fns = self.page.fns
        number = next(key for key, fn in fns.items() if getattr(fn.fn, "__name__", "") == handler)
        body = json.dumps({"fn_index": number, "data": data, "session_hash": "by-hand"}).encode()
        status, _, answer = self.request(
            "POST", "/gradio_api/queue/join", body, content_type="application/json"
        )
        assert status == 200, answer
        stream = self.request("GET", "/gradio_api/queue/data?session_hash=by-hand")[2]
        messages = [json.loads(line.removeprefix("data: ")) for line in stream.splitlines() if line]
        return next(message for message in messages if message["msg"] == "process_completed")

    def kept(self) -> list[Path]:
        """Every file that holds the secret, besides the secret itself."""
        files = [path for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink()]
        return [path for path in files if SECRET.encode() in path.read_bytes() and path != self.secret]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    running = Site(tmp_path)
    yield running
    running.server.should_exit = True
    running.thread.join(PATIENCE_SECONDS)


def file(path: str) -> dict[str, Any]:
    return {"path": path, "meta": {"_type": "gradio.FileData"}, "orig_name": "note.md"}


def test_an_idle_server_seldom_looks_for_events(site: Site) -> None:
    queue, waits, looked = site.page._queue, set[float](), Event()

    class Watched(type(queue)):  # type: ignore[misc]
        @property
        def sleep_when_free(self) -> float:
            waits.add(vars(self)["sleep_when_free"])
            looked.set()
            return float(vars(self)["sleep_when_free"])

    queue.__class__ = Watched
    assert looked.wait(PATIENCE_SECONDS)
    assert min(waits) >= 0.02  # Gradio's own wait is a millisecond


def test_a_path_written_by_hand_is_refused_and_nothing_is_copied(site: Site, tmp_path: Path) -> None:
    owls = site.upload("owls.md", "# Owls")
    link = site.uploads / "link.md"
    link.symlink_to(site.secret)
    other = tmp_path / "lectern-other" / "abc"
    other.mkdir(parents=True)
    (other / "notes.md").write_text(SECRET, encoding="utf-8")
    before = site.kept()
    foreign = [
        str(site.secret), f"{owls}/../../../secret.md", str(link), str(site.uploads), str(Path(owls).parent), "/proc/self/environ",
        str(other / "notes.md"), "secret.md", "../secret.md", "file:///etc/passwd", "https://127.0.0.1/note.md", "//evil.example/note.md",
    ]  # fmt: skip
    for path in foreign:
        told = site.event("_upload", [[file(owls), file(path)]])
        assert not told["success"], path
        assert SENTENCE in str(told["output"]["error"]), path
    assert site.kept() == before
    assert not (site.library / "uploads").exists()


def test_no_other_event_copies_a_file_either(site: Site) -> None:
    told = site.event("_add_folder", [file(str(site.secret))])
    assert not told["success"]
    assert SENTENCE in str(told["output"]["error"])
    assert site.kept() == []


def test_an_event_without_its_values_is_one_sentence(site: Site, capfd: pytest.CaptureFixture[str]) -> None:
    told = site.event("_upload", [])
    assert "Reload the page" in str(told["output"]["error"])
    assert "Traceback" not in capfd.readouterr().err


def test_an_upload_of_the_page_is_taken(site: Site) -> None:
    told = site.event("_upload", [[file(site.upload("owls.md", "# Owls"))]])
    assert told["success"]
    assert (site.library / "uploads" / "owls.md").read_text(encoding="utf-8") == "# Owls"


def test_gradio_checks_paths_too(site: Site) -> None:
    assert site.page.has_launched


def test_an_uploaded_page_is_a_download_without_a_nonce(site: Site) -> None:
    owls = site.upload("owls.html", "<script>steal()</script>")
    for headers in ({}, {"Range": "bytes=0-10"}):
        status, found, text = site.request("GET", f"/gradio_api/file={owls}", **headers)
        assert status in (200, 206)
        assert "nonce" not in text
        assert found["content-disposition"].startswith("attachment")
        assert found["x-content-type-options"] == "nosniff"
        assert found["content-security-policy"] == "default-src 'none'; sandbox"


@pytest.fixture
def evil(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[str]]]:
    """A page of somebody else, at an address that Gradio holds for a public one, and what was asked of it."""
    asked: list[str] = []

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(b"<script>steal()</script>")

        def log_message(self, *given: Any) -> None:
            pass

    async def public(host: str) -> str:
        return "127.0.0.1"

    monkeypatch.setattr("safehttpx.async_validate_url", public)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"evil.example:{server.server_port}/a.png", asked
    server.shutdown()
    server.server_close()


def test_no_address_is_fetched_for_another_page(site: Site, evil: tuple[str, list[str]]) -> None:
    address, asked = evil
    starts = ["http://", "http:%2F%2F", "%68ttp%3A%2F%2F", "http%253A%252F%252F", "HTTP://", "ftp://", "//", "%2F%2F", "%5C%5C", "/%5C", "/"]  # fmt: skip
    for route, start in product(("file=", "file%3D", "proxy=", "proxy%3D"), starts):
        status, headers, text = site.request("GET", f"/gradio_api/{route}{start}{address}")
        assert (status, text) == (404, "There is nothing at this address: open / for the page."), start
        assert headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert asked == []


def test_the_page_has_scripts_with_a_nonce_and_what_it_does_not_need_is_not_there(site: Site) -> None:
    status, headers, text = site.request("GET", "/")
    assert status == 200
    assert "'nonce-" in headers["content-security-policy"]
    assert "<script nonce=" in text
    for path in (
        "/config",
        "/gradio_api/info",
        "/gradio_api/openapi.json",
        "/gradio_api/startup-events",
        "/monitoring",
    ):
        assert site.request("GET", path)[0] == 404  # fmt: skip


def test_only_a_regular_file_inside_the_folder_is_an_upload(tmp_path: Path) -> None:
    uploads = tmp_path / "uploads"
    (uploads / "abc").mkdir(parents=True)
    owls = uploads / "abc" / "owls.md"
    owls.write_text("# Owls", encoding="utf-8")
    (uploads / "inside.md").symlink_to(owls)
    (uploads / "loop.md").symlink_to(uploads / "loop.md")
    assert uploaded_file(str(owls), uploads) == owls
    assert uploaded_file(str(uploads / "inside.md"), uploads) == owls
    for path in ("", "owls.md", str(uploads), str(uploads / "abc"), str(uploads / "gone.md"), str(uploads / "loop.md"),
                 f"/{owls}", f"{owls}\0", str(uploads) + "2/owls.md", "/" + "x" * 5000):  # fmt: skip
        with pytest.raises(InputError, match="is not a file uploaded to this page"):
            uploaded_file(path, uploads)


def test_a_path_is_found_however_deep_it_lies(tmp_path: Path) -> None:
    check_files([None, "path", 3, {"value": ["/etc/passwd"]}], tmp_path)
    for data in ([file("/etc/passwd")], {"value": {"a": [[{"path": "/etc/passwd"}]]}}, [{"path": None}]):
        with pytest.raises(InputError):
            check_files(data, tmp_path)


def test_names_without_what_no_file_system_likes() -> None:
    assert safe_name("..\\..\\evil<x>.md") == "evilx.md"
    assert safe_name("/a/.hidden.md") == "hidden.md"
    assert safe_name("/") == "note.txt"
