"""The embedding network as an OpenVINO graph, built from the model's own weights.

A BERT, the mean over the tokens' states, and a vector of length 1. The weights stay in the model's file and are
mapped into memory: nothing is converted, copied or cached, and neither torch nor transformers is needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rag.embedding.bert_layers import attention, gelu, linear, norm
from rag.embedding.tensor_file import mapped_tensors, tensor_places
from rag.errors import ModelMissing

WEIGHTS_NAME = "model.safetensors"
_WORDS = "embeddings.word_embeddings.weight"
_PREFIXES = ("", "bert.")
"""Names of tensors begin so, in a model of its own and in one with a head."""
_LEAST_SUM, _LEAST_NORM = 1e-9, 1e-12
"""The least divisors of mean and length, those of sentence-transformers and torch."""


def is_plain_bert(folder: Path, config: dict[str, Any]) -> bool:
    """Return whether `sentence_graph` can build the network of a folder.

    It builds a BERT with exact GELU and absolute positions whose weights are float32 in one file.
    """
    kind, activation = config.get("model_type"), config.get("hidden_act", "gelu")
    if (kind, activation, config.get("position_embedding_type", "absolute")) != ("bert", "gelu", "absolute"):
        return False
    try:
        places = tensor_places(folder / WEIGHTS_NAME)
    except (OSError, ValueError):
        return False
    return any(prefix + _WORDS in places and places[prefix + _WORDS].kind == "F32" for prefix in _PREFIXES)


def sentence_graph(folder: Path, config: dict[str, Any]) -> Any:
    """Return the `openvino.Model` of a folder for which `is_plain_bert` is true.

    Its inputs are `input_ids` and `attention_mask`, int64 (n, width). Its outputs are unit vectors (n, dim) and the
    tokens' states (n, width, dim).

    Raises:
        ModelMissing: a tensor is missing or has another shape than the configuration says.
    """
    try:
        return _built(folder, config)
    except (OSError, ValueError, KeyError, RuntimeError) as exc:
        raise ModelMissing(
            f"{folder} is not a whole embedding model: {WEIGHTS_NAME} has not the tensors of its config.json ({exc})."
        ) from exc


def _built(folder: Path, config: dict[str, Any]) -> Any:
    import openvino
    from openvino import opset13 as ops

    tensors = mapped_tensors(folder / WEIGHTS_NAME)
    prefix = next(prefix for prefix in _PREFIXES if prefix + _WORDS in tensors)
    size, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
    epsilon = float(np.float32(config.get("layer_norm_eps", 1e-12)))

    def tensor(name: str) -> Any:
        return ops.constant(tensors[prefix + name], shared_memory=True)

    def dense(x: Any, name: str) -> Any:
        return linear(x, tensor(f"{name}.weight"), tensor(f"{name}.bias"))

    def normed(x: Any, name: str) -> Any:
        return norm(x, tensor(f"{name}.weight"), tensor(f"{name}.bias"), epsilon)

    def number(value: int) -> Any:
        return ops.constant(np.int64(value))

    shape = openvino.PartialShape([-1, -1])
    ids, mask = (ops.parameter(shape, np.int64, name=name) for name in ("input_ids", "attention_mask"))
    width = ops.gather(ops.shape_of(ids), number(1), number(0))
    places = ops.range(number(0), width, number(1), "i64")
    # The order of the two sums is that of transformers: float32 results are equal to the last bit.
    x = ops.gather(tensor(_WORDS), ops.convert(ids, "i32"), number(0))
    kinds = tensor("embeddings.token_type_embeddings.weight")
    x = ops.add(x, ops.gather(kinds, number(0), number(0)))
    x = ops.add(x, ops.gather(tensor("embeddings.position_embeddings.weight"), places, number(0)))
    x = normed(x, "embeddings.LayerNorm")
    seen = ops.unsqueeze(ops.convert(mask, "boolean"), ops.constant(np.array([1, 2])))
    for layer in range(int(config["num_hidden_layers"])):
        at = f"encoder.layer.{layer}"
        query, key, value = (dense(x, f"{at}.attention.self.{part}") for part in ("query", "key", "value"))
        attended = attention(query, key, value, seen, heads, size)
        x = normed(
            ops.add(dense(attended, f"{at}.attention.output.dense"), x), f"{at}.attention.output.LayerNorm"
        )
        inner = gelu(dense(x, f"{at}.intermediate.dense"))
        x = normed(ops.add(dense(inner, f"{at}.output.dense"), x), f"{at}.output.LayerNorm")
    for source, name in ((ids, "input_ids"), (mask, "attention_mask")):
        source.output(0).set_names({name})
    return openvino.Model([_unit_means(x, mask), x], [ids, mask], "embedder")


def _unit_means(states: Any, mask: Any) -> Any:
    """Return the mean states (n, dim) of the tokens (n, width, dim), of length 1."""
    from openvino import opset13 as ops

    second = ops.constant(np.array([1]))
    weight = ops.convert(ops.unsqueeze(mask, ops.constant(np.array([-1]))), "f32")
    total = ops.maximum(ops.reduce_sum(weight, second), ops.constant(np.float32(_LEAST_SUM)))
    mean = ops.divide(ops.reduce_sum(ops.multiply(states, weight), second), total)
    length = ops.maximum(ops.reduce_l2(mean, second, True), ops.constant(np.float32(_LEAST_NORM)))
    return ops.divide(mean, length)
