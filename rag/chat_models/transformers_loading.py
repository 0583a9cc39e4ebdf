"""A Hugging Face model from an id or a folder, in the weights and on the device that this machine can hold.

Knows how to ask for nf4 properly (transformers' own defaults are fp4 and float32 arithmetic), how adapters are swapped
on a loaded base, and what a gated, missing or damaged model looks like from outside. Weights come from safetensors only; code that a
model brings along is never run.
"""

from __future__ import annotations

from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rag.errors import LecternError, ModelFailed, ModelMissing, ModelTooLarge


class Weights(StrEnum):
    """How a model's weights are held."""

    AUTO = "auto"
    NF4 = "nf4"
    INT8 = "int8"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"
    FLOAT32 = "float32"


def best_device() -> str:
    """The device to run on: `cuda`, `mps` or `cpu`."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def best_weights(device: str) -> Weights:
    """The floating-point type that is fast on a device: bfloat16 where the hardware has it."""
    import torch

    if device == "cuda":
        return Weights.BFLOAT16 if torch.cuda.is_bf16_supported() else Weights.FLOAT16
    if device == "mps":
        return Weights.FLOAT16
    flags = Path("/proc/cpuinfo")
    text = flags.read_text(encoding="utf-8", errors="replace") if flags.is_file() else ""
    return Weights.BFLOAT16 if "avx512_bf16" in text or "amx_bf16" in text else Weights.FLOAT32


def load_causal_model(source: str, weights: Weights = Weights.AUTO, device: str = "") -> Any:
    """The transformers model of a Hugging Face id or folder, ready to generate.

    Raises:
        ModelMissing: it is not on this machine and cannot be fetched, or access was not granted.
        ModelTooLarge: it does not fit the memory.
        ModelFailed: its files are damaged or of a kind that is not supported.
    """
    import torch
    from transformers import AutoModelForCausalLM

    device = device or best_device()
    held = best_weights(device) if weights is Weights.AUTO else weights
    options: dict[str, Any] = {"dtype": _dtype(held, device), "device_map": {"": _place(device)}}
    if held in (Weights.NF4, Weights.INT8):
        options["quantization_config"] = _quantization(held, device)
    try:
        model: Any = AutoModelForCausalLM.from_pretrained(
            source, use_safetensors=True, trust_remote_code=False, attn_implementation="sdpa", **options
        )
    except torch.OutOfMemoryError as exc:
        raise ModelTooLarge(
            f"{source} as {held} does not fit the memory of this {device}; choose nf4 (model.weights) or a smaller model"
        ) from exc
    except Exception as exc:
        if isinstance(exc, MemoryError) or "allocate memory" in str(exc):
            raise ModelTooLarge(
                f"{source} as {held} does not fit this machine's memory; choose nf4 (model.weights) or a smaller model"
            ) from exc
        raise explained(source, exc) from exc
    model.eval()
    return model


def load_tokenizer(source: str) -> Any:
    """The transformers tokenizer of a Hugging Face id or folder.

    Raises:
        ModelMissing: it is not on this machine and cannot be fetched.
        ModelFailed: its files are damaged.
    """
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    except Exception as exc:
        raise explained(source, exc) from exc


def explained(source: str, exc: Exception) -> LecternError:
    """One sentence for what went wrong while a model was loaded: what to accept, download or pass."""
    text = f"{type(exc).__name__}: {exc}"
    lower = text.lower()
    if "gated" in lower or "401" in text or "403" in text:
        return ModelMissing(
            f"access to {source} is not granted on this machine: accept its licence on its Hugging Face page, run "
            f"`hf auth login` and `hf download {source}`, or pass the folder of a copy"
        )
    if Path(source).is_dir() and "Safetensor" not in text:
        return ModelFailed(
            f"the model in {source} cannot be loaded ({_first_line(exc)}); a folder with config.json, a tokenizer and safetensors weights is needed"
        )
    if isinstance(exc, (OSError, ValueError)) and "Safetensor" not in text:
        return ModelMissing(
            f"{source} is not on this machine and could not be fetched: run `hf download {source}` where there is a "
            "network, or pass the folder of a copy or the path of a GGUF file"
        )
    return ModelFailed(f"the files of {source} are damaged ({_first_line(exc)}); download or copy them again")


def load_adapter(model: Any, folder: Path, name: str) -> Any:
    """The model with the LoRA adapter in `folder` loaded under `name` and switched on.

    Raises:
        ModelMissing: the folder holds no adapter.
        ModelFailed: the adapter is damaged or made for another base.
    """
    from peft import PeftModel

    from rag.chat_models.lora_adapter import read_adapter

    read_adapter(folder)
    try:
        if isinstance(model, PeftModel):
            model.load_adapter(str(folder), adapter_name=name)
            model.set_adapter(name)
            return model
        return PeftModel.from_pretrained(model, str(folder), adapter_name=name).eval()
    except Exception as exc:
        raise ModelFailed(
            f"the adapter in {folder} does not fit this model ({_first_line(exc)}); use one trained on the same base"
        ) from exc


def _quantization(weights: Weights, device: str) -> Any:
    import torch
    import transformers

    config: Any = transformers.BitsAndBytesConfig
    if find_spec("bitsandbytes") is None:
        raise ModelMissing(f"{weights} needs bitsandbytes; run: pip install bitsandbytes accelerate")
    if weights is Weights.INT8:
        return config(load_in_8bit=True)
    return config(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=_dtype(best_weights(device), device) if device == "cuda" else torch.bfloat16,
    )


def _dtype(weights: Weights, device: str) -> Any:
    import torch

    if weights in (Weights.NF4, Weights.INT8):
        return _dtype(best_weights(device), device) if device == "cuda" else torch.bfloat16
    return {
        Weights.BFLOAT16: torch.bfloat16,
        Weights.FLOAT16: torch.float16,
        Weights.FLOAT32: torch.float32,
    }[weights]


def _place(device: str) -> Any:
    return 0 if device == "cuda" else device


def _first_line(exc: Exception) -> str:
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0][:200]
