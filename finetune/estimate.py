"""The memory and time of a run, from the model's shape alone.

Nothing is loaded. On a CPU the memory is that of this project's layers, in 32 bits.

Sources:
    QLoRA, Dettmers et al. 2023 (4.127 bits a weight with double quantization); activations, Korthikanti et al. 2022
    (34 bytes x tokens x width a layer in 16 bits, without the attention matrix); 2 floating-point operations a weight
    and token forward, as many again for the gradient of the activations, and a second forward pass with checkpointing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune.base_model import base_path
from finetune.recipe import Quantization, Recipe
from finetune.requirements import ask_hub, is_hub_id, unreachable
from rag.chat_models.files.gguf_header import read_header
from rag.chat_models.files.model_shape import Shape, config_of, shape_of_config, shape_of_gguf
from rag.chat_models.presets import reference
from rag.errors import ModelFailed, ModelMissing, TrainingError

_NF4_BYTES = 4.127 / 8
_ACTIVATION_BYTES = 34
GPU_FLOPS = 300e12
"""Operations per second in training an 8B model in 4 bits.

Measured on an H200: 6,700 tokens/s with checkpointing.
"""
SMALL_GPU_FLOPS = 60e12
"""Operations per second in training 135 M weights.

Measured on an H200: 112,000 tokens/s; small matrices leave most of the GPU idle.
"""
LAYER_SECONDS = 0.015
"""The least time of a pass forward and back for each layer, from kernel launches.

Measured: 535 passes of 30 layers in nf4 took four minutes on the machine of an H200.
"""
ONLY_ON_A_GPU = 1e9
"""Weights above which a model is trained on a GPU only: two cores would take days."""
_SCORED_TOKENS, _SCORED_WORDS, _SCORE_COPIES = 4096, 32_768, 9
"""Tokens and words of a tile of logits on a CPU, and the tiles kept for backward.

Source: TRL 1.16, `kernels/chunked_logprob.py`.
"""
_PROGRAM_BYTES, _WORK_BYTES = 600_000_000, 200_000_000
"""Memory of the program before anything is loaded, and of the libraries' own work.

The first is Python, torch and transformers; the second what TRL, PEFT and the allocator add to the sums here.
Measured: peaks of one to four packs of 256 to 2,048 tokens of the embedded model on two cores.
"""
CPU_FLOPS = 0.15e12
"""Operations per second of two recent processor cores.

Measured: 160 tokens/s for 135 M parameters.
"""


@dataclass(frozen=True, slots=True)
class TrainingEstimate:
    """Bytes by purpose, their sum, and the seconds of the run on a GPU and on a CPU.

    `program_bytes` is the memory of the program before it loads anything, 0 on a GPU. The CPU has two cores.
    """

    parameters: int
    adapter_parameters: int
    weights_bytes: int
    adapter_bytes: int
    activation_bytes: int
    logit_bytes: int
    tokens: int
    gpu_seconds: float
    cpu_seconds: float
    program_bytes: int = 0

    @property
    def total_bytes(self) -> int:
        """All together, with a tenth for what the allocator cannot use."""
        parts = self.weights_bytes + self.adapter_bytes + self.activation_bytes + self.logit_bytes
        return self.program_bytes + int(1.1 * parts)


def estimate(recipe: Recipe, tokens_per_epoch: int, *, on_gpu: bool | None = None) -> TrainingEstimate:
    """Return memory and time of a recipe with so many tokens in its training rows.

    `auto` checkpointing counts as off. Memory is that of a GPU or of a CPU; by default that of this machine,
    and that of a GPU for a model that no CPU could train.
    """
    shape = read_shape(recipe.model.base)
    settings = recipe.training
    batch = settings.batch_rows * settings.context_tokens
    recomputed = settings.gradient_checkpointing is True
    if on_gpu is None:
        on_gpu = shape.parameters > ONLY_ON_A_GPU or _has_gpu()
    total = (
        settings.steps * batch * settings.accumulation
        if settings.steps
        else int(tokens_per_epoch * settings.epochs)
    )
    passes = 6 if recomputed else 4
    operations = passes * shape.parameters * total
    launching = LAYER_SECONDS * shape.layers * total / batch
    return TrainingEstimate(
        parameters=shape.parameters,
        adapter_parameters=shape.adapter_parameters(recipe.lora.rank),
        adapter_bytes=16 * shape.adapter_parameters(recipe.lora.rank),
        **(_gpu_memory(recipe, shape) if on_gpu else _cpu_memory(recipe, shape)),
        tokens=total,
        gpu_seconds=max(launching, operations / (GPU_FLOPS if shape.parameters > 1e9 else SMALL_GPU_FLOPS)),
        cpu_seconds=operations / CPU_FLOPS,
    )


def _gpu_memory(recipe: Recipe, shape: Shape) -> dict[str, int]:
    """The bytes by purpose that depend on the device: on a GPU, in 16 bits."""
    settings = recipe.training
    quantized = recipe.model.quantization is Quantization.NF4
    batch = settings.batch_rows * settings.context_tokens
    recomputed = settings.gradient_checkpointing is True
    layers = 1 if recomputed else shape.layers
    kept = 2 * batch * shape.hidden * shape.layers if recomputed else 0
    wide = max(1.0, shape.feed_forward / (4 * shape.hidden))
    return {
        "weights_bytes": int(shape.linear_parameters * (_NF4_BYTES if quantized else 2))
        + 2 * shape.embedding_parameters,
        "activation_bytes": int(_ACTIVATION_BYTES * wide * batch * shape.hidden * layers) + kept,
        "logit_bytes": 2 * 4 * min(batch, 4096) * shape.vocabulary,
    }


def _cpu_memory(recipe: Recipe, shape: Shape) -> dict[str, int]:
    """Return the bytes that depend on the device, by purpose: on a CPU, in 32 bits.

    bfloat16 halves them. A layer of `fused_llama` keeps for each token: the input of each of its two halves
    and the same after its norm; queries, keys and values, the output of attention, and that side by side; the
    gate, its silu, the other half and their product; and the narrow side of seven adapters. In the backward
    pass the gradients of one layer are added.
    """
    settings = recipe.training
    quantized = recipe.model.quantization is Quantization.NF4
    each = 2 if settings.precision == "bfloat16" else 4
    batch = settings.batch_rows * settings.context_tokens
    queries, keys = shape.heads * shape.head_size, shape.kv_heads * shape.head_size
    kept = 4 * shape.hidden + 3 * queries + 2 * keys + 4 * shape.feed_forward + 7 * recipe.lora.rank
    layers = 2 * kept + shape.layers * shape.hidden
    if settings.gradient_checkpointing is not True:
        layers = (shape.layers + 1) * kept
    scored = min(batch, _SCORED_TOKENS) * min(shape.vocabulary, _SCORED_WORDS)
    return {
        "weights_bytes": int(shape.linear_parameters * (_NF4_BYTES if quantized else each))
        + each * shape.embedding_parameters,
        "activation_bytes": each * batch * layers + _WORK_BYTES,
        "logit_bytes": 4 * _SCORE_COPIES * scored,
        "program_bytes": _PROGRAM_BYTES,
    }


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def read_shape(base: str) -> Shape:
    """Return the shape of a base model.

    It comes from a GGUF header, a folder's `config.json`, a preset, or the hub.

    Raises:
        TrainingError: there is no such model, or it is not shaped like Llama.
    """
    where = base_path(base)
    if where.endswith(".gguf"):
        return shape_of_gguf(read_header(Path(where)))
    try:
        return shape_of_config(_config(where))
    except (OSError, ValueError, ModelFailed, ModelMissing) as exc:
        reason = str(exc).strip().splitlines()[0] if str(exc).strip() else type(exc).__name__
        raise TrainingError(
            f"The shape of {where!r} cannot be read: {reason.rstrip('.')}. Give a folder with a config.json, a GGUF file or "
            "`embedded`; a model of a hub must be downloaded first."
        ) from exc


def _config(where: str) -> Mapping[str, Any]:
    """Return the configuration of a model on this machine, of a preset, or of the hub.

    Raises:
        ModelMissing: it is none of these, or the hub cannot be reached.
    """
    try:
        return config_of(reference(where))
    except ModelMissing:
        if not is_hub_id(where):
            raise
    if not ask_hub(f"the configuration of {where}"):
        raise ModelMissing(unreachable(where))
    from huggingface_hub import hf_hub_download

    config: dict[str, Any] = json.loads(Path(hf_hub_download(where, "config.json")).read_text("utf-8"))
    return config
