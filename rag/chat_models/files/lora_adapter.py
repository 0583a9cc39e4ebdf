"""A LoRA adapter as PEFT saves it, read as numpy arrays, without torch or pickle.

Only adapters of the form `W + scale * B A` are read; others are refused with the reason.

Source: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models"; scale alpha / r, or alpha / sqrt(r) with
rank stabilisation (Kalajdzievski 2023).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.chat_models.files.model_cache import content_hash
from rag.errors import ModelFailed, ModelMissing
from rag.json_text import parse_json

WEIGHTS_NAME = "adapter_model.safetensors"
CONFIG_NAME = "adapter_config.json"
_KEY = re.compile(r"^base_model\.model\.(?P<module>.+)\.lora_(?P<side>[AB])\.weight$")
_AGAIN = "copy the adapter again, or save it again with PEFT"
_MOST_REPETITIONS = 3
"""Most repetitions in a pattern; the patterns that PEFT writes have none.

Each more makes matching a name of 60 letters up to 60 times slower.
"""
_FLOAT_WIDTHS: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
}


@dataclass(frozen=True, slots=True)
class LoraUpdate:
    """The update of one linear layer: `scale * b @ a`.

    `a` has the shape (rank, in), `b` (out, rank).
    """

    a: NDArray[np.float32]
    b: NDArray[np.float32]
    scale: float

    @property
    def delta(self) -> NDArray[np.float32]:
        """The update as a float32 matrix of shape (out, in)."""
        return np.float32(self.scale) * (self.b @ self.a)


def adapter_hash(folder: Path) -> str:
    """Return the content hash of an adapter: its weights and its configuration.

    Raises:
        ModelMissing: the folder has no adapter.
    """
    for name in (WEIGHTS_NAME, CONFIG_NAME):
        if not (folder / name).is_file():
            raise ModelMissing(
                f"{folder} has no {name}; pass a folder that PEFT or `lectern finetune train` saved"
            )
    return f"{content_hash(folder / WEIGHTS_NAME)}{content_hash(folder / CONFIG_NAME)[:8]}"


def read_adapter(folder: Path) -> dict[str, LoraUpdate]:
    """Return the updates of the adapter in `folder` by module name.

    A name is for example `model.layers.0.mlp.up_proj`.

    Raises:
        ModelMissing: the folder has no adapter.
        ModelFailed: it is damaged, or is of a kind that is not `W + scale * B A`.
    """
    adapter_hash(folder)
    config = _read_config(folder / CONFIG_NAME)
    sides: dict[str, dict[str, NDArray[np.float32]]] = {}
    for key, array in _read_safetensors(folder / WEIGHTS_NAME).items():
        match = _KEY.match(key)
        if match is None:
            raise ModelFailed(
                f"the adapter in {folder} changes {key}; only LoRA matrices of linear layers can be merged"
            )
        sides.setdefault(match["module"], {})[match["side"]] = array
    updates = {}
    for module, pair in sides.items():
        if set(pair) != {"A", "B"} or not _same_rank(pair["A"], pair["B"]):
            raise ModelFailed(
                f"the adapter in {folder} is damaged: {module} lacks a matrix or its ranks differ; copy the adapter again"
            )
        updates[module] = LoraUpdate(pair["A"], pair["B"], _scale(config, module, pair["A"].shape[0]))
    if not updates:
        raise ModelFailed(f"the adapter in {folder} changes nothing; save it again after training")
    return updates


def _read_config(path: Path) -> Mapping[str, Any]:
    try:
        config = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise ModelFailed(f"{path} is not JSON: {exc}; copy the adapter again") from exc
    if not isinstance(config, dict) or config.get("peft_type") != "LORA":
        raise ModelFailed(f"{path} describes no LoRA adapter; only LoRA adapters can be used")
    for key in ("use_dora", "modules_to_save", "fan_in_fan_out", "lora_bias", "trainable_token_indices"):
        if config.get(key):
            raise ModelFailed(f"{path} sets {key}, which cannot be merged; train without it")
    if config.get("bias", "none") != "none":
        raise ModelFailed(f"{path} trains biases, which cannot be merged; train with bias 'none'")
    return config


def _scale(config: Mapping[str, Any], module: str, rank: int) -> float:
    """Return the factor of a module's update.

    It is alpha / r, or alpha / sqrt(r) with rank stabilisation.
    """
    alpha = _alpha(config.get("lora_alpha", rank))
    patterns = config.get("alpha_pattern") or {}
    if not isinstance(patterns, Mapping):
        raise ModelFailed(f"{CONFIG_NAME} has alpha_pattern = {patterns!r} instead of an object; {_AGAIN}")
    for pattern, value in patterns.items():
        if _matches(pattern, module):
            alpha = _alpha(value)
    return alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)


def _alpha(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ModelFailed(f"{CONFIG_NAME} has the alpha {value!r} instead of a number; {_AGAIN}")
    return float(value)


def _matches(pattern: str, module: str) -> bool:
    """Return whether PEFT would apply a pattern to a module.

    Only patterns of a few repetitions are tried, for a crafted one such as `(a+)+` would never come to an end.
    """
    if len(re.findall(r"[*+{]", pattern)) > _MOST_REPETITIONS or re.search(r"\)\s*[*+{]", pattern):
        raise ModelFailed(f"{CONFIG_NAME} has the pattern {pattern!r}, which is too complex; {_AGAIN}")
    try:
        return re.match(rf"(.*\.)?({pattern})$", module) is not None
    except (re.error, RecursionError, OverflowError) as exc:
        raise ModelFailed(f"{CONFIG_NAME} has the pattern {pattern!r} ({exc}); {_AGAIN}") from exc


def _same_rank(a: NDArray[np.float32], b: NDArray[np.float32]) -> bool:
    return a.ndim == b.ndim == 2 and a.shape[0] == b.shape[1] > 0


def _read_safetensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """Every tensor as float32; bfloat16 is read too, which numpy itself does not know."""
    try:
        raw = path.read_bytes()
        length = int.from_bytes(raw[:8], "little")
        header = parse_json(raw[8 : 8 + length])
        header.pop("__metadata__", None)
        return {key: _tensor(raw, 8 + length, entry) for key, entry in header.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as exc:
        raise ModelFailed(f"{path} is cut short or damaged; copy the adapter again") from exc


def _tensor(raw: bytes, start: int, entry: Mapping[str, Any]) -> NDArray[np.float32]:
    dtype, (first, last) = _FLOAT_WIDTHS[entry["dtype"]], entry["data_offsets"]
    if not 0 <= first <= last <= len(raw) - start:
        raise ValueError("data outside the file")
    flat: NDArray[Any] = np.frombuffer(raw[start + first : start + last], dtype)
    if entry["dtype"] == "BF16":
        flat = (flat.astype(np.uint32) << 16).view(np.float32)
    shaped: NDArray[np.float32] = flat.astype(np.float32).reshape(entry["shape"])
    return shaped
