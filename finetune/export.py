"""The export of an adapter: merged into a folder of weights, or into a GGUF file.

A GGUF file gets an Ollama Modelfile. Both are written under another name first and renamed when whole. The
GGUF writer is that of `rag.chat_models`, which merges in the same way when the embedded model is started with
an adapter.
"""

from __future__ import annotations

import json
from pathlib import Path

from finetune.adapter_folder import check_adapter, check_base, free_target
from rag.errors import TrainingError
from rag.system.atomic_write import new_folder, replacing, write_text

LARGE_WEIGHTS = 1e9
"""Weights above which a model is merged in bfloat16 and not in float32.

Then twice as many fit the memory, and each is rounded twice, not once.
"""
MADE_BY_MERGE = "merged.json"
"""The file that marks a folder as written by `merge`, which may replace it."""


def free_folder(target: Path, overwrite: bool) -> None:
    """Refuse an existing folder, unless it may be replaced.

    It may be replaced if it is empty or a model that `merge` wrote.

    Raises:
        TrainingError: the folder exists and may not be replaced.
    """
    free_target(target, overwrite)
    if target.exists() and not _may_be_deleted(target):
        raise TrainingError(
            f"{target} is no model that `lectern finetune merge` wrote, so it is not replaced. Choose another --out."
        )


def merge(base: str, adapter: Path, target: Path, *, overwrite: bool = False) -> Path:
    """Write the base model with the adapter merged in, and return its folder.

    It is a folder of bfloat16 safetensors. The CPU merges, so that a model fits that fits no GPU: in float32
    and rounded once, or, above a billion weights, in bfloat16.

    Raises:
        TrainingError: the adapter is not whole or was trained on another base, or the target exists.
        ModelMissing: the base model is not there.
    """
    check_adapter(adapter)
    free_folder(target, overwrite)
    check_base(adapter, base)
    import torch

    from finetune.base_model import load_merged
    from finetune.memory import weights_of

    large = weights_of(base) > LARGE_WEIGHTS
    merged = load_merged(base, adapter, bfloat16=large, device="cpu")
    merged.model.to(torch.bfloat16)
    with new_folder(target) as part:
        write_text(part / MADE_BY_MERGE, json.dumps({"base": base, "adapter": str(adapter)}) + "\n")
        merged.model.save_pretrained(part)
        merged.tokenizer.save_pretrained(part)
    return target


def export_gguf(
    base: str, adapter: Path, target: Path, weights: str, *, overwrite: bool = False
) -> tuple[Path, Path]:
    """Write the GGUF model `base` with the adapter merged in, and an Ollama Modelfile.

    Both paths are returned. `weights` is the type of changed weights: `Q8_0`, `F16` or `F32`.

    Raises:
        TrainingError: the adapter is not whole, the target or a Modelfile beside it exists, or the base is no GGUF file.
        ModelFailed: the adapter was made for another base.
    """
    check_adapter(adapter)
    modelfile = target.with_name("Modelfile")
    for written in (target, modelfile):
        free_target(written, overwrite)
    from finetune.base_model import base_path
    from rag.chat_models.files.merge_adapter import merge_adapter

    where = Path(base_path(base))
    if where.suffix != ".gguf":
        raise TrainingError(
            f"{base} is no GGUF file. Pass --base FILE.gguf with the same model (for Llama 3 8B a Q8_0 or F16 file), "
            "or merge into a folder and convert that with llama.cpp's convert_hf_to_gguf.py."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as part:
        merge_adapter(where, adapter, part, weights)
    write_text(modelfile, modelfile_text(target.name))
    return target, modelfile


def modelfile_text(gguf_name: str) -> str:
    """Return an Ollama Modelfile for a GGUF file in the same folder.

    It decodes greedily and has a context for the notes; the chat template is in the GGUF file.
    """
    return f"FROM ./{gguf_name}\nPARAMETER temperature 0\nPARAMETER num_ctx 4096\nPARAMETER num_predict 256\n"


def _may_be_deleted(folder: Path) -> bool:
    """Return whether a folder is empty, or a model that `merge` wrote, even in part."""
    return folder.is_dir() and ((folder / MADE_BY_MERGE).is_file() or not any(folder.iterdir()))
