"""The whole path on a Llama of 30,000 random weights: real trainer, real processes, real adapter, seconds on a CPU."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import PATIENCE_SECONDS
from tests.warm_commands import WarmCommands

pytestmark = pytest.mark.model
pytest.importorskip("trl")

ROOT = Path(__file__).parents[2]
FSDP = {
    "ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2", "FSDP_RESHARD_AFTER_FORWARD": "true",
    "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP", "FSDP_STATE_DICT_TYPE": "FULL_STATE_DICT",
    "FSDP_CPU_RAM_EFFICIENT_LOADING": "true", "FSDP_OFFLOAD_PARAMS": "false",
}  # fmt: skip
"""What `accelerate launch` makes of `accelerate-fsdp.yaml`."""
FSDP_ON_CPUS = """
import runpy
import accelerate.state as state
from accelerate.utils import DistributedType
made = state.AcceleratorState.__init__
def made_with_fsdp(self, *args, fsdp_plugin=None, **kwargs):
    made(self, *args, fsdp_plugin=fsdp_plugin, **kwargs)
    self.fsdp_plugin = fsdp_plugin or self.fsdp_plugin
    self.distributed_type = DistributedType.FSDP
state.AcceleratorState.__init__ = made_with_fsdp
runpy.run_module("finetune", run_name="__main__", alter_sys=True)
"""
"""accelerate leaves FSDP out where there is no GPU; with its state set, torch shards the weights over gloo all the same."""


TO_TRAIN = (
    "bitsandbytes", "finetune.model_card", "finetune.training", "matplotlib.pyplot", "tensorboard",
    "transformers.models.llama.modeling_llama", "trl.trainer.sft_trainer",
)  # fmt: skip


@pytest.fixture(scope="module")
def commands():
    # pyarrow's allocator would begin a thread, and a process with threads cannot be copied.
    warm = WarmCommands(TO_TRAIN, os.environ | {"JE_ARROW_MALLOC_CONF": "background_thread:false"})
    yield warm
    warm.close()


def _conversations(file, said, count=1):
    row = {"messages": [{"role": "user", "content": said}, {"role": "assistant", "content": said}]}
    file.write_text((json.dumps(row) + "\n") * count)
    return file


def test_training_lowers_the_held_out_loss_and_saves_a_whole_adapter(tiny_recipe, tmp_path):
    from finetune.training import train

    short = train(tiny_recipe(steps=1, checkpoints=0), tmp_path / "short", quiet=True)
    longer = train(tiny_recipe(steps=30, checkpoints=1), tmp_path / "long", quiet=True)
    assert longer.held_out_loss < short.held_out_loss - 0.1
    manifest = json.loads((longer.adapter / "manifest.json").read_text())
    assert manifest["recipe"]["lora"]["rank"] == 4 and manifest["base"]["blake2b"]
    run = longer.adapter.parent
    assert not list(run.glob("*.part"))
    assert (run / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert [file.stat().st_size > 100 for file in run.glob("runs/*/events.out.tfevents.*")][:1] == [True]


def test_a_finished_checkpoint_is_not_trained_further(tiny_recipe, tmp_path):
    """A run killed between its last step and its adapter: 7 steps end in the middle of an epoch of 2."""
    from finetune.training import train

    whole = train(tiny_recipe(steps=7), tmp_path, quiet=True)
    weights = (whole.adapter / "adapter_model.safetensors").read_bytes()
    shutil.rmtree(whole.adapter)
    again = train(tiny_recipe(steps=7), tmp_path, quiet=True)
    assert again == whole
    assert (again.adapter / "adapter_model.safetensors").read_bytes() == weights


def test_the_figures_of_a_run_are_those_of_its_log(tiny_recipe, tmp_path):
    """The mean over steps, though entries stand for unequally many; the tokens of the steps taken, not of the whole set."""
    from finetune.training import read_rows, train

    recipe = tiny_recipe(steps=5, checkpoints=2, packing=False, batch_rows=6)
    outcome = train(recipe, tmp_path, quiet=True)
    history = json.loads((tmp_path / "history.json").read_text())
    losses = [float(row["loss"]) for row in history if "loss" in row]
    assert len(losses) == 5
    assert outcome.train_loss == pytest.approx(sum(losses) / 5)
    tokens = sum(len(row.input_ids) for row in read_rows(recipe).train)
    assert outcome.useful_tokens == round(tokens * 5 / 6)


def test_early_stopping_keeps_the_best_weights(tiny_recipe, tmp_path):
    from finetune.training import train

    recipe = tiny_recipe(
        steps=60, learning_rate=0.2, schedule="constant", warmup_share=0.0, evaluations=20, patience=2, checkpoints=0,
        packing=False, batch_rows=18,
    )  # fmt: skip
    outcome = train(recipe, tmp_path, quiet=True)
    history = json.loads((tmp_path / "history.json").read_text())
    losses = {row["step"]: float(row["eval_loss"]) for row in reversed(history) if "eval_loss" in row}
    assert outcome.steps < 60
    assert outcome.kept_step == min(losses, key=losses.get) == outcome.steps - 6
    assert losses[outcome.kept_step] < losses[outcome.steps]
    assert outcome.held_out_loss == pytest.approx(losses[outcome.kept_step], abs=1e-6)


def test_rows_left_out_are_told(tiny_recipe, tmp_path):
    from finetune.training import train

    long = " ".join(f"w{n}" for n in range(30))
    rows = tmp_path / "rows.jsonl"
    lines = [_conversations(tmp_path / "one", said).read_text() for said in ["w1 w2", long, "w3", long] * 3]
    rows.write_text("".join(lines))
    outcome = train(tiny_recipe(rows, share=0.25, steps=1), tmp_path / "run", quiet=True)
    told = {"longer than 32 tokens": 3, "held out, longer than 32 tokens": 3}
    assert outcome.left_out == told
    assert json.loads((outcome.adapter / "manifest.json").read_text())["rows_left_out"] == told


def test_packed_rows_have_the_loss_of_rows_alone(tiny, tiny_recipe):
    import torch

    from finetune.base_model import load_base
    from finetune.dataset import read_conversations
    from finetune.encoding import IGNORED, encode
    from finetune.packing import PackedCollator, PaddedCollator, packed_rows
    from finetune.recipe import ModelPart

    base = load_base(ModelPart(base=str(tiny)), bfloat16=False)
    found = [encode(base.tokenizer, row) for row in read_conversations(tiny_recipe().data, 0).train[:9]]

    def loss_sum(batch):
        with torch.no_grad():
            logits = base.model(
                input_ids=batch["input_ids"], position_ids=batch["position_ids"], use_cache=False
            ).logits
        targets = batch["labels"][:, 1:]
        picked = torch.nn.functional.cross_entropy(
            logits[:, :-1].flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="sum"
        )
        return float(picked)

    alone = sum(loss_sum(PaddedCollator(1)([{"input_ids": r.input_ids, "labels": r.labels}])) for r in found)
    padded = loss_sum(PaddedCollator(1)([{"input_ids": r.input_ids, "labels": r.labels} for r in found]))
    packed = loss_sum(PackedCollator()(packed_rows(found, 32)))
    assert padded == pytest.approx(alone, rel=1e-5)
    assert packed == pytest.approx(alone, rel=1e-5)


@pytest.mark.parametrize("quantization", ["none", "nf4"])
def test_a_killed_run_goes_on_and_ends_with_the_same_loss(commands, tiny_recipe, tmp_path, quantization):
    from finetune.run_folder import last_checkpoint
    from finetune.training import train

    recipe = tiny_recipe(quantization=quantization, steps=24, checkpoints=6)
    whole = train(recipe, tmp_path / "whole", quiet=True)
    file, killed = tmp_path / "tiny.json", tmp_path / "killed"
    file.write_text(recipe.model_dump_json())
    done = commands.run([14, file, killed], os.environ, PATIENCE_SECONDS, "tests.finetune.dying_run")
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert last_checkpoint(killed) == str(killed / "checkpoint-12")
    assert not (killed / "adapter").exists()
    resumed = train(recipe, killed, quiet=True)
    assert (resumed.steps, resumed.useful_tokens) == (24, whole.useful_tokens)
    assert resumed.held_out_loss == pytest.approx(whole.held_out_loss, abs=1e-6)
    assert resumed.train_loss == pytest.approx(whole.train_loss, abs=1e-6)
    seconds = [row["seconds"] for row in json.loads((killed / "history.json").read_text()) if "loss" in row]
    assert len(seconds) == 24 and seconds == sorted(seconds) and resumed.seconds == seconds[-1]


def test_a_run_fitted_to_the_memory_takes_the_same_steps(tiny_recipe, tmp_path, monkeypatch, capsys):
    """18 packs: the last step of an epoch has 2 of them, in one pass or in two."""
    from safetensors.torch import load_file

    from finetune import training
    from finetune.memory import needed_bytes

    recipe = tiny_recipe(batch_rows=4, steps=8)
    free = {"bytes": needed_bytes(recipe)}
    monkeypatch.setattr(training, "room", lambda: free["bytes"])
    whole = training.train(recipe, tmp_path / "whole")
    assert "batch_rows" not in capsys.readouterr().err
    free["bytes"] = needed_bytes(tiny_recipe(batch_rows=1))
    parts = training.train(recipe, tmp_path / "parts")
    assert "batch_rows 4 -> 1, accumulation 1 -> 4" in capsys.readouterr().err
    losses = [
        [float(row["loss"]) for row in json.loads((tmp_path / name / "history.json").read_text()) if "loss" in row]
        for name in ("whole", "parts")
    ]  # fmt: skip
    assert len(losses[0]) == 8 and losses[1] == pytest.approx(losses[0], abs=1e-5)
    assert (parts.steps, parts.useful_tokens) == (whole.steps, whole.useful_tokens)
    weights = [load_file(one.adapter / "adapter_model.safetensors") for one in (whole, parts)]
    assert max(float((weights[0][name] - weights[1][name]).abs().max()) for name in weights[0]) < 1e-4
    assert (tmp_path / "parts" / "recipe.json").read_text() == (
        tmp_path / "whole" / "recipe.json"
    ).read_text()
    shutil.rmtree(whole.adapter)
    shutil.rmtree(tmp_path / "whole" / "checkpoint-8")
    resumed = training.train(recipe, tmp_path / "whole")  # begun with four rows at once, ended with one
    assert resumed.train_loss == pytest.approx(whole.train_loss, abs=1e-5)


def test_what_cannot_fit_is_refused_before_the_folder_is_taken(tiny_recipe, tmp_path, monkeypatch):
    from finetune import training
    from rag.errors import TrainingError

    monkeypatch.setattr(training, "room", lambda: 1000)
    with pytest.raises(TrainingError, match=r"One row of 32 tokens needs 0\.\d GB.* lower training\.context"):
        training.train(tiny_recipe(), tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()


EVERY = {"steps": 12, "packing": False}
"""With batches of all 36 rows the order in which they are shuffled and shared out makes no difference."""


@pytest.mark.parametrize("way", ["ddp", "fsdp"])
def test_two_processes_train_as_one_with_twice_the_batch(tiny_recipe, tmp_path, way):
    from safetensors.torch import load_file

    from finetune.training import train

    one = train(tiny_recipe(batch_rows=36, **EVERY), tmp_path / "one", quiet=True)
    alone = json.loads((tmp_path / "one" / "history.json").read_text())
    together = _under_torchrun(tiny_recipe(batch_rows=18, **EVERY), tmp_path, way)
    losses = [[float(row["loss"]) for row in history if "loss" in row] for history in (alone, together)]
    assert len(losses[0]) == 12 and losses[0][-1] < losses[0][0] - 0.1
    assert losses[1] == pytest.approx(losses[0], abs=1e-4)
    held_out = [float(row["eval_loss"]) for row in together if "eval_loss" in row]
    assert held_out[-1] == pytest.approx(one.held_out_loss, abs=0.01)  # a mean of batches, not of tokens
    adapter = tmp_path / "run" / "adapter"
    assert "python -m finetune" in (adapter / "README.md").read_text()
    weights = [load_file(folder / "adapter_model.safetensors") for folder in (one.adapter, adapter)]
    assert weights[0].keys() == weights[1].keys()
    farthest = max(float((weights[0][name] - weights[1][name]).abs().max()) for name in weights[0])
    assert farthest < 0.01  # learnt weights reach 0.1
    sharded = list((tmp_path / "run").glob("checkpoint-*/pytorch_model_fsdp.bin"))
    assert bool(sharded) == (way == "fsdp")


def _under_torchrun(recipe, folder, way):
    """The history of a run in two processes over gloo."""
    import tomlkit

    file, script = folder / "recipe.toml", folder / "on_cpus.py"
    file.write_text(tomlkit.dumps(recipe.model_dump(mode="json")))
    script.write_text(FSDP_ON_CPUS)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    target = [str(script)] if way == "fsdp" else ["-m", "finetune"]
    environ = os.environ | {"PYTHONPATH": str(ROOT)} | (FSDP if way == "fsdp" else {})
    done = subprocess.run(
        [*command, *target, str(file), str(folder / "run")], env=environ,
        cwd=ROOT, capture_output=True, text=True, timeout=540, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((folder / "run" / "history.json").read_text())


@pytest.mark.parametrize(("name", "kind"), [("ddp", "MULTI_GPU"), ("fsdp", "FSDP")])
def test_the_launcher_files_are_read_by_accelerate(name, kind):
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(ROOT / "finetune" / f"accelerate-{name}.yaml"))
    assert config.distributed_type.value == kind and config.num_processes == 2
    if name == "fsdp":
        assert config.fsdp_config["fsdp_version"] == 2
        assert config.fsdp_config["fsdp_cpu_ram_efficient_loading"] is True


def test_with_fsdp_the_base_stays_on_the_cpu_and_four_bits_are_refused(tiny, monkeypatch):
    from finetune.base_model import load_base
    from finetune.recipe import ModelPart
    from rag.errors import TrainingError

    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    assert load_base(ModelPart(base=str(tiny)), bfloat16=False).model.device.type == "cpu"
    with pytest.raises(TrainingError, match=r"FSDP cannot share out .* accelerate-ddp\.yaml"):
        load_base(ModelPart(base=str(tiny), quantization="nf4"), bfloat16=False)


def test_rows_that_are_all_too_long_are_said(tiny_recipe, tmp_path):
    from finetune.training import train
    from rag.errors import DatasetError

    long = _conversations(tmp_path / "long.jsonl", " ".join(f"w{n}" for n in range(30)), 20)
    with pytest.raises(DatasetError, match="All 18 rows are longer than 32 tokens"):
        train(tiny_recipe(long), tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()


def test_overwriting_replaces_a_run_only_when_the_next_one_can_start(tiny_recipe, tmp_path):
    from finetune.training import train
    from rag.errors import DatasetError, TrainingError

    run, mine = tmp_path / "run", tmp_path / "run" / "thesis.md"
    first = train(tiny_recipe(steps=4), run, quiet=True)
    mine.write_text("years of work")
    weights = (first.adapter / "adapter_model.safetensors").read_bytes()
    with pytest.raises(TrainingError, match="exists already"):
        train(tiny_recipe(steps=2), run, quiet=True)
    with pytest.raises(DatasetError, match="cannot be read"):
        train(tiny_recipe(tmp_path / "none.jsonl"), run, overwrite=True, quiet=True)
    assert (first.adapter / "adapter_model.safetensors").read_bytes() == weights
    second = train(tiny_recipe(steps=2, checkpoints=1), run, overwrite=True, quiet=True)
    assert (second.adapter / "adapter_model.safetensors").read_bytes() != weights
    assert [path.name for path in run.glob("checkpoint-*")] == ["checkpoint-2"]
    assert mine.read_text() == "years of work"


def test_the_launchers_entry_takes_data_and_steps_and_says_one_sentence(
    commands, tiny_recipe, tmp_path, rows
):
    import tomlkit

    def entry(*arguments):
        return commands.run(arguments, os.environ, PATIENCE_SECONDS, "finetune")

    recipe, run = tmp_path / "recipe.toml", tmp_path / "run"
    recipe.write_text(tomlkit.dumps(tiny_recipe("nowhere.jsonl").model_dump(mode="json")))
    done = entry(recipe, run, "--data", rows, "--steps", "2")
    assert done.returncode == 0, done.stderr
    card = (run / "adapter" / "README.md").read_text()
    assert f"`python -m finetune {recipe} {run} --data {rows} --steps 2`" in card
    again = entry(recipe, run, "--data", rows)
    assert again.returncode == 1
    assert again.stderr == (
        f"{run / 'adapter'} exists already. Choose another --out, or pass --overwrite to replace it.\n"
    )
