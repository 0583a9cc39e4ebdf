"""The embedder's graph beside the arithmetic of its layers written out in numpy."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from rag.embedding.openvino_graph import is_plain_bert, sentence_graph
from rag.embedding.tensor_file import mapped_tensors, tensor_places
from rag.errors import ModelMissing

Floats = NDArray[np.float32]

SIZE, HEADS, LAYERS, WORDS, LONGEST = 12, 3, 2, 30, 16
CONFIG: dict[str, Any] = {
    "model_type": "bert",
    "hidden_size": SIZE,
    "num_attention_heads": HEADS,
    "num_hidden_layers": LAYERS,
    "layer_norm_eps": 1e-12,
}
IDS = np.array([[3, 7, 1, 4, 0, 0], [5, 2, 9, 8, 6, 11]])
MASK = np.array([[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1]])


def weights(prefix: str = "") -> dict[str, Floats]:
    """Random weights of a small BERT."""
    random = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (WORDS, SIZE),
        "embeddings.position_embeddings.weight": (LONGEST, SIZE),
        "embeddings.token_type_embeddings.weight": (2, SIZE),
        "embeddings.LayerNorm.weight": (SIZE,),
        "embeddings.LayerNorm.bias": (SIZE,),
    }
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}"
        for name, wide, high in (
            ("attention.self.query", SIZE, SIZE),
            ("attention.self.key", SIZE, SIZE),
            ("attention.self.value", SIZE, SIZE),
            ("attention.output.dense", SIZE, SIZE),
            ("intermediate.dense", SIZE, 4 * SIZE),
            ("output.dense", 4 * SIZE, SIZE),
        ):
            shapes |= {f"{at}.{name}.weight": (high, wide), f"{at}.{name}.bias": (high,)}
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes |= {f"{at}.{name}.weight": (SIZE,), f"{at}.{name}.bias": (SIZE,)}
    return {prefix + name: random.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}


def by_hand(w: dict[str, Floats], ids: NDArray[Any], mask: NDArray[Any]) -> tuple[Floats, Floats]:
    """Return the unit vectors and the token states of one text at a time."""

    def dense(x: Any, name: str) -> Any:
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(x: Any, name: str) -> Any:
        unit = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return unit * w[f"{name}.weight"] + w[f"{name}.bias"]

    vectors, states = [], []
    for row, seen in zip(ids, mask.astype(bool), strict=True):
        x = w["embeddings.word_embeddings.weight"][row] + w["embeddings.token_type_embeddings.weight"][0]
        x = norm(x + w["embeddings.position_embeddings.weight"][: len(row)], "embeddings.LayerNorm")
        for layer in range(LAYERS):
            at, part = f"encoder.layer.{layer}", SIZE // HEADS
            q, k, v = (dense(x, f"{at}.attention.self.{name}") for name in ("query", "key", "value"))
            mixed = []
            for head in range(HEADS):
                of = slice(head * part, (head + 1) * part)
                scores = np.where(seen, q[:, of] @ k[:, of].T / math.sqrt(part), -np.inf)
                shares = np.exp(scores - scores.max(-1, keepdims=True))
                mixed.append(shares / shares.sum(-1, keepdims=True) @ v[:, of])
            x = norm(
                x + dense(np.concatenate(mixed, -1), f"{at}.attention.output.dense"),
                f"{at}.attention.output.LayerNorm",
            )
            up = dense(x, f"{at}.intermediate.dense")
            up = up * 0.5 * (1 + np.vectorize(math.erf)(up / math.sqrt(2)))
            x = norm(x + dense(up, f"{at}.output.dense"), f"{at}.output.LayerNorm")
        mean = x[seen].mean(0)
        vectors.append(mean / np.linalg.norm(mean))
        states.append(x)
    return np.array(vectors), np.array(states)


def outputs(folder: Path) -> tuple[Floats, Floats]:
    from rag.embedding.openvino_embedder import openvino_core

    network = openvino_core().compile_model(
        sentence_graph(folder, CONFIG), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    found = network({"input_ids": IDS, "attention_mask": MASK})
    return np.array(found[0]), np.array(found[1])


@pytest.mark.parametrize("prefix", ["", "bert."])
def test_the_graph_computes_a_bert(tmp_path: Path, prefix: str) -> None:
    save_file(weights(prefix), tmp_path / "model.safetensors")
    assert is_plain_bert(tmp_path, CONFIG)
    vectors, states = outputs(tmp_path)
    expected, expected_states = by_hand(weights(), IDS, MASK)
    assert vectors == pytest.approx(expected, abs=2e-6)
    assert states[MASK == 1] == pytest.approx(expected_states[MASK == 1], abs=2e-5)


@pytest.mark.parametrize(
    "other",
    [{"model_type": "mpnet"}, {"hidden_act": "gelu_new"}, {"position_embedding_type": "relative_key"}],
)
def test_other_networks_are_not_built(tmp_path: Path, other: dict[str, str]) -> None:
    save_file(weights(), tmp_path / "model.safetensors")
    assert not is_plain_bert(tmp_path, CONFIG | other)


def test_weights_that_are_not_float32_or_not_there_are_not_built(tmp_path: Path) -> None:
    assert not is_plain_bert(tmp_path, CONFIG)
    halves: dict[str, Any] = {name: value.astype(np.float16) for name, value in weights().items()}
    save_file(halves, tmp_path / "model.safetensors")
    assert not is_plain_bert(tmp_path, CONFIG)


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    some = weights()
    del some["encoder.layer.1.output.dense.bias"]
    save_file(some, tmp_path / "model.safetensors")
    with pytest.raises(ModelMissing, match=r"encoder\.layer\.1\.output\.dense\.bias"):
        sentence_graph(tmp_path, CONFIG)


def test_tensors_are_read_where_they_are(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    save_file({"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([7], np.int64)}, file)
    assert tensor_places(file)["a"].shape == (2, 3)
    assert {name: value.tolist() for name, value in mapped_tensors(file).items()} == {
        "a": [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    }


@pytest.mark.parametrize("kept", [0, 4, 20, -8])
def test_a_file_that_is_cut_short_is_refused(tmp_path: Path, kept: int) -> None:
    file = tmp_path / "model.safetensors"
    save_file({"a": np.zeros(100, np.float32)}, file)
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"cut short|Expecting|Unterminated|no file of safetensors"):
        tensor_places(file)
    assert not is_plain_bert(tmp_path, CONFIG)
