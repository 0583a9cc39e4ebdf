"""The way from the model settings to a loaded model: file, adapter, engine."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.chat_models.engines.gguf import GgufEngine, gguf_engine
from rag.chat_models.estimate import openvino_cache_bytes, refuse_what_cannot_fit
from rag.chat_models.files.gguf_header import GgufHeader, read_header
from rag.chat_models.files.lora_adapter import adapter_hash
from rag.chat_models.files.merge_adapter import merged_gguf
from rag.chat_models.files.model_cache import content_hash
from rag.chat_models.files.model_shape import chosen_context, config_file, shape_of_gguf
from rag.chat_models.files.tokenization import from_gguf
from rag.chat_models.model_files import adapter_folder, gguf_path, not_pulled
from rag.chat_models.presets import ModelKind, ModelReference, reference
from rag.errors import ModelMissing, SettingsError
from rag.extras import missing_extra
from rag.settings import ModelSettings

if TYPE_CHECKING:
    from rag.chat_models.local_model import LocalChatModel
    from rag.chat_models.openai_endpoint import EndpointChatModel
    from rag.chat_models.serving.protocol import GenerationEngine

_HUB_ID = re.compile(r"^[\w.-]+/[\w.-]+$")


def open_model(
    settings: ModelSettings, preparing: Callable[[float], None] | None = None
) -> LocalChatModel | EndpointChatModel:
    """Return the loaded model that the settings name.

    `preparing` is called with the share done, 0 to 1, while a GGUF file is converted on its first use.

    Raises:
        ModelError: see `rag.chat_models.open_chat_model`.
    """
    model = reference(settings.name, settings.folder)
    if model.kind is ModelKind.ENDPOINT:
        _check_extra(f"The server {model.source}", "endpoint")
        from rag.chat_models.endpoint_opening import open_endpoint

        if settings.adapter not in ("default", "none"):
            raise SettingsError(
                f"an adapter cannot be sent to a server; load {settings.adapter} there, or pass --adapter none"
            )
        return open_endpoint(settings)

    refuse_what_cannot_fit(settings)
    if settings.reproducible:
        settings = settings.model_copy(update={"parallel_requests": 1, "lookup_tokens": 0})
    if model.kind is ModelKind.GGUF:
        return _open_gguf(model, settings, preparing)
    return _open_transformers(model, settings)


def _open_transformers(model: ModelReference, settings: ModelSettings) -> LocalChatModel:
    if not Path(model.source).is_dir() and not _HUB_ID.match(model.source):
        raise ModelMissing(
            f"no model is called {settings.name!r}, and there is no such folder; `lectern models list` shows what there is"
        )
    if model.download is not None and not config_file(model).is_file():
        raise not_pulled(model)
    _check_extra(f"The model {settings.name}", "models")
    from rag.chat_models.engines.transformers_loading import Weights
    from rag.chat_models.engines.transformers_model import open_transformers

    weights = Weights(model.weights if settings.weights == "auto" else settings.weights)
    return open_transformers(model.source, weights, adapter_folder(settings), settings)


def _check_extra(subject: str, extra: str) -> None:
    """Check that the packages of an extra are installed.

    Raises:
        ModelMissing: some are not.
    """
    if missing := missing_extra(subject, extra):
        raise ModelMissing(missing)


def _open_gguf(
    model: ModelReference, settings: ModelSettings, preparing: Callable[[float], None] | None
) -> LocalChatModel:
    from rag.chat_models.local_model import LocalChatModel

    path = gguf_path(model)
    header = read_header(path)
    tokenization = from_gguf(header)
    fingerprint, adapter = content_hash(path), adapter_folder(settings)
    if adapter is not None:
        fingerprint = f"{fingerprint}+{adapter_hash(adapter)}"
        header = read_header(merged_gguf(path, adapter))
    wished = settings.context_tokens or model.context_tokens
    context = chosen_context(settings.name, wished, shape_of_gguf(header).context_tokens)
    return LocalChatModel(
        name=settings.name,
        fingerprint=fingerprint,
        adapter=str(adapter) if adapter else "",
        context_tokens=context,
        prompt_style=model.prompt_style,
        engine=_open_engine(header, context, settings, preparing),
        tokenization=tokenization,
        max_answer_tokens=settings.max_answer_tokens,
        temperature=settings.temperature,
        seed=settings.seed,
    )


def _open_engine(
    header: GgufHeader,
    context_tokens: int,
    settings: ModelSettings,
    preparing: Callable[[float], None] | None,
) -> GenerationEngine:
    """Return the file's engine, loaded in a process of its own."""
    from rag.chat_models.engines.engine_process import ProcessEngine

    kind = gguf_engine(header)
    opening: dict[str, Any] = {"engine": kind.value, "settings": settings.model_dump(mode="json")}
    if kind is GgufEngine.LLAMA_CPP:
        from rag.chat_models.engines.llama_cpp import parallel_requests

        opening |= {"path": str(header.path), "context_tokens": context_tokens}
    else:
        from rag.chat_models.engines.openvino import parallel_requests
        from rag.chat_models.engines.openvino_conversion import converted_folder

        cache_bytes = openvino_cache_bytes(header, context_tokens, settings)
        opening |= {"folder": str(converted_folder(header, preparing)), "cache_bytes": cache_bytes}
    return ProcessEngine(kind.value, opening, parallel_requests(settings), settings.queue_length)
