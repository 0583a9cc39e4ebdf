"""The mean of adapters: what it computes, what it keeps, and which adapters do not belong together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from finetune.averaging import average
from rag.errors import TrainingError

pytestmark = pytest.mark.model
torch = pytest.importorskip("torch")

BASE = {"name": "tiny", "blake2b": "0" * 32}


def adapter(folder: Path, a: Any, b: Any, *, rank: int = 1, base: dict[str, str] = BASE) -> Path:
    """An adapter of one layer on disk."""
    from safetensors.torch import save_file

    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"r": rank, "lora_alpha": 2}))
    (folder / "manifest.json").write_text(json.dumps({"base": base, "prompt_style": "reader"}))
    weights = {"q.lora_A.weight": torch.tensor(a), "q.lora_B.weight": torch.tensor(b)}
    save_file({name: weight.to(torch.bfloat16) for name, weight in weights.items()}, folder / "adapter_model.safetensors")  # fmt: skip
    return folder


def weights_of(folder: Path) -> dict[str, list[Any]]:
    from safetensors.torch import load_file

    return {
        name: value.float().tolist()
        for name, value in load_file(folder / "adapter_model.safetensors").items()
    }


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    return [
        adapter(tmp_path / "one", [[4.0, 8.0]], [[2.0], [0.0]]),
        adapter(tmp_path / "other", [[4.0, 6.0]], [[1.0], [1.0]]),
    ]


def test_every_weight_is_the_mean_and_what_they_share_is_kept(two: list[Path], tmp_path: Path) -> None:
    folder = average(two, tmp_path / "mean")
    assert weights_of(folder) == {"q.lora_A.weight": [[4.0, 7.0]], "q.lora_B.weight": [[1.5], [0.5]]}
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest == {"base": BASE, "prompt_style": "reader", "average_of": [str(one) for one in two]}
    assert json.loads((folder / "adapter_config.json").read_text()) == {"r": 1, "lora_alpha": 2}
    assert str(two[1]) in (folder / "README.md").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mean", "one", "other"]


def test_an_earlier_adapter_is_replaced_only_when_told(two: list[Path], tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="exists"):
        average(two, two[0])
    assert weights_of(two[0])["q.lora_A.weight"] == [[4.0, 8.0]]
    average(two, two[0], overwrite=True)
    assert weights_of(two[0])["q.lora_A.weight"] == [[4.0, 7.0]]


def test_adapters_that_do_not_belong_together_are_refused(two: list[Path], tmp_path: Path) -> None:
    strangers = {
        "two adapters or more": two[0],
        "not trained on from the same": adapter(tmp_path / "stranger", [[-8.0, 4.0]], [[0.0], [2.0]]),
        "another rank": adapter(tmp_path / "rank", [[4.0, 8.0]], [[2.0], [0.0]], rank=2),
        "other layers": adapter(tmp_path / "wide", [[4.0, 8.0, 1.0]], [[2.0], [0.0]]),
        "another base": adapter(tmp_path / "base", [[4.0, 8.0]], [[2.0], [0.0]], base={"name": "else"}),
        "no adapter_config.json": tmp_path / "nowhere",
    }
    for told, stranger in strangers.items():
        given = [stranger] if stranger == two[0] else [two[0], stranger]
        with pytest.raises(TrainingError, match=told):
            average(given, tmp_path / "mean")
    assert not (tmp_path / "mean").exists()


def test_a_folder_with_anything_else_in_it_is_never_replaced(two: list[Path], tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.md").write_text("years of work")
    with pytest.raises(TrainingError, match="more than an adapter"):
        average(two, home, overwrite=True)
    (tmp_path / "mean.part").mkdir()
    (tmp_path / "mean.part" / "thesis.md").write_text("years of work")
    average(two, tmp_path / "mean")
    assert (home / "thesis.md").is_file() and (tmp_path / "mean.part" / "thesis.md").is_file()


@pytest.mark.parametrize("file, told", [("adapter_config.json", "is no JSON"), ("adapter_model.safetensors", "is not whole")])  # fmt: skip
def test_a_damaged_adapter_is_one_sentence(two: list[Path], tmp_path: Path, file: str, told: str) -> None:
    (two[1] / file).write_text("half of")
    with pytest.raises(TrainingError, match=told):
        average(two, tmp_path / "mean")


def test_weights_that_are_no_numbers_are_refused(two: list[Path], tmp_path: Path) -> None:
    broken = adapter(tmp_path / "broken", [[float("nan"), 8.0]], [[2.0], [0.0]])
    empty = [adapter(tmp_path / name, [[0.0, 0.0]], [[0.0], [0.0]]) for name in ("zero", "nought")]
    for given in ([two[0], broken], empty):
        with pytest.raises(TrainingError, match="not trained on from the same"):
            average(given, tmp_path / "mean")
