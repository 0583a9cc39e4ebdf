"""The package of the embedded model: there, missing, damaged."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from rag.embedding import embedded_model
from rag.embedding.embedded_model import check_weights, embedded_folder
from rag.errors import ModelMissing


def test_the_installed_weights_are_the_known_ones() -> None:
    check_weights()


def test_a_missing_package_is_one_sentence_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_model, "_MODULE", "no_such_package")
    with pytest.raises(ModelMissing, match=r"is not installed.*with: lectern setup$"):
        embedded_folder()


def test_other_bytes_are_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"whole weights")
    monkeypatch.setattr(embedded_model, "embedded_folder", lambda: tmp_path)
    monkeypatch.setattr(embedded_model, "WEIGHTS_SHA256", sha256(b"whole weights").hexdigest())
    check_weights()
    file.write_bytes(b"whole weightz")
    with pytest.raises(ModelMissing, match=r"is damaged: its SHA-256.*again with: lectern setup$"):
        check_weights()
    file.unlink()
    with pytest.raises(ModelMissing, match="cannot be read"):
        check_weights()
