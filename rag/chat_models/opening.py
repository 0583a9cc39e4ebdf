"""From the model settings to a loaded model: which file, which adapter, which engine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from rag.chat_models.embedded import ADAPTER, embedded_gguf
from rag.chat_models.gguf_engine import GgufEngine, gguf_engine
from rag.chat_models.gguf_file import GgufHeader, read_header
from rag.chat_models.lora_adapter import WEIGHTS_NAME, adapter_hash
from rag.chat_models.merge_adapter import merged_gguf
from rag.chat_models.model_cache import content_hash
from rag.chat_models.model_shape import chosen_context, shape_of_gguf
from rag.chat_models.presets import ModelKind, ModelReference, reference
from rag.chat_models.tokenization import from_gguf
from rag.errors import ModelMissing, SettingsError
from rag.settings import ModelSettings

if TYPE_CHECKING:
    from rag.chat_models.generation import Engine
    from rag.chat_models.local_model import LocalChatModel
    from rag.chat_models.openai_endpoint import EndpointChatModel
    from rag.chat_models.tokenization import Tokenization

_HUB_ID = re.compile(r"^[\w.-]+/[\w.-]+$")


def open_model(settings: ModelSettings) -> LocalChatModel | EndpointChatModel:
    """The loaded model that the settings name (see `rag.chat_models.open_chat_model` for the errors)."""
    meant = reference(settings.name)
    if meant.kind is ModelKind.ENDPOINT:
        from rag.chat_models.openai_endpoint import open_endpoint

        if settings.adapter not in ("default", "none"):
            raise SettingsError(
                f"an adapter cannot be sent to a server; load {settings.adapter} there, or pass --adapter none"
            )
        return open_endpoint(settings)
    from rag.chat_models.estimate import refuse_what_cannot_fit

    refuse_what_cannot_fit(settings)
    if settings.reproducible:
        settings = settings.model_copy(update={"parallel_requests": 1, "lookup_tokens": 0})
    if meant.kind is ModelKind.GGUF:
        return _open_gguf(meant, settings)
    return _open_transformers(meant, settings)


def gguf_path(meant: ModelReference) -> Path:
    """The file of a GGUF model.

    Raises:
        ModelMissing: the embedded model's package is not installed.
    """
    return Path(meant.source) if meant.source else embedded_gguf()


def adapter_folder(settings: ModelSettings) -> Path | None:
    """The LoRA folder that the settings mean, None for none.

    Raises:
        ModelMissing: a folder is named that does not exist.
    """
    if settings.adapter == "none":
        return None
    if settings.adapter == "default":
        own = ADAPTER if settings.name == "embedded" else None
        return own if own is not None and (own / WEIGHTS_NAME).is_file() else None
    folder = Path(settings.adapter).expanduser()
    if not folder.is_dir():
        raise ModelMissing(f"no adapter folder at {folder}; pass a LoRA folder, `default` or `none`")
    return folder


def _open_transformers(meant: ModelReference, settings: ModelSettings) -> LocalChatModel:
    if not Path(meant.source).is_dir() and not _HUB_ID.match(meant.source):
        raise ModelMissing(
            f"no model is called {settings.name!r}, and there is no such folder; `lectern models list` shows what there is"
        )
    from rag.chat_models.transformers_loading import Weights
    from rag.chat_models.transformers_model import open_transformers

    weights = Weights(meant.weights if settings.weights == "auto" else settings.weights)
    return open_transformers(meant.source, weights, adapter_folder(settings), settings)


def _open_gguf(meant: ModelReference, settings: ModelSettings) -> LocalChatModel:
    from rag.chat_models.local_model import LocalChatModel

    path = gguf_path(meant)
    header = read_header(path)
    tokenization = from_gguf(header)
    fingerprint, adapter = content_hash(path), adapter_folder(settings)
    if adapter is not None:
        fingerprint = f"{fingerprint}+{adapter_hash(adapter)}"
        header = read_header(merged_gguf(path, adapter))
    context = chosen_context(settings.name, settings.context_tokens, shape_of_gguf(header).context_tokens)
    return LocalChatModel(
        name=settings.name,
        fingerprint=fingerprint,
        adapter=str(adapter) if adapter else "",
        context_tokens=context,
        prompt_style=meant.prompt_style,
        engine=_open_engine(header, tokenization, context, settings),
        tokenization=tokenization,
        max_answer_tokens=settings.max_answer_tokens,
        temperature=settings.temperature,
        seed=settings.seed,
    )


def _open_engine(
    header: GgufHeader, tokenization: Tokenization, context_tokens: int, settings: ModelSettings
) -> Engine:
    if gguf_engine(header) is GgufEngine.LLAMA_CPP:
        from rag.chat_models.llama_cpp_engine import LlamaCppEngine

        return LlamaCppEngine(header.path, context_tokens, settings, tokenization)
    from rag.chat_models.estimate import openvino_cache_bytes
    from rag.chat_models.openvino_conversion import converted_folder
    from rag.chat_models.openvino_engine import OpenVinoEngine

    cache_bytes = openvino_cache_bytes(header, context_tokens, settings)
    return OpenVinoEngine(converted_folder(header), settings, cache_bytes=cache_bytes)
