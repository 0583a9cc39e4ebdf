"""Memory before loading, against arithmetic written out; the measured side is `make bench-models`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rag.chat_models.device_room import _left_to_the_container, conversations, holds_copies
from rag.chat_models.estimate import Estimate, _with_cuda
from rag.chat_models.model_shape import config_of, shape_of_config
from rag.chat_models.presets import reference
from rag.errors import ModelFailed
from rag.settings import ModelSettings

LINEAR = 32 * (4096 * 4096 * 2 + 4096 * 1024 * 2 + 3 * 4096 * 14336)
ENDS = 2 * 128256 * 4096
KV_8192 = 2 * 32 * 8 * 128 * 8192 * 2


def test_the_shape_of_llama_3_is_its_published_one() -> None:
    shape = shape_of_config(config_of(reference("llama3-8b")))
    assert shape.linear_parameters == LINEAR == 6_979_321_856
    assert shape.embedding_parameters == ENDS
    assert LINEAR + ENDS == 8_029_995_008  # 8.03 billion, norms aside
    assert shape.kv_bytes(8192, 2) == KV_8192 == 1_073_741_824
    with pytest.raises(ModelFailed, match=r"config\.json lacks 'hidden_size'"):
        shape_of_config({"model_type": "t5"})


def nf4(free: int) -> Estimate:
    weights = round(LINEAR * 4.127 / 8 + ENDS * 2)
    return Estimate("llama3-8b", "nf4", "cuda", 8192, weights, KV_8192, 10**9, 0, free)


def on_cuda(free: int, parallel_requests: int = 0) -> Estimate:
    shape = shape_of_config(config_of(reference("llama3-8b")))
    return _with_cuda(nf4(free), shape, ModelSettings(parallel_requests=parallel_requests), "llama")


def test_a_gpu_with_room_holds_32_conversations_and_plain_copies() -> None:
    found = on_cuda(140 * 10**9)
    assert (found.conversations, found.kv_bytes, found.copy_bytes) == (32, 32 * KV_8192, 2 * LINEAR)
    assert found.weight_bytes == nf4(0).weight_bytes + LINEAR // 64 * 4  # a float32 scale for 64 weights
    parts = found.weight_bytes + found.copy_bytes + found.kv_bytes + found.activation_bytes + 2 * 10**9
    assert found.total_bytes == parts
    assert found.least_bytes == parts - 2 * LINEAR - 31 * KV_8192
    assert "takes 57.6 GB, for 32 conversations at once" in found.verdict


def test_a_small_gpu_holds_fewer_and_no_copies_and_the_smallest_says_what_it_lacks() -> None:
    middle = on_cuda(24 * 10**9)
    assert (middle.conversations, middle.copy_bytes) == (
        (24 * 10**9 - middle.weight_bytes - 3 * 10**9) // KV_8192,
        0,
    )
    assert on_cuda(24 * 10**9, 4).conversations == 4
    small = on_cuda(8 * 10**9)
    assert (small.conversations, small.fits) == (1, False)
    assert "does not fit: it needs 10.3 GB and 8.0 GB are free on this cuda" in small.verdict
    assert "model.context_tokens" in small.verdict
    assert "nf4 (model.weights)" in replace(small, weights="bfloat16").verdict


def test_room_is_shared_to_conversations_first() -> None:
    assert conversations(20 * 10**9, 10**9) == 17
    assert conversations(200 * 10**9, 10**9) == 32
    assert conversations(200 * 10**9, 10**9, wished=3) == 3
    assert conversations(10**9, 10**9) == 1
    assert holds_copies(17 * 10**9, 13 * 10**9)
    assert not holds_copies(17 * 10**9, 14 * 10**9)


def test_a_containers_limit_counts_without_the_files_it_could_drop(tmp_path: Path) -> None:
    assert _left_to_the_container(tmp_path, 77) == 77
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("700\n")
    (tmp_path / "memory.stat").write_text("anon 300\ninactive_file 150\n")
    assert _left_to_the_container(tmp_path, 77) == 450
    (tmp_path / "memory.max").write_text("max\n")
    assert _left_to_the_container(tmp_path, 77) == 77
