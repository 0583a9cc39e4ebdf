"""Memory before loading, against arithmetic written out; the measured side is `make bench-models`."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from rag.chat_models.device_memory import _left_to_the_container, conversations
from rag.chat_models.engines.gguf import GgufEngine, gguf_engine
from rag.chat_models.engines.openvino_conversion import loaded_bytes
from rag.chat_models.estimate import (
    MemoryEstimate,
    _gguf_estimate,
    _with_cuda,
    estimate,
    openvino_cache_bytes,
    refuse_what_cannot_fit,
)
from rag.chat_models.files.gguf_header import GgufHeader, TensorExtent
from rag.chat_models.files.model_shape import chosen_context, config_of, shape_of_config
from rag.chat_models.inventory import described, listed_models
from rag.chat_models.presets import reference
from rag.errors import ModelFailed, ModelMissing, ModelTooLarge, SettingsError
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


def nf4(free: int) -> MemoryEstimate:
    weights = round(LINEAR * 4.127 / 8 + ENDS * 2)
    return MemoryEstimate("llama3-8b", "nf4", "cuda", 8192, weights, KV_8192, 10**9, 0, free)


def on_cuda(free: int, parallel_requests: int = 0) -> MemoryEstimate:
    shape = shape_of_config(config_of(reference("llama3-8b")))
    return _with_cuda(nf4(free), shape, ModelSettings(parallel_requests=parallel_requests), "llama")


def test_a_gpu_with_room_holds_32_conversations() -> None:
    found = on_cuda(140 * 10**9)
    assert (found.conversations, found.kv_bytes) == (32, 32 * KV_8192)
    assert found.weight_bytes == nf4(0).weight_bytes + LINEAR // 64 * 4  # a float32 scale for 64 weights
    parts = found.weight_bytes + found.kv_bytes + found.activation_bytes + 2 * 10**9
    assert found.total_bytes == parts
    assert found.least_bytes == parts - 31 * KV_8192
    assert "takes 43.6 GB, for 32 conversations at once" in found.verdict


def test_a_small_gpu_holds_fewer_and_the_smallest_says_what_it_lacks() -> None:
    middle = on_cuda(24 * 10**9)
    assert middle.conversations == (24 * 10**9 - middle.weight_bytes - 3 * 10**9) // KV_8192
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


def test_a_containers_limit_counts_without_the_files_it_could_drop(tmp_path: Path) -> None:
    assert _left_to_the_container(tmp_path, 77) == 77
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("700\n")
    (tmp_path / "memory.stat").write_text("anon 300\ninactive_file 150\n")
    assert _left_to_the_container(tmp_path, 77) == 450
    (tmp_path / "memory.max").write_text("max\n")
    assert _left_to_the_container(tmp_path, 77) == 77


Q4_K, Q8_0, F32 = 12, 8, 0


def large_gguf(type_id: int = Q4_K) -> GgufHeader:
    """The header of a model of 8 billion weights in one matrix; 4.5 bits a weight in Q4_K."""
    rows = 8_000_000_000 // 4096
    size = {Q4_K: rows * 4096 // 256 * 144, Q8_0: rows * 4096 // 32 * 34}[type_id]
    shape = {
        "block_count": 32,
        "embedding_length": 4096,
        "feed_forward_length": 14336,
        "attention.head_count": 32,
        "attention.head_count_kv": 8,
        "context_length": 8192,
    }
    metadata = {"general.architecture": "llama", **{f"llama.{key}": value for key, value in shape.items()}}
    tensors = {"blk.0.ffn_up.weight": TensorExtent((4096, rows), type_id, 0, size)}
    return GgufHeader(Path("large.gguf"), metadata, tensors, size)


both = pytest.mark.skipif(
    not (find_spec("openvino_genai") and find_spec("xllamacpp")), reason="needs both engines"
)


@both
def test_a_file_runs_on_openvino_where_its_graph_is_known_and_else_on_llama_cpp() -> None:
    header = large_gguf()
    assert gguf_engine(header) is GgufEngine.OPENVINO
    found = _gguf_estimate(header, ModelSettings(name="large.gguf"), 0)
    weights = 8_000_000_000 // 4096 * 4096
    # four bits a weight; for 32 of them a scale of 4 bytes, held twice, and an offset of 1
    assert found.weight_bytes == weights // 2 + weights // 32 * 9
    assert found.kv_bytes == KV_8192
    eight_bits = _gguf_estimate(large_gguf(Q8_0), ModelSettings(name="large.gguf"), 0)
    assert eight_bits.weight_bytes == weights + weights // 32 * 8
    other = replace(header, metadata=header.metadata | {"general.architecture": "gemma"})
    assert gguf_engine(other) is GgufEngine.LLAMA_CPP
    assert _gguf_estimate(other, ModelSettings(name="large.gguf"), 0).weight_bytes == header.weight_bytes


def test_a_file_that_no_installed_engine_runs_is_named_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "rag.chat_models.engines.gguf.find_spec", lambda name: name == "openvino_genai" or None
    )
    other = replace(large_gguf(), metadata={"general.architecture": "gemma"})
    with pytest.raises(ModelMissing, match=r"it is of architecture gemma; run `pip install xllamacpp`"):
        gguf_engine(other)


def test_keys_and_values_have_room_for_every_request_with_its_whole_context(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    free = 9 * 10**9 + 40 * 10**9
    monkeypatch.setattr("rag.chat_models.estimate.free_bytes", lambda device: free)
    exact = large_gguf(Q8_0)
    assert openvino_cache_bytes(exact, 8192, ModelSettings()) == 8 * KV_8192
    assert openvino_cache_bytes(exact, 8192, ModelSettings(parallel_requests=2)) == 2 * KV_8192
    assert openvino_cache_bytes(exact, 1024, ModelSettings()) == KV_8192
    monkeypatch.setattr("rag.chat_models.estimate.free_bytes", lambda device: loaded_bytes(exact) + 6 * 10**9)
    assert openvino_cache_bytes(exact, 8192, ModelSettings()) == 3 * 10**9  # half of what the weights leave
    monkeypatch.setattr("rag.chat_models.estimate.free_bytes", lambda device: 0)
    assert openvino_cache_bytes(exact, 8192, ModelSettings()) == KV_8192  # the context that is promised


def test_a_preset_that_is_not_here_is_refused_by_its_published_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.chat_models.estimate.free_bytes", lambda device: 3 * 10**9)
    with pytest.raises(
        ModelTooLarge, match=r"llama3-8b does not fit: it needs \d+\.\d GB and 3\.0 GB are free"
    ):
        refuse_what_cannot_fit(ModelSettings(name="llama3-8b"))
    monkeypatch.setattr("rag.chat_models.estimate.free_bytes", lambda device: 90 * 10**9)
    refuse_what_cannot_fit(ModelSettings(name="llama3-8b"))
    refuse_what_cannot_fit(ModelSettings(name="some/model-nobody-has"))


def test_what_cannot_fit_names_the_next_smaller_preset(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    free = 1_300_000_000
    monkeypatch.setattr("rag.chat_models.estimate.free_bytes", lambda device: free)
    with pytest.raises(ModelTooLarge, match=r"choose qwen2\.5-coder-0\.5b \(--model qwen2\.5-coder-0\.5b\)"):
        refuse_what_cannot_fit(ModelSettings(name="qwen2.5-coder-1.5b", folder=str(tmp_path)))
    free = 600_000_000
    with pytest.raises(ModelTooLarge, match=r"choose embedded \(--model embedded\)"):
        refuse_what_cannot_fit(ModelSettings(name="qwen2.5-coder-0.5b", folder=str(tmp_path)))
    free = 10**7
    assert "choose a smaller model" in estimate(ModelSettings(folder=str(tmp_path))).verdict


def test_a_context_is_as_wished_up_to_the_models_own() -> None:
    assert chosen_context("m", 0, 8192) == 8192
    assert chosen_context("m", 100, 8192) == 100
    assert chosen_context("m", 0, 0) == 2048
    assert chosen_context("m", 9000, 0) == 9000
    for settings, tokens in (
        (ModelSettings(name="llama3-8b"), 8193),
        (ModelSettings(name="llama3-8b", context_tokens=9000), 0),
    ):
        with pytest.raises(
            SettingsError, match=r"tokens is asked for and llama3-8b reads 8,192; lower model\.context_tokens"
        ):
            estimate(settings, tokens)


def test_gguf_files_of_a_folder_are_listed_with_what_is_wrong_with_them(tmp_path: Path) -> None:
    import gguf

    path = tmp_path / "own.GGUF"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("My own")
    writer.add_license("mit")
    writer.add_context_length(512)
    writer.add_tensor("output_norm.weight", np.ones(8, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    (tmp_path / "cut.gguf").write_bytes(b"GGUF")
    (tmp_path / "notes.md").write_text("x")
    cut, own = (entry for entry in listed_models(tmp_path) if str(tmp_path) in entry.name)
    assert (own.name, own.kind, own.here, own.license, own.note) == (str(path), "gguf", True, "mit", "My own")
    assert own.size_bytes == path.stat().st_size
    assert (cut.here, "cut.gguf has 4 bytes" in cut.note) == (False, True)
    told = described(str(path))
    assert (told["context_tokens"], told["engine"]) == (512, gguf_engine(large_gguf(Q8_0)).value)
