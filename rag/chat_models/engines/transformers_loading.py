"""A Hugging Face model from an id or a folder, loaded for this machine.

It sets nf4 properly (transformers' own defaults are fp4 and float32 arithmetic), swaps adapters on a loaded
base, and explains gated, missing and damaged models. Weights come from safetensors only; code that comes with
a model is never run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.chat_models.presets import PRESETS
from rag.errors import LecternError, ModelFailed, ModelMissing, ModelTooLarge
from rag.extras import adding, is_installed

if TYPE_CHECKING:
    pass


class Weights(StrEnum):
    """The types in which a model's weights can be loaded."""

    AUTO = "auto"
    NF4 = "nf4"
    INT8 = "int8"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"
    FLOAT32 = "float32"


def best_device() -> str:
    """Return the device to run on: `cuda`, `mps` or `cpu`.

    Without torch it is `cpu`.
    """
    if not is_installed("torch"):
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def best_weights(device: str) -> Weights:
    """Return the floating-point type that is fast on a device.

    That is bfloat16 where the hardware has it.
    """
    if device == "cuda":
        import torch

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
    """Return the error for an exception while a model was loaded, in one sentence.

    The hub's own errors are searched among the causes, because transformers wraps them; their text is not
    interpreted.
    """
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    causes = _causes(exc)
    damaged = any(type(cause).__name__ == "SafetensorError" for cause in causes)
    if Path(source).is_dir():
        if damaged:
            return _damaged(source, exc)
        return ModelFailed(
            f"the model in {source} cannot be loaded ({first_line(exc)}); a folder with config.json, a tokenizer and safetensors weights is needed"
        )
    hub = next((cause for cause in causes if isinstance(cause, HfHubHTTPError)), None)
    status = getattr(getattr(hub, "response", None), "status_code", 0)
    if isinstance(hub, GatedRepoError) or (
        status in (401, 403) and not isinstance(hub, RepositoryNotFoundError)
    ):
        return ModelMissing(f"access to {source} is not granted on this machine: {_how_to_get(source)}")
    if isinstance(hub, RepositoryNotFoundError):
        return ModelMissing(
            f"Hugging Face has no model {source}, or shows it only to those it lets in: check the name, run `hf auth login` "
            "if it is private, or pass the folder of a copy"
        )
    if isinstance(exc, (OSError, ValueError)) and not damaged:
        return ModelMissing(
            f"{source} is not on this machine and could not be fetched: {_how_to_get(source)}"
        )
    return _damaged(source, exc)


def _causes(exc: BaseException | None) -> list[BaseException]:
    """The error and what it was raised from, outermost first."""
    found: list[BaseException] = []
    while exc is not None and exc not in found:
        found.append(exc)
        exc = exc.__cause__ or exc.__context__
    return found


def _how_to_get(source: str) -> str:
    otherwise = "or pass the folder of a copy or the path of a GGUF file"
    if any(preset.gated and preset.source == source for preset in PRESETS):
        return (
            f"accept its licence at https://huggingface.co/{source}, run `hf auth login` and `hf download {source}` where there is "
            f"a network, {otherwise}"
        )
    return f"run `hf download {source}` where there is a network, {otherwise}"


def _damaged(source: str, exc: Exception) -> ModelFailed:
    return ModelFailed(f"the files of {source} are damaged ({first_line(exc)}); download or copy them again")


@contextmanager
def memory_errors_named(what: str) -> Iterator[None]:
    """Turn a device's out-of-memory error into a sentence about `what`.

    Raises:
        ModelTooLarge: in the body the device's memory ran out.
    """
    import torch

    try:
        yield
    except torch.OutOfMemoryError as exc:
        raise ModelTooLarge(
            f"{what} does not fit the memory that is left on this device; lower model.context_tokens or model.parallel_requests, "
            "or choose nf4 (model.weights)"
        ) from exc


def _quantization(weights: Weights, device: str) -> Any:
    import torch
    import transformers

    config: Any = transformers.BitsAndBytesConfig
    if find_spec("bitsandbytes") is None:
        raise ModelMissing(f"{weights} needs bitsandbytes; add it with: {adding('finetune')}")
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


def first_line(exc: Exception) -> str:
    """Return the first line of an error, shortened for a message."""
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0][:200]
