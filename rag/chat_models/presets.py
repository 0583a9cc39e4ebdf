"""The language models that have a name of their own, and what else a name can mean.

Knows nothing of any engine: it turns the text of `model.name` into a reference that can be listed, estimated or opened.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from rag.prompt import PromptStyle

ENDPOINT_PREFIX = "openai:"


class ModelKind(StrEnum):
    """Where a model runs and from what."""

    GGUF = "gguf"
    TRANSFORMERS = "transformers"
    ENDPOINT = "endpoint"


@dataclass(frozen=True, slots=True)
class ModelReference:
    """A model that can be opened.

    `source` is a path, a Hugging Face id or `MODEL@URL`; empty for the embedded model, whose path its package knows. `weights` is how a
    transformers model is held unless settings say otherwise.
    """

    name: str
    kind: ModelKind
    source: str
    prompt_style: PromptStyle = PromptStyle.INSTRUCT
    weights: str = "auto"
    license: str = ""
    description: str = ""
    gated: bool = False
    """Whether Hugging Face hands it out only to those who accepted its licence."""


PRESETS = (
    ModelReference(
        "embedded",
        ModelKind.GGUF,
        "",
        PromptStyle.READER,
        license="Apache-2.0",
        description="SmolLM2-135M-Instruct with the project's grounded adapter; comes with pip, runs on any CPU",
    ),
    ModelReference(
        "llama3-8b",
        ModelKind.TRANSFORMERS,
        "meta-llama/Meta-Llama-3-8B-Instruct",
        weights="nf4",
        license="Llama 3 Community License",
        description="Llama 3 8B Instruct in 4 bits (nf4, double quantization, bfloat16 arithmetic); needs 10 GB on a GPU",
        gated=True,
    ),
)


def reference(name: str) -> ModelReference:
    """What a model name means: a preset, a server, a GGUF file, else a Hugging Face id or folder."""
    for preset in PRESETS:
        if preset.name == name:
            return preset
    if name.startswith(ENDPOINT_PREFIX):
        return ModelReference(name, ModelKind.ENDPOINT, name.removeprefix(ENDPOINT_PREFIX))
    path = Path(name).expanduser()
    if path.suffix.lower() == ".gguf":
        return ModelReference(name, ModelKind.GGUF, str(path))
    return ModelReference(name, ModelKind.TRANSFORMERS, str(path) if path.is_dir() else name)
