import json

import pytest

from finetune.estimate import estimate, read_shape
from finetune.recipe import Recipe
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


def test_small_passes_take_the_time_of_launching_them(llama):
    few = estimate(_recipe(llama, batch_rows=1, context_tokens=128, epochs=1.0), 128_000)
    assert few.gpu_seconds == pytest.approx(1000 * 32 * 0.015)
    many = estimate(_recipe(llama, batch_rows=64, context_tokens=2048, epochs=1.0), 128_000)
    assert many.gpu_seconds == pytest.approx(4 * (8_030_261_248 - 65 * 4096) * 128_000 / 300e12)


def test_a_folder_without_a_config_is_said(tmp_path):
    with pytest.raises(TrainingError, match="shape of"):
        read_shape(str(tmp_path))
