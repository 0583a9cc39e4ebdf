import json

import pytest

from finetune.estimate import estimate, read_shape
from finetune.recipe import LoraPart, ModelPart, Recipe
from rag.errors import TrainingError

LLAMA3_8B = {
    "num_hidden_layers": 32,
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
}


@pytest.fixture
def llama(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(LLAMA3_8B))
    return str(tmp_path)


def _recipe(base, **training):
    return Recipe(
        name="x",
        model={"base": base, "quantization": "nf4"},
        data={"rows": "messages", "path": "p"},
        training=training,
    )


def test_llama3_8b_has_eight_billion_weights_and_42_million_in_its_adapter(llama):
    shape = read_shape(llama)
    norms = 65 * 4096
    assert shape.parameters == 8_030_261_248 - norms
    assert shape.adapter_parameters(16) == 41_943_040


def test_four_bits_take_the_weights_that_were_measured(llama):
    assert estimate(_recipe(llama), 0).weights_bytes == pytest.approx(5.7e9, rel=0.03)


def test_8b_at_batch_1_fits_24_gigabytes(llama):
    found = estimate(
        _recipe(llama, batch_rows=1, context_tokens=2048, gradient_checkpointing=True), 1_000_000
    )
    assert found.total_bytes < 24e9


def test_twice_the_rows_take_twice_the_activations(llama):
    one = estimate(_recipe(llama, batch_rows=1), 0).activation_bytes
    assert estimate(_recipe(llama, batch_rows=2), 0).activation_bytes == 2 * one


def test_a_model_of_billions_is_sized_for_a_gpu_wherever_it_is_asked(llama):
    found = estimate(_recipe(llama), 0)
    assert found == estimate(_recipe(llama), 0, on_gpu=True) and found.program_bytes == 0


def test_on_a_cpu_the_bytes_are_those_counted_by_hand(tmp_path):
    shape = {
        "num_hidden_layers": 3, "hidden_size": 8, "intermediate_size": 16, "num_attention_heads": 2,
        "num_key_value_heads": 1, "vocab_size": 40_000,
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(shape))
    sizes = {"batch_rows": 2, "context_tokens": 16}
    recipe = _recipe(str(tmp_path), **sizes)
    recipe = recipe.model_copy(update={"model": ModelPart(base=str(tmp_path))})
    found = estimate(recipe, 0, on_gpu=False)
    kept = 4 * 8 + 3 * 8 + 2 * 4 + 4 * 16 + 7 * 16
    assert found.weights_bytes == 4 * (3 * (8 * 24 + 3 * 8 * 16) + 2 * 40_000 * 8)
    assert found.activation_bytes == 4 * 32 * (3 + 1) * kept + 200_000_000
    assert found.logit_bytes == 4 * 9 * 32 * 32_768
    recomputed = _recipe(str(tmp_path), **sizes, gradient_checkpointing=True)
    assert estimate(recomputed, 0, on_gpu=False).activation_bytes == 4 * 32 * (2 * kept + 3 * 8) + 200_000_000


MEASURED = [
    (1, 256, "none", False, 2.07),
    (1, 1024, "none", False, 4.24),
    (2, 1024, "none", False, 7.04),
    (1, 1024, "nf4", False, 3.81),
    (2, 1024, "none", True, 4.41),
]
"""Peak resident gigabytes of runs of one to three steps of smollm2-135m-asker with packing: two cores, torch 2.13, TRL 1.16."""


@pytest.mark.model
@pytest.mark.parametrize(("rows", "context", "quantization", "recomputed", "peak"), MEASURED)
def test_on_a_cpu_the_embedded_model_takes_what_was_measured(rows, context, quantization, recomputed, peak):
    recipe = _recipe("embedded", batch_rows=rows, context_tokens=context, gradient_checkpointing=recomputed)
    part = ModelPart(base="embedded", quantization=quantization)
    recipe = recipe.model_copy(update={"model": part, "lora": LoraPart(rank=32)})
    found = estimate(recipe, 0, on_gpu=False).total_bytes / 1e9
    assert peak < found < 1.2 * peak


def test_small_passes_take_the_time_of_launching_them(llama):
    few = estimate(_recipe(llama, batch_rows=1, context_tokens=128, epochs=1.0), 128_000)
    assert few.gpu_seconds == pytest.approx(1000 * 32 * 0.015)
    many = estimate(_recipe(llama, batch_rows=64, context_tokens=2048, epochs=1.0), 128_000)
    assert many.gpu_seconds == pytest.approx(4 * (8_030_261_248 - 65 * 4096) * 128_000 / 300e12)


def test_a_folder_without_a_config_is_said(tmp_path):
    with pytest.raises(TrainingError, match="shape of"):
        read_shape(str(tmp_path))
