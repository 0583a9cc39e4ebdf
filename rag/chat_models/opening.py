"""From the model settings to a loaded model: which file, which adapter, which engine."""

from __future__ import annotations

import platform
from importlib.util import find_spec
from pathlib import Path

from rag.chat_models.embedded import ADAPTER, embedded_gguf
from rag.chat_models.generation import Engine
from rag.chat_models.gguf_file import GgufHeader, read_header
from rag.chat_models.local_model import LocalChatModel
from rag.chat_models.lora_adapter import WEIGHTS_NAME, adapter_hash
from rag.chat_models.merge_adapter import merged_gguf
from rag.chat_models.model_cache import content_hash
from rag.chat_models.tokenization import from_gguf
from rag.errors import ModelMissing
from rag.prompt import PromptStyle
from rag.settings import ModelSettings


def open_model(settings: ModelSettings) -> LocalChatModel:
    """The loaded model that the settings name."""
    if settings.name == "embedded":
        return _open_gguf(embedded_gguf(), PromptStyle.READER, settings)
    if settings.name.endswith(".gguf"):
        return _open_gguf(Path(settings.name).expanduser(), PromptStyle.INSTRUCT, settings)
    raise ModelMissing(
        f"no model is called {settings.name!r}; run `lectern models list` to see what there is"
    )


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


def _open_gguf(path: Path, style: PromptStyle, settings: ModelSettings) -> LocalChatModel:
    header = read_header(path)
    tokenization = from_gguf(header)
    fingerprint, adapter = content_hash(path), adapter_folder(settings)
    if adapter is not None:
        fingerprint = f"{fingerprint}+{adapter_hash(adapter)}"
        header = read_header(merged_gguf(path, adapter))
    own_limit = header.number("context_length", 2048)
    context = min(settings.context_tokens or own_limit, own_limit)
    return LocalChatModel(
        name=settings.name,
        fingerprint=fingerprint,
        adapter=str(adapter) if adapter else "",
        context_tokens=context,
        prompt_style=style,
        engine=_gguf_engine(header, context, settings),
        tokenization=tokenization,
        max_answer_tokens=settings.max_answer_tokens,
        temperature=settings.temperature,
        seed=settings.seed,
    )


def _gguf_engine(header: GgufHeader, context_tokens: int, settings: ModelSettings) -> Engine:
    """OpenVINO GenAI where it has a wheel, else llama.cpp."""
    if find_spec("openvino_genai"):
        from rag.chat_models.openvino_engine import OpenVinoEngine, converted_folder

        return OpenVinoEngine(converted_folder(header), settings.queue_length)
    if find_spec("xllamacpp"):
        from rag.chat_models.llama_cpp_engine import LlamaCppEngine

        return LlamaCppEngine(header.path, context_tokens, settings.queue_length)
    raise ModelMissing(
        f"no engine for GGUF files is installed on this {platform.machine()}; run: pip install openvino-genai, "
        "or where that has no wheel: pip install xllamacpp"
    )
