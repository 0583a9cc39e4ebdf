"""What does not fit is refused before it starts, or explained when memory runs out; on the machine as it is."""

import json

import pytest

from finetune.memory import (
    checkpointing,
    explained_memory,
    fitted,
    needed_bytes,
    out_of_memory,
    require_gpu,
    weights_of,
)
from finetune.recipe import ModelPart, Recipe
from rag.errors import TrainingError

pytestmark = pytest.mark.model


def _recipe(quantization="none", **training):
    return Recipe(
        name="x",
        model={"base": "embedded", "quantization": quantization},
        data={"rows": "messages", "path": "p"},
        training=training,
    )


def test_an_8b_model_without_a_gpu_is_refused_with_what_to_do(tmp_path):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    shape = {
        "num_hidden_layers": 32, "hidden_size": 4096, "intermediate_size": 14336,
        "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256,
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(shape))
    with pytest.raises(
        TrainingError, match=r"8\.0 billion weights and no GPU .* smollm2-135m-customer-service"
    ):
        require_gpu(str(tmp_path))
    require_gpu("embedded")


def test_a_model_that_is_not_here_is_sized_by_its_name(monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert weights_of("nobody/No-Such-Model-8B-Instruct") == 8e9
    assert weights_of("nobody/no-such-model-1.5b") == 1.5e9
    assert weights_of("nobody/no-such-model") == 0


def test_running_out_of_memory_names_the_knobs_that_are_left():
    with pytest.raises(TrainingError) as told, explained_memory(_recipe(batch_rows=4)):
        import torch

        torch.empty(1 << 60)
    assert "training.batch_rows (now 4" in str(told.value)
    assert "gradient_checkpointing = true" in str(told.value) and '"nf4"' in str(told.value)
    last = out_of_memory(_recipe("nf4", batch_rows=1, gradient_checkpointing=True, context_tokens=1024))
    assert "batch_rows" not in last and "checkpointing" not in last and "nf4" not in last
    assert "lower training.context_tokens (now 1024)" in last
    assert last.endswith("Then train again with --overwrite.")


def test_another_error_is_not_taken_for_a_lack_of_memory():
    with pytest.raises(RuntimeError, match="shapes cannot"), explained_memory(_recipe()):
        import torch

        torch.ones(2, 3) @ torch.ones(2, 3)


def test_checkpointing_is_as_told_and_auto_only_saves_on_a_gpu():
    import torch

    assert checkpointing(_recipe(gradient_checkpointing=True)) is True
    if not torch.cuda.is_available():
        assert checkpointing(_recipe(gradient_checkpointing="auto")) is False


def test_the_most_rows_that_divide_and_fit_are_taken_and_accumulation_makes_up_for_them():
    recipe = _recipe(batch_rows=6, accumulation=2, context_tokens=256)
    five = needed_bytes(_recipe(batch_rows=5, context_tokens=256))
    found, said = fitted(recipe, five)
    assert (found.training.batch_rows, found.training.accumulation) == (3, 4)
    assert found.training.context_tokens == 256 and found.lora == recipe.lora
    six = needed_bytes(recipe)
    assert said == (
        f"batch_rows 6 -> 3, accumulation 2 -> 4: as it was it needs {six / 1e9:.1f} GB, "
        f"{five / 1e9:.1f} GB are free; a step sees the same rows."
    )
    same, nothing = fitted(recipe, six)
    assert same is recipe and nothing == ""
    assert fitted(recipe, six - 1)[0].training.batch_rows == 3


def test_what_does_not_fit_with_one_row_is_refused_with_the_knobs_that_are_left():
    recipe = _recipe(batch_rows=4)
    least = needed_bytes(_recipe(batch_rows=1))
    assert fitted(recipe, least)[0].training.batch_rows == 1
    with pytest.raises(TrainingError) as told:
        fitted(recipe, least - 1)
    assert f"One row of 2048 tokens needs {least / 1e9:.1f} GB" in str(told.value)
    assert "batch_rows" not in str(told.value)
    assert "gradient_checkpointing = true" in str(told.value) and "context_tokens" in str(told.value)
    assert str(told.value).endswith("Then train again.")  # nothing was written that would be in the way


def test_a_model_of_unknown_shape_is_left_as_it_is(tmp_path):
    recipe = _recipe().model_copy(update={"model": ModelPart(base=str(tmp_path))})
    assert fitted(recipe, 1) == (recipe, "")
