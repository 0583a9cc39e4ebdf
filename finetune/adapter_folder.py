"""An adapter on disk, written whole or not at all, with a manifest of its origin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from finetune.recipe import Recipe
from rag.chat_models.files.lora_adapter import CONFIG_NAME, WEIGHTS_NAME
from rag.errors import TrainingError
from rag.json_text import parse_json
from rag.system.atomic_write import new_folder, write_text

MANIFEST, CARD = "manifest.json", "README.md"


def check_adapter(folder: Path) -> None:
    """Refuse a folder that is no whole adapter.

    Raises:
        TrainingError: files are missing.
    """
    missing = [name for name in (CONFIG_NAME, WEIGHTS_NAME) if not (folder / name).is_file()]
    if missing:
        raise TrainingError(
            f"{folder} has no {' and no '.join(missing)}, so it is no adapter. "
            "Give the folder `adapter` that `lectern finetune train` wrote."
        )


def free_target(target: Path, overwrite: bool) -> None:
    """Refuse a target that exists, unless it may be replaced.

    Raises:
        TrainingError: the target exists and may not be replaced.
    """
    if target.exists() and not overwrite:
        raise TrainingError(
            f"{target} exists already. Choose another --out, or pass --overwrite to replace it."
        )


def free_adapter(folder: Path, overwrite: bool) -> None:
    """Refuse an existing folder, unless it may be replaced and has only an adapter.

    An empty folder may be replaced too. Somebody will pass `--out ~`.

    Raises:
        TrainingError: the folder exists and may not be replaced.
    """
    free_target(folder, overwrite)
    if folder.exists() and not _is_only_adapter(folder):
        raise TrainingError(
            f"{folder} has more than an adapter, so it is not replaced. Choose another --out."
        )


def _is_only_adapter(folder: Path) -> bool:
    return folder.is_dir() and {path.name for path in folder.iterdir()} <= {
        MANIFEST,
        CONFIG_NAME,
        WEIGHTS_NAME,
        CARD,
    }


def check_base(adapter: Path, base: str) -> None:
    """Refuse a base whose content hash is not the one in the adapter's manifest.

    Nothing is refused without a manifest, or for a base of a hub, which has no hash.

    Raises:
        TrainingError: the adapter was trained on another base.
        ModelMissing: the embedded model's package is not installed.
    """
    from finetune.base_model import base_path, identity

    trained_on, given = read_manifest(adapter).get("base") or {}, identity(base_path(base))
    wanted, found = str(trained_on.get("blake2b") or ""), given["blake2b"]
    if wanted and found and wanted != found:
        raise TrainingError(
            f"{adapter} was trained on {trained_on.get('name')} ({wanted[:8]}), and --base {base} is {given['name']} "
            f"({found[:8]}). Pass the base it was trained on."
        )


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of an adapter, empty for one of another program.

    Raises:
        TrainingError: the manifest is damaged.
    """
    file = folder / MANIFEST
    return _read_object(file, "Restore it, or delete it to go without.") if file.is_file() else {}


def read_config(folder: Path) -> dict[str, Any]:
    """Return the LoRA configuration of an adapter, as PEFT wrote it.

    Raises:
        TrainingError: the configuration is damaged.
    """
    return _read_object(folder / CONFIG_NAME, "Restore it, or train again.")


def _read_object(file: Path, help_with: str) -> dict[str, Any]:
    try:
        found = parse_json(file.read_text("utf-8"))
    except ValueError as exc:
        raise TrainingError(f"{file} is no JSON ({exc}). {help_with}") from exc
    if not isinstance(found, dict):
        raise TrainingError(f"{file} is no JSON object. {help_with}")
    return found


def save_adapter(
    model: Any,
    state: dict[str, Any],
    folder: Path,
    recipe: Recipe,
    base: dict[str, str],
    left_out: dict[str, int],
) -> None:
    """Write an adapter in bfloat16 with its manifest, whole or not at all.

    `state` has the trained weights of `model` by name, gathered if several processes share them.
    """
    import torch

    from rag.prompt import PROMPT_VERSION, PromptStyle

    manifest = {
        "recipe": recipe.model_dump(mode="json"),
        "base": base,
        "prompt_version": PROMPT_VERSION,
        "prompt_style": PromptStyle.READER.value,
        "rows_left_out": left_out,
    }
    with new_folder(folder) as part:
        model.save_pretrained(
            part, state_dict={name: value.to(torch.bfloat16) for name, value in state.items()}
        )
        write_manifest(part, manifest)


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write the manifest of an adapter."""
    write_text(folder / MANIFEST, json.dumps(manifest, indent=1) + "\n")
