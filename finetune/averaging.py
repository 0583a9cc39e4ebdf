"""The mean of several adapters that were trained on from the same one.

It is as fast as one of them, and often better than each. Runs with the same start and other rows, or another
order of them, have similar weights, and the mean of the weights behaves like the mean of the outputs. The
factors of a low-rank update are averaged apart, which equals the mean of the updates only for similar
adapters: others are refused.

Source: Wortsman et al. 2022, "Model soups: averaging weights of multiple fine-tuned models improves accuracy".
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from finetune.adapter_folder import (
    CARD,
    check_adapter,
    free_adapter,
    read_config,
    read_manifest,
    write_manifest,
)
from finetune.model_card import command_line
from finetune.requirements import require_packages
from rag.chat_models.files.lora_adapter import CONFIG_NAME, WEIGHTS_NAME
from rag.errors import TrainingError
from rag.system.atomic_write import new_folder, write_text

_SHAPING = ("r", "lora_alpha", "use_rslora", "use_dora", "rank_pattern", "alpha_pattern")
"""The keys of a LoRA configuration that say how its weights are used."""
MOST_APART = 0.5
"""Distance of two adapters' weights as a share of their size. Six pairs of grounded readers that went on from one start were 0.15 to 0.21
apart, three that did not 0.87 to 1.05, even with the same first weights."""


def average(adapters: Sequence[Path], folder: Path, *, overwrite: bool = False) -> Path:
    """Write the mean of the adapters' weights as an adapter; return its folder.

    Raises:
        TrainingError: fewer than two, one is no whole adapter, they do not belong together, or `folder` may not be replaced.
    """
    if len(adapters) < 2:
        raise TrainingError("An average needs two adapters or more. Give the folders of several runs.")
    free_adapter(folder, overwrite)
    for adapter in adapters:
        check_adapter(adapter)
    manifests = [read_manifest(adapter) for adapter in adapters]
    _check_same(adapters, manifests)
    mean = _mean(adapters)
    with new_folder(folder) as part:
        shutil.copyfile(adapters[0] / CONFIG_NAME, part / CONFIG_NAME)
        _save(mean, part / WEIGHTS_NAME)
        write_manifest(part, {**manifests[0], "average_of": [str(adapter) for adapter in adapters]})
        write_text(part / CARD, _card(adapters, manifests[0]))
    return folder


def _check_same(adapters: Sequence[Path], manifests: Sequence[dict[str, Any]]) -> None:
    """Refuse adapters of other bases or shapes than the first."""
    configs = [read_config(adapter) for adapter in adapters]
    for adapter, config, manifest in zip(adapters[1:], configs[1:], manifests[1:], strict=True):
        if any(manifest.get(name) != manifests[0].get(name) for name in ("base", "prompt_style")):
            raise TrainingError(
                f"{adapter} is for another base or prompt than {adapters[0]}. Average runs of one base model."
            )
        if any(config.get(name) != configs[0].get(name) for name in _SHAPING):
            raise TrainingError(
                f"{adapter} has another rank or scale than {adapters[0]}. Average runs of one [lora]."
            )


def _weights(adapter: Path) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(adapter / WEIGHTS_NAME)
    except SafetensorError as exc:
        raise TrainingError(
            f"{adapter / WEIGHTS_NAME} is not whole ({exc}). Restore it, or train again."
        ) from exc


def _mean(adapters: Sequence[Path]) -> dict[str, Any]:
    """The mean of every weight, in the type of the first adapter."""
    require_packages("torch")
    import torch

    states = [_weights(adapter) for adapter in adapters]
    shapes = [{name: weight.shape for name, weight in state.items()} for state in states]
    for adapter, shape in zip(adapters[1:], shapes[1:], strict=True):
        if shape != shapes[0]:
            raise TrainingError(
                f"{adapter} adapts other layers than {adapters[0]}. Average runs of one [lora]."
            )
    for (one, first), (other, second) in combinations(zip(adapters, states, strict=True), 2):
        apart = _distance(first, second)
        if not apart <= MOST_APART:  # not a number is none either
            raise TrainingError(
                f"{other} and {one} were not trained on from the same adapter: their weights are {apart:.1f} times their size "
                "apart. Give runs whose recipes have the same lora.start."
            )
    return {
        name: torch.stack([state[name].float() for state in states]).mean(0).to(first.dtype)
        for name, first in states[0].items()
    }


def _distance(first: dict[str, Any], second: dict[str, Any]) -> float:
    """Return the distance of two adapters' weights, relative to the size of the first."""
    apart = sum(float((first[name].float() - second[name].float()).square().sum()) for name in first)
    size = sum(float(weight.float().square().sum()) for weight in first.values())
    return math.sqrt(apart / size) if size else math.inf


def _save(weights: dict[str, Any], path: Path) -> None:
    from safetensors.torch import save_file

    save_file(weights, path, metadata={"format": "pt"})


def _card(adapters: Sequence[Path], manifest: dict[str, Any]) -> str:
    base = (manifest.get("base") or {}).get("name", "its base")
    listed = "\n".join(f"- `{adapter}`" for adapter in adapters)
    command = command_line(["lectern", "finetune", "average", *adapters, "--out", "DIR"])
    return f"""---
base_model: {base}
library_name: peft
tags: [lora, lectern]
---
# Average

The mean of the weights of these adapters of `{base}`, which were trained on from the same one:

{listed}

Reproduce: `{command}`
"""
