"""A LoRA adapter on disk: what it adds, and one sentence for every damage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.chat_models.files.lora_adapter import read_adapter
from rag.errors import ModelFailed

PREFIX = "base_model.model.model.layers.0.mlp.up_proj"
CONFIG = {"peft_type": "LORA", "r": 2, "lora_alpha": 4}


def weights(header: Any = None, data: bytes = np.ones(10, "<f4").tobytes()) -> bytes:
    """Return a safetensors file with an A of (2, 3) and a B of (2, 2), or with another header or other data."""
    if header is None:
        header = {
            f"{PREFIX}.lora_A.weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
            f"{PREFIX}.lora_B.weight": {"dtype": "F32", "shape": [2, 2], "data_offsets": [24, 40]},
        }
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(raw).to_bytes(8, "little") + raw + data


def adapter(folder: Path, config: Any = CONFIG, raw: bytes | None = None) -> Path:
    text = config if isinstance(config, str) else json.dumps(config)
    (folder / "adapter_config.json").write_text(text)
    (folder / "adapter_model.safetensors").write_bytes(weights() if raw is None else raw)
    return folder


def test_the_update_is_the_scaled_product(tmp_path: Path) -> None:
    (update,) = read_adapter(adapter(tmp_path)).values()
    assert np.array_equal(update.delta, np.full((2, 3), 4.0))


@pytest.mark.parametrize(("pattern", "scale"), [("mlp.up_proj", 4.0), (r".*\.up_proj", 4.0), ("q_proj", 2.0)])
def test_an_alpha_pattern_is_matched_as_peft_does(tmp_path: Path, pattern: str, scale: float) -> None:
    found = read_adapter(adapter(tmp_path, CONFIG | {"alpha_pattern": {pattern: 8}}))
    assert found["model.layers.0.mlp.up_proj"].scale == scale


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"lora_alpha": "big"}, "alpha 'big' instead of a number"),
        ({"lora_alpha": float("nan")}, "alpha nan instead"),
        ({"lora_alpha": None}, "alpha None instead"),
        ({"alpha_pattern": [1]}, "instead of an object"),
        ({"alpha_pattern": {"(": 1}}, "the pattern '\\('"),
        ({"alpha_pattern": {"(.+)+x": 1}}, "too complex"),
        ({"alpha_pattern": {".*.*.*.*x": 1}}, "too complex"),
        ({"peft_type": "IA3"}, "no LoRA adapter"),
    ],
)
def test_a_damaged_configuration_is_one_sentence(tmp_path: Path, changes: Any, fault: str) -> None:
    with pytest.raises(ModelFailed, match=fault):
        read_adapter(adapter(tmp_path, CONFIG | changes))


def test_a_configuration_nested_without_end_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelFailed, match=r"nested too deeply|not JSON"):
        read_adapter(adapter(tmp_path, "[" * 200_000))


def entry(shape: Any, offsets: Any, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


A, B = f"{PREFIX}.lora_A.weight", f"{PREFIX}.lora_B.weight"


@pytest.mark.parametrize(
    "header",
    [
        {A: entry([], [0, 4]), B: entry([2, 2], [24, 40])},
        {A: entry([2, 3], [0, 24]), B: entry([4], [24, 40])},
        {A: entry([0, 3], [0, 0]), B: entry([2, 0], [0, 0])},
        {A: entry([2, 3], [-24, 0]), B: entry([2, 2], [24, 40])},
        {A: entry([2, 3], [0, 10**30]), B: entry([2, 2], [24, 40])},
        {A: entry([2, -1], [0, 24]), B: entry([3, 2], [16, 40])} | {"x": 1},
        {A: entry(10**30, [0, 24])},
        {A: entry([2, 3], [0, 24], "I64")},
        {A: [1]},
        [1],
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_damaged_weights_are_one_sentence(tmp_path: Path, header: Any) -> None:
    with pytest.raises(ModelFailed, match="damaged"):
        read_adapter(adapter(tmp_path, raw=weights(header)))


@given(st.integers(0, len(weights()) - 1), st.integers(1, 255))
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_byte_never_escapes_as_another_error(tmp_path: Path, at: int, change: int) -> None:
    raw = bytearray(weights())
    raw[at] ^= change
    try:
        read_adapter(adapter(tmp_path, raw=bytes(raw)))
    except ModelFailed:
        return
