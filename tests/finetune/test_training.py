"""The whole path on a Llama of 30,000 random weights: real trainer, real adapter, real merge, seconds on a CPU."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.model
pytest.importorskip("trl")

TEMPLATE = (
    "{% for m in messages %}<s> {{ m['role'] }} {{ m['content'] }} </s> {% endfor %}"
    "{% if add_generation_prompt %}<s> assistant {% endif %}"
)
WORDS = [f"w{n}" for n in range(40)]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A folder with a tiny Llama and a tokenizer of whole words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny")
    names = ["<s>", "</s>", "<unk>", "user", "assistant", *WORDS]
    words = Tokenizer(models.WordLevel({name: n for n, name in enumerate(names)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token="<s>", eos_token="</s>", pad_token="</s>", unk_token="<unk>"
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(names), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=128,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture
def rows(tmp_path):
    """Forty conversations in which the answer repeats the question's first two words."""
    file = tmp_path / "rows.jsonl"
    with file.open("w") as out:
        for n in range(40):
            said = [WORDS[(n * 7 + k) % 40] for k in range(3 + n % 5)]
            messages = [
                {"role": "user", "content": " ".join(said)},
                {"role": "assistant", "content": " ".join(said[:2])},
            ]
            out.write(json.dumps({"messages": messages}) + "\n")
    return file


def _recipe(tiny, rows, quantization="none", **training):
    from finetune.recipe import Recipe

    chosen = {
        "steps": 8,
        "batch_rows": 2,
        "context_tokens": 32,
        "learning_rate": 1e-2,
        "evaluations": 2,
        "checkpoints": 4,
    }
    return Recipe(
        name="tiny",
        model={"base": str(tiny), "quantization": quantization},
        lora={"rank": 4, "alpha": 8},
        data={"rows": "messages", "path": str(rows), "evaluation_share": 0.1},
        training=chosen | training,
    )


def test_training_lowers_the_held_out_loss_and_saves_a_whole_adapter(tiny, rows, tmp_path):
    from finetune.training import train

    short = train(_recipe(tiny, rows, steps=1), tmp_path / "short", quiet=True)
    longer = train(_recipe(tiny, rows, steps=40), tmp_path / "long", quiet=True)
    assert longer.held_out_loss < short.held_out_loss - 0.1
    manifest = json.loads((longer.adapter / "manifest.json").read_text())
    assert manifest["recipe"]["lora"]["rank"] == 4 and manifest["base"]["blake2b"]
    assert not list(longer.adapter.parent.glob("*.part"))


def test_packed_rows_have_the_loss_of_rows_alone(tiny, rows):
    import torch

    from finetune.base_model import load_base
    from finetune.conversations import read_conversations
    from finetune.encoding import IGNORED, encode
    from finetune.packing import PackedCollator, PaddedCollator, packed_rows
    from finetune.recipe import ModelPart

    recipe = _recipe(tiny, rows)
    base = load_base(ModelPart(base=str(tiny)), bfloat16=False)
    found = [encode(base.tokenizer, row) for row in read_conversations(recipe.data, 0).train[:9]]

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
def test_a_killed_run_goes_on_and_ends_with_the_same_loss(tiny, rows, tmp_path, quantization):
    from finetune.training import last_checkpoint, train

    recipe = _recipe(tiny, rows, quantization, steps=60, checkpoints=6)
    whole = train(recipe, tmp_path / "whole", quiet=True)
    file = tmp_path / "tiny.json"
    file.write_text(recipe.model_dump_json())
    code = (
        "import sys; from pathlib import Path; from finetune.recipe import Recipe; from finetune.training import train;"
        "train(Recipe.model_validate_json(Path(sys.argv[1]).read_text()), Path(sys.argv[2]), quiet=True)"
    )
    killed = tmp_path / "killed"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(file), str(killed)],
        cwd=Path(__file__).parents[2],
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while last_checkpoint(killed) is None and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert last_checkpoint(killed) is not None
    assert not (killed / "adapter").exists()
    resumed = train(recipe, killed, quiet=True)
    assert resumed.steps == 60
    assert resumed.held_out_loss == pytest.approx(whole.held_out_loss, abs=1e-6)


def test_the_merged_model_answers_as_the_adapter_does(tiny, rows, tmp_path):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from finetune.base_model import load_base
    from finetune.export import merge
    from finetune.recipe import ModelPart
    from finetune.training import train
    from rag.errors import TrainingError

    adapter = train(_recipe(tiny, rows, steps=20), tmp_path / "run", quiet=True).adapter
    merged = AutoModelForCausalLM.from_pretrained(
        merge(str(tiny), adapter, tmp_path / "merged"), dtype=torch.float32
    )
    tuned = PeftModel.from_pretrained(load_base(ModelPart(base=str(tiny)), bfloat16=False).model, adapter)
    ids = torch.arange(5, 25)[None]
    with torch.no_grad():
        difference = (merged(ids).logits - tuned(ids).logits).abs().max()
    assert float(difference) < 0.02
    with pytest.raises(TrainingError, match="exists already"):
        merge(str(tiny), adapter, tmp_path / "merged")
    with pytest.raises(TrainingError, match="is no adapter"):
        merge(str(tiny), tmp_path, tmp_path / "other")


def test_two_processes_train_as_one_with_twice_the_batch(tiny, rows, tmp_path):
    """Every step sees all 36 rows, so that the order in which they are shuffled and shared out makes no difference."""
    from finetune.training import train

    every = {"steps": 12, "packing": False}
    one = train(_recipe(tiny, rows, batch_rows=36, **every), tmp_path / "one", quiet=True)
    alone = json.loads((tmp_path / "one" / "history.json").read_text())
    together = _under_torchrun(_recipe(tiny, rows, batch_rows=18, **every), tmp_path)
    losses = [[float(row["loss"]) for row in history if "loss" in row] for history in (alone, together)]
    assert len(losses[0]) == 12 and losses[0][-1] < losses[0][0] - 0.1
    assert losses[1] == pytest.approx(losses[0], abs=1e-4)
    held_out = [float(row["eval_loss"]) for row in together if "eval_loss" in row]
    assert held_out[-1] == pytest.approx(one.held_out_loss, abs=0.01)  # a mean of batches, not of tokens
    assert "python -m finetune" in (tmp_path / "run" / "adapter" / "README.md").read_text()


def _under_torchrun(recipe, folder):
    """The history of a run in two processes over gloo."""
    import tomlkit

    file = folder / "recipe.toml"
    file.write_text(tomlkit.dumps(recipe.model_dump(mode="json")))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, "-m", "finetune", str(file), str(folder / "run")],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=540, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((folder / "run" / "history.json").read_text())


@pytest.mark.parametrize(("name", "kind"), [("ddp", "MULTI_GPU"), ("fsdp", "FSDP")])
def test_the_launcher_files_are_read_by_accelerate(name, kind):
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(Path(__file__).parents[2] / "finetune" / f"accelerate-{name}.yaml"))
    assert config.distributed_type.value == kind and config.num_processes == 2
    if name == "fsdp":
        assert config.fsdp_config["fsdp_version"] == 2


def test_rows_that_are_all_too_long_are_said(tiny, rows, tmp_path):
    from finetune.training import train
    from rag.errors import DatasetError

    long = tmp_path / "long.jsonl"
    said = " ".join(WORDS[:30])
    row = {"messages": [{"role": "user", "content": said}, {"role": "assistant", "content": said}]}
    long.write_text((json.dumps(row) + "\n") * 20)
    with pytest.raises(DatasetError, match="All 18 rows are longer than 32 tokens"):
        train(_recipe(tiny, long), tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()


def test_checkpoints_of_another_recipe_are_not_gone_on_from(tiny, rows, tmp_path):
    from finetune.training import claim, last_checkpoint
    from rag.errors import TrainingError

    claim(tmp_path, _recipe(tiny, rows))
    checkpoint = tmp_path / "checkpoint-4"
    checkpoint.mkdir()
    (checkpoint / "trainer_state.json").write_text('{"global_st')
    assert last_checkpoint(tmp_path) is None
    claim(tmp_path, _recipe(tiny, rows, steps=9))
    (checkpoint / "trainer_state.json").write_text("{}")
    with pytest.raises(TrainingError, match="another recipe"):
        claim(tmp_path, _recipe(tiny, rows))
    claim(tmp_path, _recipe(tiny, rows, steps=9))


def test_what_a_crash_left_of_an_adapter_is_none(tmp_path):
    from finetune.export import check_adapter, free_target
    from rag.errors import TrainingError

    half = tmp_path / "adapter.part"
    half.mkdir()
    (half / "adapter_model.safetensors").write_bytes(b"x" * 8)
    with pytest.raises(TrainingError, match=r"no adapter_config\.json, so it is no adapter"):
        check_adapter(half)
    free_target(tmp_path / "adapter", overwrite=False)
    (tmp_path / "adapter").mkdir()
    with pytest.raises(TrainingError, match="exists already"):
        free_target(tmp_path / "adapter", overwrite=False)
