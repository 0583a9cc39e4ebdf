"""From the model settings to a loaded model: which file, which adapter, which engine."""

from __future__ import annotations

from pathlib import Path

from rag.chat_models.embedded import embedded_gguf
from rag.chat_models.gguf_file import read_header
from rag.chat_models.local_model import LocalChatModel
from rag.chat_models.model_cache import content_hash
from rag.chat_models.openvino_engine import OpenVinoEngine, converted_folder
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


def _open_gguf(path: Path, style: PromptStyle, settings: ModelSettings) -> LocalChatModel:
    header = read_header(path)
    tokenization = from_gguf(header)
    own_limit = header.number("context_length", 2048)
    engine = OpenVinoEngine(converted_folder(header), settings.queue_length)
    return LocalChatModel(
        name=settings.name,
        fingerprint=content_hash(path),
        context_tokens=min(settings.context_tokens or own_limit, own_limit),
        prompt_style=style,
        engine=engine,
        tokenization=tokenization,
        max_answer_tokens=settings.max_answer_tokens,
        temperature=settings.temperature,
        seed=settings.seed,
    )
