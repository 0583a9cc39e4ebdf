"""The chosen language model in `lectern doctor`."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.settings import ModelSettings
from ui.chat_model_check import chat_model_figures, chat_model_findings


def test_a_preset_that_is_not_pulled_is_named_with_its_command_engine_and_memory(tmp_path: Path) -> None:
    chosen = ModelSettings(name="qwen2.5-coder-1.5b", folder=str(tmp_path))
    (missing,) = (found for found in chat_model_findings(chosen) if "not on this machine" in found.what)
    assert "qwen2.5-coder-1.5b is not on this machine (1.1 GB to download)" in missing.what
    assert missing.mend == "lectern models pull qwen2.5-coder-1.5b"
    figures = chat_model_figures(chosen)
    assert (figures["here"], figures["engine"]) == (False, "openvino")
    assert 1.2e9 < figures["needs_bytes"] < 3.5e9


def test_a_model_that_does_not_fit_names_the_smaller_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.chat_models.estimate.free_bytes", lambda device: 1_400_000_000)
    found = chat_model_findings(ModelSettings(name="qwen2.5-coder-1.5b", folder=str(tmp_path)))
    assert [one.severity for one in found] == ["error", "warning"]
    assert "does not fit" in found[1].what
    assert found[1].mend == "--model qwen2.5-coder-0.5b"


def test_a_damaged_file_is_a_finding_and_the_embedded_model_and_servers_have_none(tmp_path: Path) -> None:
    broken = tmp_path / "m.gguf"
    broken.write_bytes(b"GGUF")
    (found,) = chat_model_findings(ModelSettings(name=str(broken)))
    assert "m.gguf has 4 bytes" in found.what
    assert chat_model_findings(ModelSettings()) == []
    assert chat_model_findings(ModelSettings(name="openai:m@http://127.0.0.1:1")) == []
