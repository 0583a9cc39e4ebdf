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


def _recipe(tiny, rows, **training):
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
        model={"base": str(tiny)},
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


def test_a_killed_run_goes_on_and_ends_with_the_same_loss(tiny, rows, tmp_path):
    from finetune.training import last_checkpoint, train

    recipe = _recipe(tiny, rows, steps=60, checkpoints=6)
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
