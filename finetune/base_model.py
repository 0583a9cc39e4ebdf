"""The base model of a run, with a LoRA adapter on top.

It is read from a GGUF file, a folder or a hub, in 4 bits if asked.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from finetune.gguf_base import dequantized, gguf_config, located, read_once, saved_tokenizer
from finetune.recipe import LoraPart, ModelPart, Quantization
from finetune.requirements import ask_hub, is_hub_id, require_packages, unreachable
from rag.chat_models.files.lora_adapter import CONFIG_NAME
from rag.chat_models.files.model_shape import downloaded_file
from rag.errors import ModelMissing, TrainingError


@dataclass(frozen=True, slots=True)
class Base:
    """A base model with its tokenizer.

    `identity` is a name and a content hash for the adapter's manifest.
    """

    model: Any
    tokenizer: Any
    identity: dict[str, str]


def base_path(base: str) -> str:
    """The file, folder or id behind a recipe's `base`.

    Raises:
        ModelMissing: the embedded model's package is not installed.
    """
    if base != "embedded":
        return base
    from rag.chat_models.embedded import embedded_gguf

    return str(embedded_gguf())


def load_tokenizer(base: str) -> Any:
    """The tokenizer of a base model, padding on the right.

    Raises:
        ModelMissing: nothing there, or access was not granted.
    """
    require_packages("torch", "transformers")
    from transformers import AutoTokenizer

    where = base_path(base)
    _require_model(where)
    try:
        folder = saved_tokenizer(where) if where.endswith(".gguf") else where
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError) as exc:
        raise ModelMissing(_not_there(where, exc)) from exc
    tokenizer.padding_side = "right"
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_base(part: ModelPart, *, bfloat16: bool, attention: str = "sdpa", device: str | None = None) -> Base:
    """Return the base model, ready for an adapter, on `device`.

    By default that is this process's GPU or the CPU. If accelerate shards the weights among processes (FSDP),
    the model stays on the CPU, in the first process with its weights and in the others without: a model that
    needs several GPUs must never be whole on one.

    Raises:
        ModelMissing: nothing there, or access was not granted.
        TrainingError: 4-bit weights cannot be shared out among processes.
    """
    import torch
    from transformers import AutoModelForCausalLM

    where = base_path(part.base)
    _require_model(where)
    arguments, options = located(where)
    dtype = torch.bfloat16 if bfloat16 else torch.float32
    options |= {"dtype": dtype, "attn_implementation": attention}
    if weights_are_shared_out():
        if part.quantization is Quantization.NF4:
            raise TrainingError(
                'FSDP cannot share out weights in nf4. Set model.quantization = "none", or launch with accelerate-ddp.yaml.'
            )
    else:
        options["device_map"] = {"": device or local_device()}
    if part.quantization is Quantization.NF4:
        options["quantization_config"] = nf4_config(dtype)
        if where.endswith(".gguf"):
            arguments, options = (
                (dequantized(where),),
                {k: v for k, v in options.items() if k != "gguf_file"},
            )
    elif where.endswith(".gguf"):
        options["quantization_config"] = gguf_config()
    try:
        with read_once():
            model = AutoModelForCausalLM.from_pretrained(
                *arguments, **{k: v for k, v in options.items() if v is not None}
            )
    except (OSError, ValueError) as exc:
        raise ModelMissing(_not_there(where, exc)) from exc
    return Base(model, load_tokenizer(part.base), identity(where))


def weights_are_shared_out() -> bool:
    """Return whether this process was launched with FSDP.

    That is `accelerate launch --config_file finetune/accelerate-fsdp.yaml`.
    """
    from accelerate.utils import parse_flag_from_env

    return bool(parse_flag_from_env("ACCELERATE_USE_FSDP"))


def local_device() -> str:
    """`cuda:N` of this process (N by torchrun or accelerate), else `cpu`."""
    import os

    import torch

    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else "cpu"


def nf4_config(dtype: Any) -> Any:
    """4-bit NormalFloat with double quantization, arithmetic in `dtype`. Source: Dettmers et al. 2023 (QLoRA)."""
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(  # type: ignore[no-untyped-call]  # transformers leaves it untyped
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )


def lora_config(part: LoraPart) -> Any:
    """The adapter's shape for PEFT."""
    from peft import LoraConfig

    targets = (
        part.targets if part.targets == "all-linear" else [name.strip() for name in part.targets.split(",")]
    )
    return LoraConfig(
        r=part.rank,
        lora_alpha=part.alpha,
        lora_dropout=part.dropout,
        target_modules=targets,
        task_type="CAUSAL_LM",
    )


def continued(base: Base, start: str) -> Base:
    """Return the base with the adapter of an earlier run on it, to be trained further.

    Raises:
        ModelMissing: the folder has no adapter.
    """
    if not (Path(start) / CONFIG_NAME).is_file():
        raise ModelMissing(
            f"{start} has no {CONFIG_NAME}. Set lora.start to an adapter folder, or to nothing."
        )
    return Base(with_adapter(base.model, Path(start), trainable=True), base.tokenizer, base.identity)


def with_adapter(model: Any, adapter: Path, *, trainable: bool = False) -> Any:
    """The model with the adapter of a folder on it.

    Raises:
        TrainingError: the adapter is damaged, or made for a base of another shape.
    """
    require_packages("peft")
    import torch
    from peft import PeftModel
    from safetensors import SafetensorError

    try:
        return PeftModel.from_pretrained(model, adapter, is_trainable=trainable)
    except torch.OutOfMemoryError:
        raise
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, SafetensorError) as exc:
        raise TrainingError(
            f"The adapter in {adapter} does not fit the base model or is damaged ({_reason(exc)}). "
            "Give the base it was trained on, or train it again."
        ) from exc


def load_merged(base: str, adapter: Path | None, *, bfloat16: bool, device: str | None = None) -> Base:
    """Return the base model with an adapter, if one is given, merged into its weights.

    Nothing of PEFT runs in its forward pass.

    Raises:
        ModelMissing: the base is not there, or access was not granted.
        TrainingError: the adapter is damaged, or made for a base of another shape.
    """
    loaded = load_base(ModelPart(base=base), bfloat16=bfloat16, device=device)
    if adapter is None:
        return loaded
    return replace(loaded, model=with_adapter(loaded.model, adapter).merge_and_unload())


def identity(where: str) -> dict[str, str]:
    """Return the name and the content hash of a base for an adapter's manifest."""
    return {"name": Path(where).name, "blake2b": fingerprint(where)}


def fingerprint(where: str) -> str:
    """Return a content hash of a base: of its file or of its folder's safetensors.

    It is empty for an id of a hub.
    """
    path = Path(where)
    files = [path] if path.is_file() else sorted(path.glob("*.safetensors")) if path.is_dir() else []
    digest = hashlib.blake2b(digest_size=16)
    for file in files:
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest() if files else ""


def _require_model(where: str) -> None:
    """Ask the hub for a model that is not on this machine.

    Raises:
        ModelMissing: the hub cannot be reached.
    """
    if not is_hub_id(where) or downloaded_file(where, "config.json"):
        return
    if not ask_hub(where):
        raise ModelMissing(
            f"The base model {unreachable(where)}. Give a folder with its weights, a GGUF file, or `embedded`."
        )


def _not_there(where: str, exc: Exception) -> str:
    return (
        f"The base model {where!r} cannot be opened: {_reason(exc)}. Give a folder with its weights, a GGUF file, or `embedded`; "
        "for a gated model of a hub accept its terms and log in first."
    )


def _reason(exc: Exception) -> str:
    """Return another library's error in one line.

    It is the first line, with the next one if the first only announces a list.
    """
    lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
    first = lines[0] if lines else type(exc).__name__
    return (f"{first} {lines[1]}" if first.endswith(":") and len(lines) > 1 else first).rstrip(".:")
