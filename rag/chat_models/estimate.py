"""The memory a model will take, before anything is downloaded or loaded.

Knows the arithmetic: weights by their type, keys and values by the context, and what reading a prompt needs besides; and that what cannot fit
must not be loaded.

Source: keys and values are 2 * layers * key-value heads * head size * context * bytes an element; nf4 with double quantization is
4.127 bits a weight (Dettmers et al. 2023, section 3).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rag.chat_models.device_memory import conversations, free_bytes
from rag.chat_models.engines.gguf import GgufEngine, gguf_engine, preset_engine
from rag.chat_models.files.gguf_header import GgufHeader, read_header
from rag.chat_models.files.merge_adapter import header_when_merged
from rag.chat_models.files.model_shape import Shape, chosen_context, config_of, shape_of_config, shape_of_gguf
from rag.chat_models.memory_estimate import MemoryEstimate
from rag.chat_models.model_files import adapter_folder, gguf_path
from rag.chat_models.presets import PRESETS, ModelKind, ModelReference, reference
from rag.errors import ModelError, ModelFailed, ModelMissing, ModelTooLarge
from rag.settings import ModelSettings

_NF4_BYTES = 4.127 / 8
_INT8_BYTES = 1.002
_WEIGHT_BYTES = {"bfloat16": 2.0, "float16": 2.0, "float32": 4.0, "int8": _INT8_BYTES, "nf4": _NF4_BYTES}
_READ_TOKENS = 512
"""Tokens of one prefill step, as `STEP_TOKENS` of the OpenVINO engine."""
_KV_BYTES = 2
"""Bytes of an element of the KV cache of GGUF models.

16 bits, of which OpenVINO takes about 10.
"""
_READING = 3
"""The memory of a prefill in OpenVINO, relative to the widest results of a layer.

It keeps the buffers of several lengths of prompts. Source: `make bench-models`; over the embedded model and
Qwen2.5-Coder 0.5B and 1.5B at 8,000 tokens, in bfloat16 and float32, the whole estimate is -9 to +7 % off.
"""
_LOADED_SHARE, _CONVERTED_SHARE = 1.2, 1.25
"""A K-type preset in OpenVINO's memory and on disk, relative to its file.

For presets that are not here. Of the 1.5B preset the weights take 1.17 times the file in memory (computed),
and its copy 1.22 times on disk (1.36 GB, measured); the rest of both is a margin.
"""
_RUNTIME_BYTES = {ModelKind.GGUF: 140_000_000, ModelKind.TRANSFORMERS: 500_000_000}
"""The engine's graph, tokenizer and buffers beyond the model's shape.

Source: measured on the embedded model (`make bench-models`).
"""
_CUDA_RUNTIME_BYTES, _GRAPH_BYTES = 1_000_000_000, 1_000_000_000
"""The device's context with the allocator's reserve, and the captured graphs.

Source: measured on an H200, with the work space of the graphs.
"""
_INT8_READING = 1.6
"""The memory of a prefill with 8-bit weights, relative to 16 bits.

The products come as 32-bit integers beside 16-bit copies. Source: H200, `make bench-models`.
"""


def estimate(settings: ModelSettings, context_tokens: int = 0) -> MemoryEstimate:
    """Return the memory of the model that the settings name.

    `context_tokens` 0 is that of the settings, else the model's own.

    Raises:
        ModelMissing: nothing is known of the model: no file, no folder, no preset; or no engine is installed that runs it.
        ModelFailed: its file or its adapter is damaged, or it runs on a server.
        SettingsError: the context is longer than the model's own.
    """
    found = _estimate(settings, context_tokens)
    return found if found.fits else replace(found, smaller=_next_smaller(found, settings))


def preset_memory(preset: ModelReference, settings: ModelSettings) -> int:
    """Return the bytes that a preset needs for one conversation.

    They are 0 where that cannot be known. A transformers preset is counted for a GPU, whether or not this machine has one.
    """
    chosen = settings.model_copy(update={"name": preset.name, "context_tokens": 0, "adapter": "default"})
    try:
        if preset.kind is ModelKind.TRANSFORMERS:
            found = _of_config(preset, chosen, 0, "cuda", preset.weights, 0)
            return found.least_bytes
        return _estimate(chosen, 0).least_bytes
    except ModelError:
        return 0


def first_use_bytes(preset: ModelReference) -> int:
    """Return the bytes of disk for a preset in OpenVINO's own format, 0 for none."""
    size = preset.download.size_bytes if preset.download else 0
    if preset.kind is not ModelKind.GGUF or preset_engine() is not GgufEngine.OPENVINO:
        return 0
    return round(size * _CONVERTED_SHARE)


def _next_smaller(found: MemoryEstimate, settings: ModelSettings) -> str:
    """Return the largest GGUF preset that fits in less memory, empty for none."""
    needs = {
        preset.name: preset_memory(preset, settings) for preset in PRESETS if preset.kind is ModelKind.GGUF
    }
    most = min(free_bytes("cpu"), found.least_bytes - 1)
    fitting = {name: size for name, size in needs.items() if 0 < size <= most and name != found.name}
    return max(fitting, key=lambda name: fitting[name], default="")


def _estimate(settings: ModelSettings, context_tokens: int) -> MemoryEstimate:
    model = reference(settings.name, settings.folder)
    if model.kind is ModelKind.ENDPOINT:
        raise ModelFailed(f"{settings.name} runs on a server, which alone knows its memory; ask there")
    context_tokens = context_tokens or settings.context_tokens or model.context_tokens
    if model.kind is ModelKind.GGUF:
        if model.download is not None and not Path(model.source).is_file():
            return _published_estimate(model, settings, context_tokens)
        return _gguf_estimate(_opened_header(model, settings), settings, context_tokens)
    return _transformers_estimate(model, settings, context_tokens)


def refuse_what_cannot_fit(settings: ModelSettings) -> None:
    """Nothing, if the model's weights fit the memory or nothing is known of them yet.

    A preset that is not on this machine is judged by its published shape: who could not load it need not download it.

    Raises:
        ModelTooLarge: its weights alone need more than is free; loading them would end this process or another.
    """
    model = reference(settings.name, settings.folder)
    if model.kind is ModelKind.TRANSFORMERS:
        try:
            config_of(model)
        except ModelMissing:
            return  # reported by the code that opens it
    found = estimate(settings)
    if found.weight_bytes + found.runtime_bytes > found.available_bytes:
        raise ModelTooLarge(f"{settings.name} {found.verdict}")


def openvino_cache_bytes(header: GgufHeader, context_tokens: int, settings: ModelSettings) -> int:
    """Return the most memory for keys and values.

    It is enough for every request at once with the whole context, but takes at most half of the free memory
    if that is more than one context.
    """
    from rag.chat_models.engines.openvino import parallel_requests

    each = shape_of_gguf(header).kv_bytes(context_tokens, _KV_BYTES)
    free = free_bytes("cpu") - _weight_bytes(header, GgufEngine.OPENVINO)
    return max(each, min(parallel_requests(settings) * each, free // 2))


def _opened_header(model: ModelReference, settings: ModelSettings) -> GgufHeader:
    """Return the header of the file to be opened, with the adapter merged in."""
    header, adapter = read_header(gguf_path(model)), adapter_folder(settings)
    return header if adapter is None else header_when_merged(header, adapter)


def _gguf_estimate(header: GgufHeader, settings: ModelSettings, context_tokens: int) -> MemoryEstimate:
    return _file_estimate(
        shape_of_gguf(header), _weight_bytes(header, gguf_engine(header)), settings, context_tokens
    )


def _published_estimate(
    model: ModelReference, settings: ModelSettings, context_tokens: int
) -> MemoryEstimate:
    """Return the estimate from the published size and shape of a preset."""
    size = model.download.size_bytes if model.download else 0
    shape = shape_of_config(config_of(model))
    if preset_engine() is GgufEngine.OPENVINO:
        size = round(size * _LOADED_SHARE)
    return _file_estimate(shape, size, settings, context_tokens)


def _file_estimate(
    shape: Shape, weight_bytes: int, settings: ModelSettings, context_tokens: int
) -> MemoryEstimate:
    """For one conversation: more take their keys and values as they come."""
    context = chosen_context(settings.name, context_tokens or settings.context_tokens, shape.context_tokens)
    return MemoryEstimate(
        settings.name,
        "file",
        "machine",
        context,
        weight_bytes,
        shape.kv_bytes(context, _KV_BYTES),
        _READING * _activation_bytes(shape, _READ_TOKENS, 4),
        _RUNTIME_BYTES[ModelKind.GGUF],
        free_bytes("cpu"),
    )


def _weight_bytes(header: GgufHeader, engine: GgufEngine) -> int:
    from rag.chat_models.engines.openvino_conversion import loaded_bytes

    return header.weight_bytes if engine is GgufEngine.LLAMA_CPP else loaded_bytes(header)


def _transformers_estimate(
    model: ModelReference, settings: ModelSettings, context_tokens: int
) -> MemoryEstimate:
    from rag.chat_models.engines.transformers_loading import best_device, best_weights

    device = best_device()
    wished = model.weights if settings.weights == "auto" else settings.weights
    weights = best_weights(device).value if wished == "auto" else wished
    return _of_config(model, settings, context_tokens, device, weights, free_bytes(device))


def _of_config(
    model: ModelReference,
    settings: ModelSettings,
    context_tokens: int,
    device: str,
    weights: str,
    free: int,
) -> MemoryEstimate:
    config = config_of(model)
    shape = shape_of_config(config)
    around = 2.0 if weights in ("nf4", "int8") else _WEIGHT_BYTES[weights]
    context = chosen_context(settings.name, context_tokens or settings.context_tokens, shape.context_tokens)
    reading = _activation_bytes(shape, context, around)
    found = MemoryEstimate(
        settings.name,
        weights,
        device,
        context,
        round(shape.linear_parameters * _WEIGHT_BYTES[weights] + shape.embedding_parameters * around),
        shape.kv_bytes(context, around),
        round(reading * _INT8_READING) if weights == "int8" else reading,
        _RUNTIME_BYTES[ModelKind.TRANSFORMERS],
        free,
    )
    return _with_cuda(found, shape, settings, str(config.get("model_type"))) if device == "cuda" else found


def _with_cuda(
    found: MemoryEstimate, shape: Shape, settings: ModelSettings, model_type: str
) -> MemoryEstimate:
    """Return the estimate for a CUDA device.

    The decoder for Llamas takes more memory there and uses it for more conversations.
    """
    found = replace(found, runtime_bytes=_CUDA_RUNTIME_BYTES)
    if model_type != "llama" or found.weights == "int8":
        return found
    weights, unpacked = found.weight_bytes, 0
    if found.weights == "nf4":
        weights += shape.linear_parameters // 16  # the scales unpacked: a float32 for 64 weights
        unpacked = 2 * shape.hidden * shape.feed_forward  # the layer that reads a prompt
    free = found.available_bytes - weights
    several = conversations(free, found.kv_bytes, settings.parallel_requests)
    kv_bytes = several * found.kv_bytes
    return replace(
        found,
        weight_bytes=weights,
        kv_bytes=kv_bytes,
        activation_bytes=found.activation_bytes + unpacked,
        runtime_bytes=_CUDA_RUNTIME_BYTES + _GRAPH_BYTES,
        conversations=several,
    )


def _activation_bytes(shape: Shape, tokens: int, element_bytes: float) -> int:
    """Return the bytes of a prefill of `tokens` at its widest.

    These are the gate and up projections, their product, and four times the hidden state.
    """
    widest = 3 * shape.feed_forward + 4 * shape.hidden
    return round(tokens * widest * element_bytes + shape.vocabulary * 4)
