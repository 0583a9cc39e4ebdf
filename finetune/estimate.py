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
from rag.chat_models.gguf_file import read_header
from rag.chat_models.model_shape import Shape, shape_of_config, shape_of_gguf
from rag.errors import ModelFailed, TrainingError

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
    adapter = shape.adapter_parameters(recipe.lora.rank)
    batch = settings.batch_rows * settings.context_tokens
    recomputed = settings.gradient_checkpointing is True
    layers = 1 if recomputed else shape.layers
    kept = 2 * batch * shape.hidden * shape.layers if recomputed else 0
    wide = max(1.0, shape.feed_forward / (4 * shape.hidden))
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
        weights_bytes=int(shape.linear_parameters * (_NF4_BYTES if quantized else 2))
        + 2 * shape.embedding_parameters,
        adapter_bytes=16 * adapter,
        activation_bytes=int(_ACTIVATION_BYTES * wide * batch * shape.hidden * layers) + kept,
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
        return shape_of_gguf(read_header(Path(where)))
    try:
        file = Path(where) / "config.json"
        if not file.is_file():
            from huggingface_hub import hf_hub_download

            file = Path(hf_hub_download(where, "config.json"))
        return shape_of_config(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, ModelFailed) as exc:
        reason = str(exc).strip().splitlines()[0] if str(exc).strip() else type(exc).__name__
        raise TrainingError(
            f"The shape of {where!r} cannot be read: {reason} Give a folder with a config.json, a GGUF file or `embedded`; "
            "a model of a hub must be downloaded first."
        ) from exc
