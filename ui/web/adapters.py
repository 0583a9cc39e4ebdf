"""The adapters that the page offers for the model in use.

Only these may be chosen: a page must not name folders of the server's machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rag.chat_models.lora_adapter import WEIGHTS_NAME
from rag.chat_models.opening import adapter_folder
from rag.chat_models.presets import ModelKind, reference
from rag.settings import ModelSettings

RUNS = Path("adapters")
"""Where `lectern finetune train` keeps its runs, each with its adapter in `adapter`."""


@dataclass(frozen=True, slots=True)
class AdapterChoice:
    """An adapter as the settings name it and as the page does; `used` says that answers are made with it."""

    setting: str
    name: str
    note: str
    used: bool = False


def choices(model: ModelSettings, started_with: str) -> tuple[AdapterChoice, ...]:
    """None, the model's own, the one that Lectern was started with, and those trained here; nothing for a server's model."""
    if reference(model.name).kind is ModelKind.ENDPOINT:
        return ()
    used = _folder(model, model.adapter)
    offered: dict[Path | None, AdapterChoice] = {}
    for setting in ("none", "default", model.adapter, started_with, *_trained()):
        folder = _folder(model, setting)
        if folder not in offered and (folder in (None, used) or _holds_one(folder)):
            offered[folder] = AdapterChoice(setting, *_names(setting, folder), used=folder == used)
    return tuple(offered.values())


def _folder(model: ModelSettings, setting: str) -> Path | None:
    """The folder that a setting means, whether or not it is still there."""
    if setting in ("none", "default"):
        return adapter_folder(model.model_copy(update={"adapter": setting}))
    return Path(setting).expanduser().resolve()


def _trained() -> Iterator[str]:
    for weights in sorted(RUNS.glob(f"*/adapter/{WEIGHTS_NAME}")):
        yield str(weights.parent.absolute())


def _holds_one(folder: Path | None) -> bool:
    return folder is not None and (folder / WEIGHTS_NAME).is_file()


def _names(setting: str, folder: Path | None) -> tuple[str, str]:
    if folder is None:
        return "none", "the model as it came"
    name = folder.parent.name if folder.name == "adapter" else folder.name
    return name, "comes with the model" if setting == "default" else str(folder)
