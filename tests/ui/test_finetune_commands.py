"""`lectern finetune` from outside: what a person sees, and that an adapter is switched on only when told and only if it is no worse."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
OWN = ROOT / "rag" / "adapters" / "embedded-grounded"
GOLDEN = ROOT / "examples" / "golden.jsonl"


def test_what_is_no_adapter_is_refused(lectern: Any, tmp_path: Path) -> None:
    result = lectern("finetune", "evaluate", tmp_path)
    assert result.returncode == 1
    assert "so it is no adapter" in result.stderr


def test_an_adapter_folder_that_exists_is_not_written_over(lectern: Any, tmp_path: Path) -> None:
    (tmp_path / "run" / "adapter").mkdir(parents=True)
    result = lectern("finetune", "train", "smollm2-135m-customer-service", "--out", tmp_path / "run")
    assert result.returncode == 1
    assert "exists already" in result.stderr and "--overwrite" in result.stderr


def test_an_unknown_recipe_key_is_one_sentence(lectern: Any, tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text('name = "mine"\n[data]\nrows = "messages"\npath = "p"\n[training]\nlearning_rat = 1\n')
    result = lectern("finetune", "estimate", recipe)
    assert result.returncode == 1
    assert "training.learning_rat: unknown key" in result.stderr and "Traceback" not in result.stderr


def test_held_out_rows_alone_do_not_activate_an_adapter(lectern: Any, tmp_path: Path) -> None:
    config = tmp_path / "lectern.toml"
    result = lectern("finetune", "evaluate", OWN, "--activate", "--config", config)
    assert result.returncode == 2
    assert "--activate needs --golden FILE" in result.stderr and "--even-if-worse" in result.stderr
    assert not config.exists()


def test_an_adapter_may_name_its_recipe(tmp_path: Path) -> None:
    from rag.errors import TrainingError
    from ui.commands.finetune_evaluate import recipe_of

    assert recipe_of(OWN, None, "my/rows").data.path == "my/rows"
    assert recipe_of(OWN, None, None).name == "smollm2-135m-grounded"
    assert recipe_of(OWN, "smollm2-135m-customer-service", None).data.rows == "customer-service"
    for said in ({}, {"recipe": 1}, {"recipe": {"name": "x"}}):
        (tmp_path / "manifest.json").write_text(json.dumps(said))
        with pytest.raises(TrainingError, match="does not name the recipe"):
            recipe_of(tmp_path, None, None)


@pytest.mark.model
def test_the_adapter_that_ships_is_evaluated_by_the_recipe_it_names(lectern: Any, tmp_path: Path) -> None:
    result = lectern("finetune", "evaluate", OWN, "--data", tmp_path)
    assert result.returncode == 1
    assert "does not have the grounded examples 'train' whole" in result.stderr
    assert "--library DIR" in result.stderr


@pytest.mark.model
def test_a_preview_shows_what_is_trained_without_colour(lectern: Any, tmp_path: Path) -> None:
    recipe = _talk(tmp_path, "embedded")
    result = lectern("finetune", "preview", recipe, "--rows", "1")
    assert result.returncode == 0, result.stderr
    assert "{+Hello there.<|im_end|>+}" in result.stdout.replace("\n", "")
    assert "2 rows to train on, 2 held out, dropped: none." in result.stdout
    assert "\x1b[" not in result.stdout


@pytest.mark.model
def test_the_parts_of_an_estimate_add_up_to_all_of_it_with_a_tenth_to_spare(
    lectern: Any, tmp_path: Path
) -> None:
    import torch

    result = lectern("finetune", "estimate", _talk(tmp_path, "embedded"))
    assert result.returncode == 0, result.stderr
    lines = re.findall(r"^(.+?) +([\d.]+) GB$", result.stdout, re.MULTILINE)
    gigabytes = {name: float(size) for name, size in lines}
    everything = gigabytes.pop("all, with a tenth to spare")
    program = gigabytes.pop("the program itself", 0.0)
    assert (program == 0.0) == torch.cuda.is_available()
    assert program + 1.1 * sum(gigabytes.values()) == pytest.approx(everything, abs=0.04)


@pytest.fixture(scope="module")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], str]:
    """A short run on a Llama of random weights with the embedded model's tokenizer; its command and what that said.

    In this process, which has torch already.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM
    from typer.testing import CliRunner

    from finetune.base_model import load_tokenizer
    from ui.cli import build_app

    folder = tmp_path_factory.mktemp("tiny-run")
    load_tokenizer("embedded").save_pretrained(folder / "base")
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = LlamaConfig(vocab_size=49152, initializer_range=0.2, **shape)
    LlamaForCausalLM(config).save_pretrained(folder / "base")
    recipe, out = _talk(folder, str(folder / "base"), long_rows=2), folder / "run"
    train = ["finetune", "train", str(recipe), "--out", str(out), "--steps", "4"]
    result = CliRunner().invoke(build_app(), train)
    assert result.exit_code == 0, result.output
    return out, train, result.stdout


@pytest.mark.model
def test_a_run_tells_what_it_left_out_and_its_card_is_filled_by_evaluate(
    tiny_run: tuple[Path, list[str], str],
) -> None:
    from typer.testing import CliRunner

    from ui.cli import build_app

    out, train, said = tiny_run
    assert "Rows left out: 1 longer than 64 tokens, 1 held out, longer than 64 tokens." in _one_line(said)
    card = out / "adapter" / "README.md"
    assert f"`lectern {' '.join(train)}`" in card.read_text()
    measured = CliRunner().invoke(build_app(), ["finetune", "evaluate", str(out / "adapter"), "--limit", "1"])
    assert "| perplexity | 1 |" in card.read_text(), measured.output


@pytest.mark.model
def test_an_adapter_that_makes_something_worse_is_activated_by_force(
    tiny_run: tuple[Path, list[str], str], tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file
    from typer.testing import CliRunner

    from ui.cli import build_app

    backwards, config = tmp_path / "backwards", tmp_path / "lectern.toml"
    shutil.copytree(tiny_run[0] / "adapter", backwards)
    weights = load_file(backwards / "adapter_model.safetensors")
    steps = {name: tensor * (-1000 if "lora_B" in name else 1) for name, tensor in weights.items()}
    save_file(steps, backwards / "adapter_model.safetensors")
    evaluate = ["finetune", "evaluate", str(backwards), "--limit", "1", "--config", str(config), "--json"]
    refused = CliRunner().invoke(build_app(), evaluate)
    assert (refused.exit_code, config.exists()) == (1, False)
    forced = CliRunner().invoke(build_app(), [*evaluate, "--activate", "--even-if-worse"])
    assert forced.exit_code == 0, forced.output
    found = json.loads(forced.stdout)
    assert found["rows"]["worse"] == ["perplexity"]
    assert found["activated"] == str(config)
    assert tomllib.loads(config.read_text())["model"]["adapter"] == str(backwards)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _talk(folder: Path, base: str, long_rows: int = 0) -> Path:
    """A recipe for four short conversations and some that are longer than the context, every second one held out."""
    said = [
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello there."}]}
    ] * 4
    long = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "so " * 99}]}
    lines = [json.dumps(row) + "\n" for row in [*said, *[long] * long_rows]]
    (folder / "talk.jsonl").write_text("".join(lines))
    recipe = folder / "talk.toml"
    recipe.write_text(
        f'name = "talk"\n[model]\nbase = "{base}"\n[data]\nrows = "messages"\npath = "{folder}/talk.jsonl"\n'
        "evaluation_share = 0.5\n[training]\ncontext_tokens = 64\n"
    )
    return recipe


@pytest.mark.model
def test_an_8b_recipe_without_a_gpu_is_one_sentence(lectern: Any, tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    shape = {
        "num_hidden_layers": 32, "hidden_size": 4096, "intermediate_size": 14336,
        "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256,
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(shape))
    text = (ROOT / "finetune" / "recipes" / "llama3-8b-customer-service.toml").read_text("utf-8")
    recipe = tmp_path / "eight.toml"
    recipe.write_text(text.replace("meta-llama/Meta-Llama-3-8B-Instruct", str(tmp_path)), "utf-8")
    result = lectern("finetune", "train", recipe, "--out", tmp_path / "run")
    assert result.returncode == 1
    assert "8.0 billion weights and no GPU was found" in result.stderr and "Traceback" not in result.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.model
@pytest.mark.slow
def test_an_adapter_that_is_no_worse_is_activated_when_told(
    lectern: Any, course_library: Path, tmp_path: Path
) -> None:
    config = tmp_path / "lectern.toml"
    config.write_text("# mine\n[answer]\npassages = 4\n")
    result = _trial(lectern, OWN, course_library, config, "--activate")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["golden"]["questions"] == 3 and found["golden"]["worse"] == []
    assert set(found["golden"]["tuned"]) == set(found["golden"]["now"])  # now: quotes, without a model
    assert set(found["golden"]["base"]) >= {"right", "refused_wrongly"}
    written = config.read_text()
    assert written.startswith("# mine\n")
    assert tomllib.loads(written)["model"]["adapter"] == str(OWN)


@pytest.mark.model
@pytest.mark.slow
def test_an_adapter_that_makes_something_worse_says_so_and_is_not_activated(
    lectern: Any, tmp_path: Path
) -> None:
    config, recipe = tmp_path / "lectern.toml", tmp_path / "talk.toml"
    config.write_text("")
    said = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello there."}]}
    (tmp_path / "rows.jsonl").write_text((json.dumps(said) + "\n") * 4)
    recipe.write_text(
        f'name = "talk"\n[data]\nrows = "messages"\npath = "{tmp_path}/rows.jsonl"\nevaluation_share = 0.5\n'
    )
    flags = ("--recipe", recipe, "--limit", "1", "--config", config, "--json")
    result = lectern("finetune", "evaluate", _noise(tmp_path), *flags)
    assert result.returncode == 1
    assert "The adapter is worse in: perplexity" in result.stderr and "was not activated" in result.stderr
    found = json.loads(result.stdout)
    assert found["rows"]["tuned"]["perplexity"] > found["rows"]["base"]["perplexity"]
    assert found["activated"] is None and config.read_text() == ""


def _trial(lectern: Any, adapter: Path, library: Path, config: Path, *flags: str) -> Any:
    return lectern(
        *("finetune", "evaluate", adapter, "--limit", "0", "--golden", GOLDEN, "--questions", "3"),
        *("--library", library, "--config", config, "--json", *flags),
    )


def _noise(folder: Path) -> Path:
    """The shipped adapter with its weights drawn at random: a model that only babbles."""
    import torch
    from safetensors.torch import load_file, save_file

    target = folder / "noise"
    shutil.copytree(OWN, target)
    file = target / "adapter_model.safetensors"
    generator = torch.Generator().manual_seed(0)
    weights = {
        name: (torch.randn(tensor.shape, generator=generator) * 0.3).to(tensor.dtype)
        for name, tensor in load_file(file).items()
    }
    save_file(weights, file)
    return target
