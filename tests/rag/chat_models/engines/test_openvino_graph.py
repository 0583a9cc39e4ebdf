"""The graph of a decoder, against transformers reading the same GGUF file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.chat_models.files.gguf_header import read_header
from rag.chat_models.files.gguf_tensors import GgufTensors, reason_against

HIDDEN, FEED_FORWARD, LAYERS, HEADS, KV_HEADS, VOCABULARY = 256, 512, 2, 4, 2, 300
SIZES = {"qwen3": 128}
"""Sizes of a head that are not the hidden size divided by the heads."""


def write_model(path: Path, architecture: str, kind: str = "Q8_0", **extra: Any) -> Path:
    """Write a model of random weights; the matrices of the layers are of type `kind`."""
    import gguf

    rng, size = np.random.default_rng(0), SIZES.get(architecture, HIDDEN // HEADS)
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(128)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(1000.0)
    writer.add_vocab_size(VOCABULARY)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([f"t{n}" for n in range(VOCABULARY)])
    if architecture == "qwen3":
        writer.add_key_length(size)
    for key, value in extra.items():
        writer.add_string(f"{architecture}.{key.replace('__', '.')}", value)
    own = gguf.GGMLQuantizationType[kind]

    def matrix(name: str, rows: int, columns: int) -> None:
        values = rng.normal(0, columns**-0.5, (rows, columns)).astype(np.float32)
        writer.add_tensor(f"{name}.weight", gguf.quantize(values, own), raw_dtype=own)

    def vector(name: str, size: int, middle: float = 1.0) -> None:
        writer.add_tensor(name, rng.normal(middle, 0.2, size).astype(np.float32))

    matrix("token_embd", VOCABULARY, HIDDEN)
    matrix("output", VOCABULARY, HIDDEN)
    vector("output_norm.weight", HIDDEN)
    for number in range(LAYERS):
        layer = f"blk.{number}."
        vector(f"{layer}attn_norm.weight", HIDDEN)
        vector(f"{layer}ffn_norm.weight", HIDDEN)
        for name, rows, columns in (
            ("attn_q", HEADS * size, HIDDEN), ("attn_k", KV_HEADS * size, HIDDEN), ("attn_v", KV_HEADS * size, HIDDEN),
            ("attn_output", HIDDEN, HEADS * size), ("ffn_gate", FEED_FORWARD, HIDDEN), ("ffn_up", FEED_FORWARD, HIDDEN),
            ("ffn_down", HIDDEN, FEED_FORWARD),
        ):  # fmt: skip
            matrix(layer + name, rows, columns)
            if architecture == "qwen2" and name in ("attn_q", "attn_k", "attn_v"):
                vector(f"{layer}{name}.bias", rows, 0)
        if architecture == "qwen3":
            vector(f"{layer}attn_q_norm.weight", size)
            vector(f"{layer}attn_k_norm.weight", size)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def logits_of_graph(path: Path, parts: list[list[int]]) -> np.ndarray:
    """Return the logits of a sequence that is read part by part, `(tokens, vocabulary)`."""
    import openvino

    from rag.chat_models.engines.openvino_graph import build

    shares: list[float] = []
    graph, weights = build(GgufTensors(read_header(path)), shares.append)
    assert shares == sorted(shares) and shares[-1] == 1
    request = openvino.compile_model(
        graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"}
    ).create_infer_request()  # fmt: skip
    found, done = [], 0
    for part in parts:
        positions = np.arange(done, done + len(part), dtype=np.int64)[None]
        done += len(part)
        inputs = {
            "input_ids": np.array([part], np.int64),
            "attention_mask": np.ones((1, done), np.int64),
            "position_ids": positions,
            "beam_idx": np.zeros(1, np.int32),
        }
        found.append(request.infer(inputs)["logits"][0].copy())
    del weights
    return np.concatenate(found)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["llama", "qwen2", "qwen3"])
def test_the_logits_are_those_of_transformers(architecture: str, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig

    path = write_model(tmp_path / f"{architecture}.gguf", architecture)
    ids = [5, 290, 17, 17, 3, 99, 250, 8, 1]
    model = AutoModelForCausalLM.from_pretrained(
        str(tmp_path), gguf_file=path.name, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
    ).eval()  # fmt: skip
    with torch.no_grad():
        expected = model(torch.tensor([ids])).logits[0].numpy()
    for parts in ([ids], [ids[:4], ids[4:5], ids[5:]]):
        assert np.abs(logits_of_graph(path, parts) - expected).max() < 2e-4 * np.abs(expected).max()


@pytest.mark.slow
def test_offsets_of_groups_are_part_of_every_product(tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig

    path = write_model(tmp_path / "m.gguf", "qwen2", "Q4_1")
    ids = [5, 290, 17, 17, 3]
    model = AutoModelForCausalLM.from_pretrained(
        str(tmp_path), gguf_file=path.name, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
    ).eval()  # fmt: skip
    with torch.no_grad():
        expected = model(torch.tensor([ids])).logits[0].numpy()
    # The embedding is rounded to eight bits (half a percent); codes without offsets are off by far more.
    assert np.abs(logits_of_graph(path, [ids]) - expected).max() < 0.03 * np.abs(expected).max()


def test_a_model_that_the_graph_does_not_fit_is_named_with_the_reason(tmp_path: Path) -> None:
    assert reason_against(read_header(write_model(tmp_path / "a.gguf", "qwen2"))) == ""
    assert (
        reason_against(read_header(write_model(tmp_path / "b.gguf", "gemma")))
        == "it is of architecture gemma"
    )
    scaled = write_model(tmp_path / "c.gguf", "qwen2", rope__scaling__type="yarn")
    assert reason_against(read_header(scaled)) == "its positions are scaled (yarn)"
