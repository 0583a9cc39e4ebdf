"""What a run will need, from the model's shape alone: gigabytes by purpose and hours, before anything is loaded.

Sources: QLoRA, Dettmers et al. 2023 (4.127 bits a weight with double quantization); activations, Korthikanti et al. 2022
(34 bytes x tokens x width a layer in 16 bits, without the attention matrix); 2 floating-point operations a weight and
token forward, as many again for the gradient of the activations, and a second forward pass with checkpointing. On a CPU
memory is counted as this project's layers keep it, in 32 bits.
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
ONLY_ON_A_GPU = 1e9
"""Weights above which a model is trained on a GPU or not at all: two cores would take days."""
_SCORED_TOKENS, _SCORED_WORDS, _SCORE_COPIES = 4096, 32_768, 9
"""On a CPU TRL scores so many tokens against so many words of the vocabulary at once, and holds so many such tiles on the way
back (TRL 1.16, `kernels/chunked_logprob.py`)."""
_PROGRAM_BYTES, _WORK_BYTES = 600_000_000, 200_000_000
"""Python, torch and transformers before anything is loaded; and what TRL, PEFT and the allocator add to what is counted here.
Peaks of one to four packs of 256 to 2,048 tokens of the embedded model on two cores, measured."""
CPU_FLOPS = 0.15e12
"""What two recent processor cores reach: 160 tokens/s for 135 M parameters, measured."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes by purpose, their sum, and seconds for the run on a GPU and on two processor cores.

    `program_bytes` is what the program holds before it loads anything: none of a GPU.
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


def estimate(recipe: Recipe, tokens_per_epoch: int, *, on_gpu: bool | None = None) -> Estimate:
    """Memory and time of a recipe whose training rows hold `tokens_per_epoch` tokens; `auto` checkpointing counts as off.

    Memory is that of a GPU or of a CPU; where that is not said, of what this machine would train it on, and of a GPU for a
    model that no CPU would be given.
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
    return Estimate(
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
    """The bytes by purpose that depend on the device: on a CPU, in 32 bits unless told otherwise.

    A layer of `fused_llama` keeps for each token: what goes into each of its two halves, and that normed; queries, keys and
    values, what attention makes of them and that laid side by side; the gate, its silu, the other half and their product; and
    the narrow side of seven adapters. On the way back one layer's gradients lie beside that.
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
