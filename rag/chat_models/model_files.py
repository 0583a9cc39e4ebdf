"""The model file and the adapter folder that the model settings name."""

from __future__ import annotations

from pathlib import Path

from rag.chat_models.embedded import ADAPTER, embedded_gguf
from rag.chat_models.files.lora_adapter import WEIGHTS_NAME
from rag.chat_models.presets import ModelReference, pull_command
from rag.errors import ModelMissing
from rag.settings import ModelSettings


def gguf_path(model: ModelReference) -> Path:
    """The file of a GGUF model.

    Raises:
        ModelMissing: the embedded model's package is not installed, or a preset was not pulled.
    """
    if not model.source:
        return embedded_gguf()
    path = Path(model.source)
    if model.download is not None and not path.is_file():
        raise not_pulled(model)
    return path


def not_pulled(model: ModelReference) -> ModelMissing:
    """Return the error for a preset that is not on this machine, with the command."""
    size = model.download.size_bytes if model.download else 0
    return ModelMissing(
        f"{model.name} is not on this machine yet; run: {pull_command(model.name)} "
        f"({size / 1e9:.1f} GB, {model.license})"
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
