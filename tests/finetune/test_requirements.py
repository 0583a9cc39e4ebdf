"""Commands without their packages or without a network: one sentence, and at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from finetune.requirements import is_hub_id, require_packages
from rag.errors import TrainingError
from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]
RECIPE = "llama3-8b-customer-service"
NO_HUB = {"HF_ENDPOINT": "http://127.0.0.1:9"}


def run(code: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run Python code with a hub that refuses connections and an empty cache."""
    surroundings = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    surroundings |= NO_HUB | {"HF_HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "0"}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )


def command(*words: str) -> str:
    return f"import sys; sys.argv = ['lectern', 'finetune', *{words!r}]; from ui.cli import main; main()"


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(TrainingError, match=r"needs datasets, not installed.*lectern setup finetune"):
        require_packages("json", "datasets")


@pytest.mark.parametrize(
    ("where", "expected"),
    [("meta-llama/Llama-3", True), ("gpt2", True), ("./x", False), ("/x/y", False), ("x.gguf", False)],
)
def test_an_id_of_a_hub_is_not_written_like_a_path(where, expected):
    assert is_hub_id(where) is expected


def test_a_folder_is_no_id(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    assert not is_hub_id("model")


@pytest.mark.model
def test_an_estimate_without_a_network_comes_at_once(tmp_path):
    done = run(command("estimate", RECIPE), tmp_path)
    assert done.returncode == 0, done.stderr
    assert "8.03 billion weights" in done.stdout
    assert "cannot be reached" in " ".join(done.stdout.split())
    assert "Traceback" not in done.stderr and "etry" not in done.stderr


@pytest.mark.model
def test_a_preview_without_datasets_is_one_sentence(tmp_path):
    done = run(f"import sys; sys.modules['datasets'] = None; {command('preview', RECIPE)}", tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("lectern: Fine-tuning needs datasets") and "Traceback" not in done.stderr
