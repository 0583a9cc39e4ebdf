"""A finished adapter leaves the project: merged into a folder of weights, or into a GGUF file with an Ollama Modelfile.

Both are written under another name first and renamed when whole. The GGUF writer belongs to `rag.chat_models`, which
merges the same way when the embedded model is started with an adapter.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from rag.errors import TrainingError


def check_adapter(folder: Path) -> None:
    """Refuses a folder that is no whole adapter.

    Raises:
        TrainingError: files are missing.
    """
    missing = [n for n in ("adapter_config.json", "adapter_model.safetensors") if not (folder / n).is_file()]
    if missing:
        raise TrainingError(
            f"{folder} holds no {' and no '.join(missing)}, so it is no adapter. "
            "Give the folder `adapter` that `lectern finetune train` wrote."
        )


def free_target(target: Path, overwrite: bool) -> None:
    """Refuses a target that exists, unless it may be replaced.

    Raises:
        TrainingError: the target exists and may not be replaced.
    """
    if target.exists() and not overwrite:
        raise TrainingError(
            f"{target} exists already. Choose another --out, or pass --overwrite to replace it."
        )


def merge(base: str, adapter: Path, target: Path, *, overwrite: bool = False) -> Path:
    """Writes the base model with the adapter merged in as a folder of bfloat16 safetensors, and returns the folder.

    Raises:
        TrainingError: the adapter is not whole, or the target exists.
        ModelMissing: the base model is not there.
    """
    check_adapter(adapter)
    free_target(target, overwrite)
    from peft import PeftModel

    from finetune.base_model import load_base
    from finetune.recipe import ModelPart

    loaded = load_base(ModelPart(base=base), bfloat16=False)
    merged = PeftModel.from_pretrained(loaded.model, adapter).merge_and_unload()
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.parent.mkdir(parents=True, exist_ok=True)
    import torch

    merged.to(torch.bfloat16).save_pretrained(part)
    loaded.tokenizer.save_pretrained(part)
    if target.exists():
        shutil.rmtree(target)
    part.rename(target)
    return target


def export_gguf(
    base: str, adapter: Path, target: Path, weights: str, *, overwrite: bool = False
) -> tuple[Path, Path]:
    """Writes the GGUF model `base` with the adapter merged in and an Ollama Modelfile beside it; returns both paths.

    `weights` is how changed weights are stored: `Q8_0`, `F16` or `F32`.

    Raises:
        TrainingError: the adapter is not whole, the target exists, or the base is no GGUF file.
        ModelFailed: the adapter was made for another base.
    """
    check_adapter(adapter)
    free_target(target, overwrite)
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
    modelfile = target.with_name("Modelfile")
    modelfile.write_text(modelfile_text(target.name), "utf-8")
    return target, modelfile


def modelfile_text(gguf_name: str) -> str:
    """An Ollama Modelfile for a GGUF beside it: greedy, with room for the notes; the chat template is in the GGUF."""
    return f"FROM ./{gguf_name}\nPARAMETER temperature 0\nPARAMETER num_ctx 4096\nPARAMETER num_predict 256\n"
