"""The adapters that the page offers for the model in use.

Only these may be chosen: a page must not name folders of the server's machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rag.chat_models.files.lora_adapter import WEIGHTS_NAME
from rag.chat_models.model_files import adapter_folder
from rag.chat_models.presets import ModelKind, reference
from rag.settings import ModelSettings
from ui.web.language import noted

QUOTES = (noted("quotes"), noted("the notes' own words, picked by the evidence scorer"))
"""The name and note of the embedded default, for which no language model runs."""
RUNS = Path("adapters")
"""Folder of the runs of `lectern finetune train`, each with its `adapter`."""


@dataclass(frozen=True, slots=True)
class AdapterChoice:
    """An adapter by its setting and by its name on the page.

    `used` is True if answers are made with it.
    """

    setting: str
    name: str
    note: str
    used: bool = False


def choices(model: ModelSettings, started_with: str) -> tuple[AdapterChoice, ...]:
    """Return the adapters on offer; none for a server's model.

    They are no adapter, the model's own, the one that Lectern was started with, and those trained here.
    """
    if reference(model.name).kind is ModelKind.ENDPOINT:
        return ()
    used = _folder(model, model.adapter)
    offered: dict[Path | None, AdapterChoice] = {}
    for setting in ("none", "default", model.adapter, started_with, *_trained()):
        folder = _folder(model, setting)
        if folder not in offered and (folder in (None, used) or _has_adapter(folder)):
            quoted = (model.name, setting) == ("embedded", "default")
            names = QUOTES if quoted else _names(setting, folder)
            offered[folder] = AdapterChoice(setting, *names, used=folder == used)
    return tuple(offered.values())


def _folder(model: ModelSettings, setting: str) -> Path | None:
    """Return the folder of a setting, even if it no longer exists."""
    if setting in ("none", "default"):
        return adapter_folder(model.model_copy(update={"adapter": setting}))
    return Path(setting).expanduser().resolve()


def _trained() -> Iterator[str]:
    for weights in sorted(RUNS.glob(f"*/adapter/{WEIGHTS_NAME}")):
        yield str(weights.parent.absolute())


def _has_adapter(folder: Path | None) -> bool:
    return folder is not None and (folder / WEIGHTS_NAME).is_file()


def _names(setting: str, folder: Path | None) -> tuple[str, str]:
    if folder is None:
        return noted("none"), noted("the model as it came")
    name = folder.parent.name if folder.name == "adapter" else folder.name
    return name, noted("comes with the model") if setting == "default" else str(folder)
