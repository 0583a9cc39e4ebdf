"""The memory a model will take, before anything is downloaded or loaded.

Knows the arithmetic: weights by their type, keys and values by the context, and what reading a prompt needs besides; and that what cannot fit
must not be loaded.

Source: keys and values are 2 * layers * key-value heads * head size * context * bytes an element; nf4 with double quantization is
4.127 bits a weight (Dettmers et al. 2023, section 3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from rag.chat_models.device_room import conversations, free_bytes
from rag.chat_models.gguf_engine import GgufEngine, gguf_engine
from rag.chat_models.gguf_file import GgufHeader, TensorExtent, read_header
from rag.chat_models.merge_adapter import header_when_merged
from rag.chat_models.model_shape import Shape, chosen_context, config_of, shape_of_config, shape_of_gguf
from rag.chat_models.opening import adapter_folder, gguf_path
from rag.chat_models.presets import ModelKind, ModelReference, reference
from rag.errors import ModelFailed, ModelMissing, ModelTooLarge
from rag.settings import ModelSettings

_NF4_BYTES = 4.127 / 8
_INT8_BYTES = 1.002
_WEIGHT_BYTES = {"bfloat16": 2.0, "float16": 2.0, "float32": 4.0, "int8": _INT8_BYTES, "nf4": _NF4_BYTES}
_Q8_BYTES = 34 / 32
_READ_TOKENS = 512
_KV_BYTES = 2
_OPENVINO_COPIES = 2
"""OpenVINO holds the file's weights and a copy packed for its kernels; llama.cpp reads them where they lie in the file."""
_RUNTIME_BYTES = {ModelKind.GGUF: 140_000_000, ModelKind.TRANSFORMERS: 500_000_000}
"""The engine's graph, tokenizer and buffers beyond what the shape explains, measured on the embedded model (`make bench-models`)."""
_CUDA_RUNTIME_BYTES, _GRAPH_BYTES = 1_000_000_000, 1_000_000_000
"""The device's context with what the allocator holds in reserve, and the captured decode steps with their work space (H200)."""
_INT8_READING = 1.6
"""Products of 8-bit weights come as 32-bit integers beside 16-bit copies (H200, `make bench-models`)."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes that a model takes, and whether they are there.

    `kv_bytes` is for all `conversations` of `context_tokens` that are held at once; the least that it can do with is one.
    """

    name: str
    weights: str
    device: str
    context_tokens: int
    weight_bytes: int
    kv_bytes: int
    activation_bytes: int
    runtime_bytes: int
    available_bytes: int
    conversations: int = 1

    @property
    def total_bytes(self) -> int:
        """All of it."""
        return self.weight_bytes + self.kv_bytes + self.activation_bytes + self.runtime_bytes

    @property
    def least_bytes(self) -> int:
        """What one conversation needs."""
        return self.total_bytes - self.kv_bytes + self.kv_bytes // self.conversations

    @property
    def fits(self) -> bool:
        """Whether the least is free."""
        return self.least_bytes <= self.available_bytes

    @property
    def verdict(self) -> str:
        """In words whether it fits, and what to do where it does not."""
        needed, there, taken = (
            size / 1e9 for size in (self.least_bytes, self.available_bytes, self.total_bytes)
        )
        if self.fits:
            told = f"fits: {needed:.1f} GB of the {there:.1f} GB free on this {self.device}"
            if self.total_bytes == self.least_bytes:
                return told
            return (
                f"{told}; as there is room it takes {taken:.1f} GB, for {self.conversations} conversations at once "
                "(model.parallel_requests)"
            )
        smaller = "a smaller model" if self.weights in ("nf4", "file") else "nf4 (model.weights)"
        return (
            f"does not fit: it needs {needed:.1f} GB and {there:.1f} GB are free on this {self.device}; choose {smaller}, "
            "a shorter context (model.context_tokens) or a server (openai:MODEL@URL)"
        )


def estimate(settings: ModelSettings, context_tokens: int = 0) -> Estimate:
    """The memory of the model that the settings name, for a context of so many tokens (0: that of the settings, else the model's own).

    Raises:
        ModelMissing: nothing is known of the model: no file, no folder, no preset; or no engine is installed that runs it.
        ModelFailed: its file or its adapter is damaged, or it runs on a server.
        SettingsError: the context is longer than the model's own.
    """
    meant = reference(settings.name)
    if meant.kind is ModelKind.ENDPOINT:
        raise ModelFailed(f"{settings.name} runs on a server, which alone knows its memory; ask there")
    if meant.kind is ModelKind.GGUF:
        return _gguf_estimate(_opened_header(meant, settings), settings, context_tokens)
    return _transformers_estimate(meant, settings, context_tokens)


def refuse_what_cannot_fit(settings: ModelSettings) -> None:
    """Nothing, if the model's weights fit the memory or nothing is known of them yet.

    A preset that is not on this machine is judged by its published shape: who could not load it need not download it.

    Raises:
        ModelTooLarge: its weights alone need more than is free; loading them would end this process or another.
    """
    meant = reference(settings.name)
    if meant.kind is ModelKind.TRANSFORMERS:
        try:
            config_of(meant)
        except ModelMissing:
            return  # told by what opens it
    found = estimate(settings)
    if found.weight_bytes + found.runtime_bytes > found.available_bytes:
        raise ModelTooLarge(f"{settings.name} {found.verdict}")


def openvino_cache_bytes(header: GgufHeader, context_tokens: int, settings: ModelSettings) -> int:
    """The most memory for keys and values: every request at once with the whole context, as far as there is room for more than one."""
    from rag.chat_models.openvino_engine import parallel_requests

    each = shape_of_gguf(header).kv_bytes(context_tokens, _KV_BYTES)
    room = free_bytes("cpu") - _weight_bytes(header, GgufEngine.OPENVINO)
    return max(each, min(parallel_requests(settings) * each, room // 2))


def _opened_header(meant: ModelReference, settings: ModelSettings) -> GgufHeader:
    """The header of the file that will be opened: the model's own, or with the adapter merged in."""
    header, adapter = read_header(gguf_path(meant)), adapter_folder(settings)
    return header if adapter is None else header_when_merged(header, adapter)


def _gguf_estimate(header: GgufHeader, settings: ModelSettings, context_tokens: int) -> Estimate:
    """For one conversation: more take their keys and values as they come."""
    shape = shape_of_gguf(header)
    context = chosen_context(settings.name, context_tokens or settings.context_tokens, shape.context_tokens)
    return Estimate(
        settings.name,
        "file",
        "machine",
        context,
        _weight_bytes(header, gguf_engine(header)),
        shape.kv_bytes(context, _KV_BYTES),
        _activation_bytes(shape, _READ_TOKENS, 4),
        _RUNTIME_BYTES[ModelKind.GGUF],
        free_bytes("cpu"),
    )


def _weight_bytes(header: GgufHeader, engine: GgufEngine) -> int:
    if engine is GgufEngine.LLAMA_CPP:
        return header.weight_bytes
    return _OPENVINO_COPIES * sum(map(_openvino_bytes, header.tensors.values()))


def _openvino_bytes(tensor: TensorExtent) -> int:
    from rag.chat_models.openvino_conversion import EXACT_TYPES

    return tensor.size_bytes if tensor.type_name in EXACT_TYPES else round(tensor.elements * _Q8_BYTES)


def _transformers_estimate(meant: ModelReference, settings: ModelSettings, context_tokens: int) -> Estimate:
    from rag.chat_models.transformers_loading import best_device, best_weights

    config, device = config_of(meant), best_device()
    shape = shape_of_config(config)
    wished = meant.weights if settings.weights == "auto" else settings.weights
    held = best_weights(device).value if wished == "auto" else wished
    around = 2.0 if held in ("nf4", "int8") else _WEIGHT_BYTES[held]
    context = chosen_context(settings.name, context_tokens or settings.context_tokens, shape.context_tokens)
    reading = _activation_bytes(shape, context, around)
    found = Estimate(
        settings.name,
        held,
        device,
        context,
        round(shape.linear_parameters * _WEIGHT_BYTES[held] + shape.embedding_parameters * around),
        shape.kv_bytes(context, around),
        round(reading * _INT8_READING) if held == "int8" else reading,
        _RUNTIME_BYTES[ModelKind.TRANSFORMERS],
        free_bytes(device),
    )
    return _with_cuda(found, shape, settings, str(config.get("model_type"))) if device == "cuda" else found


def _with_cuda(found: Estimate, shape: Shape, settings: ModelSettings, model_type: str) -> Estimate:
    """The estimate for a CUDA device, where the decoder for Llamas takes more and gives it to more conversations."""
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
    """What reading `tokens` at once holds at its widest: the gate and up projections, their product, the stream four times."""
    widest = 3 * shape.feed_forward + 4 * shape.hidden
    return round(tokens * widest * element_bytes + shape.vocabulary * 4)
