"""A finished adapter leaves the project: merged into a folder of weights, or into a GGUF file with an Ollama Modelfile.

Both are written under another name first and renamed when whole. The GGUF writer belongs to `rag.chat_models`, which
merges the same way when the embedded model is started with an adapter.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from finetune.adapter_folder import check_adapter, check_base, free_target
from rag.errors import TrainingError

LARGE_WEIGHTS = 1e9
"""Weights above which a model is merged in bfloat16: twice as many fit the memory, and each is rounded twice, not once."""
MADE_BY_MERGE = "merged.json"
"""The file by which a folder is known to be one that `merge` wrote, and may replace."""


def free_folder(target: Path, overwrite: bool) -> None:
    """Refuses a folder that exists, unless it may be replaced and is empty or a model that `merge` wrote.

    Raises:
        TrainingError: the folder exists and may not be replaced.
    """
    free_target(target, overwrite)
    if target.exists() and not _may_be_deleted(target):
        raise TrainingError(
            f"{target} is no model that `lectern finetune merge` wrote, so it is not replaced. Choose another --out."
        )


def merge(base: str, adapter: Path, target: Path, *, overwrite: bool = False) -> Path:
    """Writes the base model with the adapter merged in as a folder of bfloat16 safetensors, and returns the folder.

    It is done on the CPU, so that a model fits that fits no GPU: in float32 and rounded once, or, above a billion weights,
    in bfloat16.

    Raises:
        TrainingError: the adapter is not whole or was trained on another base, or the target exists.
        ModelMissing: the base model is not there.
    """
    check_adapter(adapter)
    part = target.with_name(target.name + ".part")
    free_folder(target, overwrite)
    free_folder(part, overwrite=True)
    check_base(adapter, base)
    import torch

    from finetune.base_model import load_merged
    from finetune.memory import weights_of

    large = weights_of(base) > LARGE_WEIGHTS
    merged = load_merged(base, adapter, bfloat16=large, device="cpu")
    merged.model.to(torch.bfloat16)
    _delete(part)
    part.mkdir(parents=True)
    (part / MADE_BY_MERGE).write_text(json.dumps({"base": base, "adapter": str(adapter)}) + "\n", "utf-8")
    merged.model.save_pretrained(part)
    merged.tokenizer.save_pretrained(part)
    _delete(target)
    part.rename(target)
    return target


def export_gguf(
    base: str, adapter: Path, target: Path, weights: str, *, overwrite: bool = False
) -> tuple[Path, Path]:
    """Writes the GGUF model `base` with the adapter merged in and an Ollama Modelfile beside it; returns both paths.

    `weights` is how changed weights are stored: `Q8_0`, `F16` or `F32`.

    Raises:
        TrainingError: the adapter is not whole, the target or a Modelfile beside it exists, or the base is no GGUF file.
        ModelFailed: the adapter was made for another base.
    """
    check_adapter(adapter)
    modelfile = target.with_name("Modelfile")
    for written in (target, modelfile):
        free_target(written, overwrite)
    from finetune.base_model import base_path
    from rag.chat_models.merge_adapter import merge_adapter

    where = Path(base_path(base))
    if where.suffix != ".gguf":
        raise TrainingError(
            f"{base} is no GGUF file. Pass --base FILE.gguf with the same model (for Llama 3 8B a Q8_0 or F16 file), "
            "or merge into a folder and convert that with llama.cpp's convert_hf_to_gguf.py."
        )
    part = target.with_name(target.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    try:
        merge_adapter(where, adapter, part, weights)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    modelfile.write_text(modelfile_text(target.name), "utf-8")
    return target, modelfile


def modelfile_text(gguf_name: str) -> str:
    """An Ollama Modelfile for a GGUF beside it: greedy, with room for the notes; the chat template is in the GGUF."""
    return f"FROM ./{gguf_name}\nPARAMETER temperature 0\nPARAMETER num_ctx 4096\nPARAMETER num_predict 256\n"


def _may_be_deleted(folder: Path) -> bool:
    """Whether a folder is empty, or a model that `merge` wrote (perhaps not to its end)."""
    return folder.is_dir() and ((folder / MADE_BY_MERGE).is_file() or not any(folder.iterdir()))


def _delete(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
