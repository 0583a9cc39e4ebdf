"""`lectern models`: terms before a download, and one sentence at its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from rag.chat_models.presets import PRESETS, reference
from rag.settings import ModelSettings
from tests.patience import PATIENCE_SECONDS
from ui.better_model import BETTER_MODEL, better_model_line

ROOT = Path(__file__).resolve().parents[2]
NAME = "qwen2.5-coder-0.5b"
DOWNLOAD = next(preset.download for preset in PRESETS if preset.name == NAME)
assert DOWNLOAD


def environment(folder: Path, endpoint: str = "http://127.0.0.1:9") -> dict[str, str]:
    """Offline as in the Makefile, with no hub and no index but those of the test."""
    return {
        **os.environ,
        "COLUMNS": "200",
        "HF_HUB_OFFLINE": "1",
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(folder / "hub"),  # nothing was downloaded by other programs
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": "",
        "PIP_CONFIG_FILE": os.devnull,
        "LECTERN_MODEL__FOLDER": str(folder),
    }


def lectern(
    folder: Path, *arguments: str, endpoint: str = "http://127.0.0.1:9"
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ui.cli", *arguments],
        cwd=ROOT,
        env=environment(folder, endpoint),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def test_without_a_network_a_pull_ends_soon_with_one_sentence(tmp_path: Path) -> None:
    done = lectern(tmp_path, "models", "pull", NAME, "--yes")
    assert (done.returncode, done.stdout) == (1, "")
    terms, place, error = done.stderr.splitlines()
    assert f"{NAME}: 0.49 GB; licence Apache-2.0; verified by its publisher's SHA-256" in terms
    assert str(tmp_path) in place and "GB free" in place
    assert error.startswith(
        f"lectern: {NAME} could not be fetched: the hub (http://127.0.0.1:9) cannot be reached"
    )
    assert "the package index does not have" in error
    assert error.endswith(f"lectern models pull {NAME}")


def test_the_list_names_licence_size_memory_and_the_command(tmp_path: Path) -> None:
    done = lectern(tmp_path, "models", "list", "--json")
    models = {entry["name"]: entry for entry in json.loads(done.stdout)["models"]}
    for preset in PRESETS:
        entry = models[preset.name]
        assert entry["license"] == preset.license
        assert entry["size_bytes"] > 10**7
        assert entry["memory_bytes"] > entry["size_bytes"] or preset.name == "llama3-8b"
        assert entry["here"] is (preset.download is None)
        assert ("lectern models pull" in entry["note"]) is (preset.download is not None)


def test_what_is_pulled_is_not_pulled_again_and_works_by_its_name(tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.gguf").write_bytes(b"GGUF, but no model")
    done = lectern(tmp_path, "models", "pull", NAME, "--json")
    assert (done.returncode, json.loads(done.stdout)["downloaded"]) == (0, False)
    shown = lectern(tmp_path, "models", "show", NAME)
    assert f"{NAME}.gguf" in shown.stderr  # the file is read, and it is no model


def test_an_estimate_needs_no_download(tmp_path: Path) -> None:
    found = json.loads(lectern(tmp_path, "models", "estimate", "qwen2.5-coder-1.5b", "--json").stdout)
    assert found["context_tokens"] == 32768
    assert 10**9 < found["weight_bytes"] < 4 * 10**9
    assert found["kv_bytes"] == 2 * 28 * 2 * 128 * 32768 * 2


@pytest.mark.parametrize(
    ("name", "status"), [("embedded", 0), ("openai:x@http://127.0.0.1:1", 0), ("no-such", 1)]
)
def test_other_names_have_nothing_to_pull(tmp_path: Path, name: str, status: int) -> None:
    done = lectern(tmp_path, "models", "pull", name, "--yes")
    assert done.returncode == status
    assert ("it is none of qwen2.5-coder-0.5b" in done.stderr) is bool(status)


class SlowHub(BaseHTTPRequestHandler):
    """A hub that has the right file by its digest, and sends its bytes slowly."""

    def log_message(self, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("X-Linked-Etag", f'"{DOWNLOAD.sha256}"')
        self.send_header("X-Linked-Size", str(DOWNLOAD.size_bytes))
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", str(DOWNLOAD.size_bytes))
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        try:
            self.wfile.write(bytes(4_000_000))
            for _ in range(600):
                self.wfile.write(bytes(100_000))
                time.sleep(0.1)
        except OSError:
            pass


@pytest.fixture
def slow_hub() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), SlowHub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_ctrl_c_leaves_one_sentence_and_what_was_fetched(slow_hub: Any, tmp_path: Path) -> None:
    # A background shell hands SIGINT down ignored: the child gets it back.
    running = subprocess.Popen(
        ["env", "--default-signal=INT", sys.executable, "-m", "ui.cli", "models", "pull", NAME, "--yes"],
        cwd=ROOT,
        env=environment(tmp_path, f"http://127.0.0.1:{slow_hub.server_address[1]}"),
        stderr=subprocess.PIPE,
        text=True,
    )
    draft = tmp_path / ".partial" / f"{NAME}.gguf" / f"{NAME}.gguf"
    while not (draft.exists() and draft.stat().st_size):
        assert running.poll() is None
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, stderr = running.communicate(timeout=PATIENCE_SECONDS)
    assert running.returncode == 130
    assert "Traceback" not in stderr
    assert "the same command goes on from there." in stderr.splitlines()[-1]
    state = json.loads(draft.with_name(f"{draft.name}.json").read_text("utf-8"))
    assert 0 < state["bytes"] <= draft.stat().st_size
    assert not (tmp_path / f"{NAME}.gguf").exists()


def test_the_better_model_is_offered_once_only_where_none_is_chosen(tmp_path: Path) -> None:
    here = ModelSettings(folder=str(tmp_path))
    assert better_model_line(here, "ask").endswith(f": lectern models pull {BETTER_MODEL}")
    assert "\n" not in better_model_line(here, "ask")
    assert better_model_line(here.model_copy(update={"name": "llama3-8b"}), "ask") == ""
    Path(reference(BETTER_MODEL, str(tmp_path)).source).touch()
    assert better_model_line(here, "chat").endswith(f": lectern chat --model {BETTER_MODEL}")


@pytest.mark.parametrize("target", ["chat", "ask"])
def test_make_pulls_the_model_before_it_starts(target: str) -> None:
    command = ["make", "-n", "-o", "setup", target, "Q=When is the exam?", f"MODEL={NAME}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = [line for line in done.stdout.splitlines() if "lectern" in line]
    assert f'lectern models pull "{NAME}" --yes' in lines[0]
    assert lines[-1].endswith(f'--model "{NAME}"')
    plain = subprocess.run([*command[:-1]], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "--model" not in plain and "models pull" not in plain
