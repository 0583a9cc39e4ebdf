"""Caches of earlier versions go when one of the present form is written; everything else stays."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from rag.chat_models.files.model_cache import cached_folder
from rag.embedding.machine_profile import remember

OLD = (
    "embedders",
    "models/openvino-2025.3.0.0-exact-0123456789abcdef",
    "models/openvino-2025.3.0.0-0123456789abcdef",
)
KEPT = (
    "models/openvino-2025.3.0.0-grouped-2-0123456789abcdef",
    "models/openvino-notes",
    "models/merged-0123456789abcdef",
    "models/hashes",
)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with old and new folders."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in (*OLD, *KEPT):
        (tmp_path / "lectern" / name).mkdir(parents=True)
        (tmp_path / "lectern" / name / "weights.bin").write_bytes(b"1")
    return tmp_path / "lectern"


def test_old_forms_are_removed_and_named_once(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "lectern"):
        cached_folder("made", lambda folder: (folder / "new").touch())
        cached_folder("made again", lambda folder: (folder / "new").touch())
    assert [name for name in OLD if (cache / name).exists()] == []
    assert all((cache / name / "weights.bin").exists() for name in KEPT)
    (message,) = caplog.messages
    assert all(name in message for name in OLD)


def test_a_new_profile_of_the_machine_removes_them_too(cache: Path) -> None:
    remember("model", [])
    assert not (cache / "embedders").exists()
