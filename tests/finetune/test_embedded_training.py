"""The embedded model for real: a few nf4 steps with pinned losses, and its export read by both engines."""

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.model
pytest.importorskip("trl")
pytest.importorskip("bitsandbytes")

ANSWERS = {
    "Where is my order?": "Your order {{Order Number}} is on its way and arrives on Friday.",
    "I want my money back": "I am sorry. The refund for {{Order Number}} is paid within three days.",
    "cancel the newsletter": "You are no longer subscribed to our newsletter.",
    "how do I change my address": "Open your account, choose Addresses, and write the new one.",
}
PINNED = [4.419, 3.106, 2.375]
"""The loss of each step: transformers 5.23, PEFT 0.21, TRL 1.16, bitsandbytes 0.50, float32 arithmetic on nf4 weights."""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Three steps of the customer-service recipe on four rows: the outcome and the losses."""
    from finetune.recipe import load_recipe
    from finetune.training import train

    folder = tmp_path_factory.mktemp("embedded")
    rows = folder / "rows.csv"
    lines = [f'{asked},intent{n},"{said}"' for n, (asked, said) in enumerate(ANSWERS.items())]
    rows.write_text("\n".join(["instruction,intent,response", *lines]), "utf-8")
    recipe = load_recipe("smollm2-135m-customer-service")
    data = recipe.data.model_copy(update={"path": str(rows), "evaluation_share": 0.0})
    training = recipe.training.model_copy(
        update={
            "steps": 3,
            "learning_rate": 1e-3,
            "batch_rows": 1,
            "accumulation": 1,
            "context_tokens": 256,
            "checkpoints": 0,
            "warmup_share": 0.0,
        }
    )
    outcome = train(
        recipe.model_copy(update={"data": data, "training": training}), folder / "run", quiet=True
    )
    history = json.loads((folder / "run" / "history.json").read_text())
    return outcome, [float(row["loss"]) for row in history if "loss" in row]


def test_a_few_nf4_steps_have_the_losses_they_had(run):
    outcome, losses = run
    assert losses == pytest.approx(PINNED, abs=0.05)
    manifest = json.loads((outcome.adapter / "manifest.json").read_text())
    assert manifest["recipe"]["model"]["quantization"] == "nf4"


@pytest.mark.slow
def test_the_exported_gguf_answers_in_both_engines_as_the_merged_model_does(run, tmp_path):
    pytest.importorskip("xllamacpp")
    from finetune.export import export_gguf
    from rag.chat_models.engines.llama_cpp import LlamaCppEngine
    from rag.chat_models.engines.openvino import OpenVinoEngine
    from rag.chat_models.engines.openvino_conversion import converted_folder
    from rag.chat_models.files.gguf_header import read_header
    from rag.chat_models.files.tokenization import from_gguf
    from rag.settings import ModelSettings

    adapter = run[0].adapter
    f16, modelfile = export_gguf("embedded", adapter, tmp_path / "tuned-f16.gguf", "F16")
    assert modelfile.read_text().startswith("FROM ./tuned-f16.gguf\n")
    q8, _ = export_gguf("embedded", adapter, tmp_path / "tuned.gguf", "Q8_0", overwrite=True)
    prompts, merged = _greedy_of_the_merged_model(adapter, tmp_path)
    engines = {
        "llama.cpp": lambda: LlamaCppEngine(f16, 512, ModelSettings(), from_gguf(read_header(f16))),
        "openvino": lambda: OpenVinoEngine(converted_folder(read_header(q8)), ModelSettings()),
    }
    for name, opened in engines.items():
        engine = opened()
        same = [
            _next_token(engine, prompt + said[:place]) == said[place]
            for prompt, said in zip(prompts, merged, strict=True)
            for place in range(len(said))
        ]
        engine.close()
        assert len(same) >= 24 and sum(same) / len(same) >= 0.9, (name, same)


def _greedy_of_the_merged_model(adapter: Path, folder: Path, tokens: int = 10):
    import torch
    from transformers import AutoModelForCausalLM

    from finetune.base_model import load_tokenizer
    from finetune.export import merge

    model = AutoModelForCausalLM.from_pretrained(
        merge("embedded", adapter, folder / "merged"), dtype=torch.float32
    )
    tokenizer = load_tokenizer("embedded")
    tokenizer.padding_side = "left"  # all at once take the time of one
    asked = [[{"role": "user", "content": question}] for question in ANSWERS]
    texts = [
        tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True) for turns in asked
    ]
    padded = tokenizer(texts, add_special_tokens=False, padding=True, return_tensors="pt")
    out = model.generate(**padded, max_new_tokens=tokens, do_sample=False)
    end = padded["input_ids"].shape[1]
    return tokenizer(texts, add_special_tokens=False)["input_ids"], out[:, end:].tolist()


def _next_token(engine, ids):
    """What the engine says after these tokens: one step each, so that a near tie does not change all that follows."""
    from rag.chat_models.serving.protocol import GenerationRequest

    return next(token for batch in engine.submit(GenerationRequest(tuple(ids), 1)) for token in batch.ids)
