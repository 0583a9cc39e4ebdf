"""The download of the multilingual embedding model by `lectern models pull`."""

from __future__ import annotations

from rag.chat_models.presets import Download, ModelKind, ModelReference
from rag.embedding.multilingual import (
    MULTILINGUAL,
    REPOSITORY,
    SIZE_BYTES,
    embedders_folder,
    multilingual_folder,
)
from rag.settings import ModelSettings


def embedder_preset(name: str, settings: ModelSettings) -> tuple[ModelReference, ModelSettings] | None:
    """Return the embedding model of a name to pull, and settings with its folder.

    None for any other name.
    """
    if name != MULTILINGUAL:
        return None
    source = embedders_folder() / MULTILINGUAL
    preset = ModelReference(
        MULTILINGUAL,
        ModelKind.TRANSFORMERS,
        str(source) if source.is_dir() else REPOSITORY,
        license="MIT",
        description="embedding model for notes in other languages than English",
        download=Download(REPOSITORY, "", SIZE_BYTES),
    )
    return preset, settings.model_copy(update={"folder": str(embedders_folder())})


def finish(name: str) -> None:
    """Complete the folder of a pulled embedding model.

    Raises:
        ModelMissing: it is not whole.
    """
    if name == MULTILINGUAL:
        multilingual_folder(MULTILINGUAL)
