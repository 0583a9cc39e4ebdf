"""The language models of this machine.

They are the presets, the models downloaded from Hugging Face, and the GGUF files of a folder. The network is
never asked and no weights are loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.chat_models.embedded import ADAPTER
from rag.chat_models.engines.gguf import gguf_engine
from rag.chat_models.estimate import preset_memory
from rag.chat_models.files.gguf_header import GgufHeader, read_header
from rag.chat_models.files.lora_adapter import WEIGHTS_NAME
from rag.chat_models.files.merge_adapter import header_when_merged
from rag.chat_models.files.model_shape import config_file, shape_of_gguf
from rag.chat_models.model_files import gguf_path
from rag.chat_models.presets import PRESETS, ModelKind, ModelReference, pull_command, reference
from rag.errors import ModelError
from rag.settings import ModelSettings


@dataclass(frozen=True, slots=True)
class Listed:
    """A model by name, whether it can be opened now, and if not what to do.

    `size_bytes` is that of its files, also of a preset that was not pulled. `memory_bytes` is what a preset needs
    for one conversation; it is 0 for other models, which `lectern models estimate` estimates.
    """

    name: str
    kind: str
    here: bool
    size_bytes: int
    license: str
    note: str
    memory_bytes: int = 0


def listed_models(folder: Path | None = None, settings: ModelSettings | None = None) -> list[Listed]:
    """Return the presets, the downloaded models and the GGUF files in `folder`.

    The presets have an order of their own, the others are sorted by name; None is the current folder and the
    default settings.
    """
    settings = settings or ModelSettings()
    presets = [_listed_preset(reference(preset.name, settings.folder), settings) for preset in PRESETS]
    known = {preset.source for preset in PRESETS}
    files = [_listed_file(path) for path in sorted((folder or Path()).glob("*.[gG][gG][uU][fF]"))]
    return presets + [entry for entry in _downloaded() if entry.name not in known] + files


def described(name: str, folder: str = "") -> dict[str, Any]:
    """Return the known facts about a model without loading it.

    These are kind, source, shape, engine, adapter and licence. `folder` is the setting `model.folder`.

    Raises:
        ModelMissing: it is a file or folder that does not exist.
        ModelFailed: its file is damaged.
    """
    model = reference(name, folder)
    facts: dict[str, Any] = {
        "name": name,
        "kind": model.kind.value,
        "source": model.source,
        "prompt_style": model.prompt_style.value,
        "license": model.license,
        "description": model.description,
    }
    if model.download is not None:
        facts |= _download_facts(model)
    if model.kind is ModelKind.GGUF and (model.download is None or facts["here"]):
        header = read_header(gguf_path(model))
        adapted = not model.source and (ADAPTER / WEIGHTS_NAME).is_file()
        facts |= {
            "source": str(header.path),
            "title": header.name,
            "license": model.license or header.metadata.get("general.license", ""),
            "architecture": header.architecture,
            "parameters": header.parameters,
            "size_bytes": header.size_bytes,
            "context_tokens": shape_of_gguf(header).context_tokens,
            "engine": _engine_of(header_when_merged(header, ADAPTER) if adapted else header),
            "adapter": str(ADAPTER) if adapted else "",
        }
    elif model.kind is ModelKind.TRANSFORMERS:
        facts |= {"weights": model.weights, "here": is_here(model)}
    return facts


def _download_facts(model: ModelReference) -> dict[str, Any]:
    """Return whether a preset is here, and where it comes from."""
    from rag.chat_models.pull.pulling import known_digest

    download, here = model.download, is_here(model)
    if download is None:
        return {}
    publisher = download.sha256 and f"{download.sha256} (publisher)"
    return {
        "here": here,
        "repository": download.repository,
        "file": download.file_name,
        "size_bytes": download.size_bytes,
        "sha256": (here and known_digest(Path(model.source))) or publisher or "the hub's is verified",
        "get it with": "" if here else pull_command(model.name),
    }


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


def _listed_preset(preset: ModelReference, settings: ModelSettings) -> Listed:
    size, here, note = preset.download.size_bytes if preset.download else 0, True, preset.description
    try:
        if preset.kind is ModelKind.GGUF:
            size = gguf_path(preset).stat().st_size
        else:
            here = is_here(preset)
    except ModelError as exc:
        here, note = False, note if preset.download else str(exc)
    if not here and preset.download:
        first = "accept its licence, then run" if preset.gated else "run"
        note = f"{note}; {first}: {pull_command(preset.name)}"
    memory = preset_memory(preset, settings)
    return Listed(preset.name, preset.kind.value, here, size, preset.license, note, memory)


def is_here(model: ModelReference) -> bool:
    """Return whether the files of a GGUF or transformers model are on this machine."""
    if model.kind is ModelKind.GGUF:
        return Path(model.source).is_file()
    return config_file(model).is_file()


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
