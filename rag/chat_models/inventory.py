"""Which language models this machine has: the presets, what was downloaded from Hugging Face, and the GGUF files of a folder.

Never asks the network and loads no weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.chat_models.embedded import ADAPTER
from rag.chat_models.gguf_engine import gguf_engine
from rag.chat_models.gguf_file import GgufHeader, read_header
from rag.chat_models.lora_adapter import WEIGHTS_NAME
from rag.chat_models.merge_adapter import header_when_merged
from rag.chat_models.model_shape import config_file, shape_of_gguf
from rag.chat_models.opening import gguf_path
from rag.chat_models.presets import PRESETS, ModelKind, ModelReference, reference
from rag.errors import ModelError


@dataclass(frozen=True, slots=True)
class Listed:
    """A model by name, whether it can be opened now, and if not what to do."""

    name: str
    kind: str
    here: bool
    size_bytes: int
    license: str
    note: str


def listed_models(folder: Path | None = None) -> list[Listed]:
    """The presets, then the downloaded models by name, then the GGUF files in `folder` (none: the current one)."""
    presets = [_listed_preset(preset) for preset in PRESETS]
    known = {preset.source for preset in PRESETS}
    files = [_listed_file(path) for path in sorted((folder or Path()).glob("*.[gG][gG][uU][fF]"))]
    return presets + [entry for entry in _downloaded() if entry.name not in known] + files


def described(name: str) -> dict[str, Any]:
    """What is known of one model without loading it: kind, source, shape, engine, adapter, licence.

    Raises:
        ModelMissing: it is a file or folder that does not exist.
        ModelFailed: its file is damaged.
    """
    meant = reference(name)
    told: dict[str, Any] = {
        "name": name,
        "kind": meant.kind.value,
        "source": meant.source,
        "prompt_style": meant.prompt_style.value,
        "license": meant.license,
        "description": meant.description,
    }
    if meant.kind is ModelKind.GGUF:
        header = read_header(gguf_path(meant))
        adapted = not meant.source and (ADAPTER / WEIGHTS_NAME).is_file()
        told |= {
            "source": str(header.path),
            "title": header.name,
            "license": meant.license or header.metadata.get("general.license", ""),
            "architecture": header.architecture,
            "parameters": header.parameters,
            "size_bytes": header.size_bytes,
            "context_tokens": shape_of_gguf(header).context_tokens,
            "engine": _engine_of(header_when_merged(header, ADAPTER) if adapted else header),
            "adapter": str(ADAPTER) if adapted else "",
        }
    elif meant.kind is ModelKind.TRANSFORMERS:
        told |= {"weights": meant.weights, "here": _is_here(meant)}
    return told


def _engine_of(header: GgufHeader) -> str:
    """The engine that will run the file, or why there is none."""
    try:
        return gguf_engine(header).value
    except ModelError as exc:
        return str(exc)


def _listed_file(path: Path) -> Listed:
    try:
        header = read_header(path)
    except ModelError as exc:
        return Listed(str(path), ModelKind.GGUF.value, False, path.stat().st_size, "", str(exc))
    licence = str(header.metadata.get("general.license", ""))
    return Listed(str(path), ModelKind.GGUF.value, True, header.size_bytes, licence, header.name)


def _listed_preset(preset: ModelReference) -> Listed:
    if preset.kind is ModelKind.GGUF:
        try:
            path = gguf_path(preset)
        except ModelError as exc:
            return Listed(preset.name, preset.kind.value, False, 0, preset.license, str(exc))
        return Listed(
            preset.name, preset.kind.value, True, path.stat().st_size, preset.license, preset.description
        )
    here = _is_here(preset)
    note = preset.description if here else f"accept its licence, then run: hf download {preset.source}"
    return Listed(preset.name, preset.kind.value, here, 0, preset.license, note)


def _is_here(meant: ModelReference) -> bool:
    return config_file(meant).is_file()


def _downloaded() -> list[Listed]:
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        cache = scan_cache_dir()
    except CacheNotFound:
        return []
    found = []
    for repository in cache.repos:
        if repository.repo_type != "model":
            continue
        files = {file.file_name: file for revision in repository.revisions for file in revision.files}
        found += [
            _listed_file(Path(file.file_path))
            for name, file in files.items()
            if name.lower().endswith(".gguf")
        ]
        if "config.json" in files and any(name.endswith(".safetensors") for name in files):
            size = int(repository.size_on_disk)
            found.append(
                Listed(repository.repo_id, ModelKind.TRANSFORMERS.value, True, size, "", "downloaded")
            )
    return sorted(found, key=lambda entry: entry.name)
