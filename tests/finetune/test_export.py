"""Merging and what may be replaced by it, on a Llama of 30,000 random weights."""

import json
import shutil
from pathlib import Path

import pytest

from finetune.adapter_folder import free_target
from finetune.export import export_gguf, merge, modelfile_text
from rag.errors import TrainingError

OWN = Path(__file__).parents[2] / "rag" / "adapters" / "embedded-grounded"


@pytest.fixture(scope="module")
def adapter(tiny, tmp_path_factory):
    """An adapter of the tiny Llama whose updates are as large as the weights: merging it wrongly cannot be missed."""
    import torch
    from peft import get_peft_model

    from finetune.base_model import identity, load_base, lora_config
    from finetune.recipe import LoraPart, ModelPart

    folder = tmp_path_factory.mktemp("tiny-adapter")
    model = get_peft_model(
        load_base(ModelPart(base=str(tiny)), bfloat16=False).model, lora_config(LoraPart(rank=4, alpha=8))
    )
    generator = torch.Generator().manual_seed(1)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.1
    model.save_pretrained(folder)
    (folder / "manifest.json").write_text(json.dumps({"base": identity(str(tiny))}))
    return folder


@pytest.mark.model
def test_the_merged_model_answers_as_the_adapter_does(tiny, adapter, tmp_path):
    """Merged beside adapter, measured by how far the adapter moves the base: rounding to bfloat16 is a hundredth of that."""
    import torch
    from transformers import AutoModelForCausalLM

    from finetune.base_model import load_base, with_adapter
    from finetune.recipe import ModelPart

    folder = merge(str(tiny), adapter, tmp_path / "merged")
    merged = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    assert json.loads((folder / "config.json").read_text())["dtype"] == "bfloat16"
    ids = torch.arange(5, 25)[None]
    with torch.no_grad():
        tuned = with_adapter(load_base(ModelPart(base=str(tiny)), bfloat16=False).model, adapter)
        logits = tuned(ids).logits
        with tuned.disable_adapter():
            moved = (logits - tuned(ids).logits).abs().mean()
        off = (logits - merged(ids).logits).abs().mean()
    assert float(moved) > 0.05
    assert float(off) < 0.02 * float(moved)


@pytest.mark.model
def test_only_a_merged_model_is_replaced_by_one(tiny, adapter, tmp_path):
    notes, merged = tmp_path / "notes", tmp_path / "merged"
    notes.mkdir()
    (notes / "config.json").write_text("{}")
    with pytest.raises(TrainingError, match="exists already"):
        merge(str(tiny), adapter, notes)
    with pytest.raises(TrainingError, match="is no model that `lectern finetune merge` wrote"):
        merge(str(tiny), adapter, notes, overwrite=True)
    assert (notes / "config.json").read_text() == "{}"
    merge(str(tiny), adapter, merged)
    (merged / "model.safetensors").write_bytes(b"damaged")
    merge(str(tiny), adapter, merged, overwrite=True)
    assert (merged / "model.safetensors").stat().st_size > 1000
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.model
def test_another_base_is_told_by_its_hash_and_else_by_its_shape(make_llama, tiny, adapter, tmp_path):
    other = tmp_path / "other"
    make_llama(hidden=16, vocabulary=45).save_pretrained(other)
    for file in tiny.glob("token*"):
        shutil.copy(file, other)
    with pytest.raises(TrainingError, match=r"was trained on tiny.*Pass the base it was trained on"):
        merge(str(other), adapter, tmp_path / "merged")
    unknown = tmp_path / "unknown"
    shutil.copytree(adapter, unknown)
    (unknown / "manifest.json").unlink()
    with pytest.raises(TrainingError, match=r"does not fit the base model or is damaged.*size mismatch"):
        merge(str(other), unknown, tmp_path / "merged")
    (unknown / "adapter_model.safetensors").write_bytes(b"cut short")
    with pytest.raises(TrainingError, match="does not fit the base model or is damaged"):
        merge(str(tiny), unknown, tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_a_target_that_exists_is_replaced_only_when_told(tmp_path):
    free_target(tmp_path / "new", overwrite=False)
    with pytest.raises(TrainingError, match="exists already"):
        free_target(tmp_path, overwrite=False)
    free_target(tmp_path, overwrite=True)


def test_a_modelfile_of_another_model_is_not_written_over(tmp_path):
    (tmp_path / "Modelfile").write_text("FROM ./mine.gguf\n")
    with pytest.raises(TrainingError, match="Modelfile exists already"):
        export_gguf("embedded", OWN, tmp_path / "tuned.gguf", "Q8_0")
    assert (tmp_path / "Modelfile").read_text() == "FROM ./mine.gguf\n" and len(list(tmp_path.iterdir())) == 1


def test_the_modelfile_names_its_gguf_and_answers_greedily():
    assert modelfile_text("tuned.gguf").splitlines() == [
        "FROM ./tuned.gguf",
        "PARAMETER temperature 0",
        "PARAMETER num_ctx 4096",
        "PARAMETER num_predict 256",
    ]
