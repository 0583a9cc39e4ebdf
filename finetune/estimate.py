"""What a run will need, from the model's shape alone: gigabytes by purpose and hours, before anything is loaded.

Sources: QLoRA, Dettmers et al. 2023 (4.127 bits a weight with double quantization); activations, Korthikanti et al. 2022
(34 bytes x tokens x width a layer in 16 bits, without the attention matrix); 2 floating-point operations a weight and
token forward, as many again for the gradient of the activations, and a second forward pass with checkpointing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from finetune.base_model import base_path
from finetune.recipe import Quantization, Recipe
from rag.errors import TrainingError

_NF4_BYTES = 4.127 / 8
_ACTIVATION_BYTES = 34
GPU_FLOPS = 300e12
"""What training of an 8B model in 4 bits reaches on an H200: 6,700 tokens/s with checkpointing, measured."""
SMALL_GPU_FLOPS = 60e12
"""What 135 M weights reach there: 112,000 tokens/s, measured; small matrices leave most of the GPU idle."""
LAYER_SECONDS = 0.015
"""What a pass forward and back takes for each layer at least, however few tokens it holds: the processor must launch its
kernels. 535 passes of 30 layers in nf4 took four minutes on the machine of an H200, measured."""
CPU_FLOPS = 0.15e12
"""What two recent processor cores reach: 160 tokens/s for 135 M parameters, measured."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The shape of a Llama-like model."""

    layers: int
    width: int
    feed_forward: int
    heads: int
    kv_heads: int
    head_width: int
    vocabulary: int
    tied: bool

    @property
    def linear_weights(self) -> int:
        """Weights of the layers that are quantized and adapted."""
        attention = self.width * self.head_width * 2 * (self.heads + self.kv_heads)
        return self.layers * (attention + 3 * self.width * self.feed_forward)

    @property
    def embedding_weights(self) -> int:
        """Weights of the embeddings and of the output layer where it is its own."""
        return self.vocabulary * self.width * (1 if self.tied else 2)

    @property
    def parameters(self) -> int:
        """All weights."""
        return self.linear_weights + self.embedding_weights

    def adapter_weights(self, rank: int) -> int:
        """Weights of a LoRA adapter on all linear layers."""
        kv, query = self.kv_heads * self.head_width, self.heads * self.head_width
        sides = 2 * (self.width + query) + 2 * (self.width + kv) + 3 * (self.width + self.feed_forward)
        return self.layers * rank * sides


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes by purpose, their sum, and seconds for the run on a GPU and on two processor cores."""

    parameters: int
    adapter_parameters: int
    weights_bytes: int
    adapter_bytes: int
    activation_bytes: int
    logit_bytes: int
    tokens: int
    gpu_seconds: float
    cpu_seconds: float

    @property
    def total_bytes(self) -> int:
        """All together, with a tenth for what the allocator cannot use."""
        parts = self.weights_bytes + self.adapter_bytes + self.activation_bytes + self.logit_bytes
        return int(1.1 * parts)


def estimate(recipe: Recipe, tokens_per_epoch: int) -> Estimate:
    """Memory and time of a recipe whose training rows hold `tokens_per_epoch` tokens; `auto` checkpointing counts as off."""
    shape = read_shape(recipe.model.base)
    settings = recipe.training
    quantized = recipe.model.quantization is Quantization.NF4
    adapter = shape.adapter_weights(recipe.lora.rank)
    batch = settings.batch_rows * settings.context_tokens
    recomputed = settings.gradient_checkpointing is True
    layers = 1 if recomputed else shape.layers
    kept = 2 * batch * shape.width * shape.layers if recomputed else 0
    wide = max(1.0, shape.feed_forward / (4 * shape.width))
    total = (
        settings.steps * batch * settings.accumulation
        if settings.steps
        else int(tokens_per_epoch * settings.epochs)
    )
    passes = 6 if recomputed else 4
    operations = passes * shape.parameters * total
    launching = LAYER_SECONDS * shape.layers * total / batch
    return Estimate(
        parameters=shape.parameters,
        adapter_parameters=adapter,
        weights_bytes=int(shape.linear_weights * (_NF4_BYTES if quantized else 2))
        + 2 * shape.embedding_weights,
        adapter_bytes=16 * adapter,
        activation_bytes=int(_ACTIVATION_BYTES * wide * batch * shape.width * layers) + kept,
        logit_bytes=2 * 4 * min(batch, 4096) * shape.vocabulary,
        tokens=total,
        gpu_seconds=max(launching, operations / (GPU_FLOPS if shape.parameters > 1e9 else SMALL_GPU_FLOPS)),
        cpu_seconds=operations / CPU_FLOPS,
    )


def read_shape(base: str) -> Shape:
    """The shape of a base model: from a GGUF header, a folder's `config.json`, or the hub's.

    Raises:
        TrainingError: there is no such model, or it is not shaped like Llama.
    """
    where = base_path(base)
    if where.endswith(".gguf"):
        return _gguf_shape(Path(where))
    try:
        file = Path(where) / "config.json"
        if not file.is_file():
            from huggingface_hub import hf_hub_download

            file = Path(hf_hub_download(where, "config.json"))
        found = json.loads(file.read_text("utf-8"))
        heads, width = int(found["num_attention_heads"]), int(found["hidden_size"])
        return Shape(
            layers=int(found["num_hidden_layers"]),
            width=width,
            feed_forward=int(found["intermediate_size"]),
            heads=heads,
            kv_heads=int(found.get("num_key_value_heads", heads)),
            head_width=int(found.get("head_dim") or width // heads),
            vocabulary=int(found["vocab_size"]),
            tied=bool(found.get("tie_word_embeddings", False)),
        )
    except (OSError, ValueError, KeyError) as exc:
        reason = str(exc).strip().splitlines()[0] if str(exc).strip() else type(exc).__name__
        raise TrainingError(
            f"The shape of {where!r} cannot be read: {reason} Give a folder with a config.json, a GGUF file or `embedded`; "
            "a model of a hub must be downloaded first."
        ) from exc


def _gguf_shape(path: Path) -> Shape:
    from rag.chat_models.gguf_file import read_header

    header = read_header(path)
    heads, width = header.number("attention.head_count"), header.number("embedding_length")
    return Shape(
        layers=header.number("block_count"),
        width=width,
        feed_forward=header.number("feed_forward_length"),
        heads=heads,
        kv_heads=header.number("attention.head_count_kv", heads),
        head_width=width // heads,
        vocabulary=header.tensors["token_embd.weight"].elements // width,
        tied="output.weight" not in header.tensors,
    )
