"""The model that is tuned: read from a GGUF file, a folder or a hub, in 4 bits if asked, with a LoRA adapter on top."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from finetune.recipe import LoraPart, ModelPart, Quantization
from rag.chat_models.lora_adapter import CONFIG_NAME
from rag.errors import ModelMissing, TrainingError


@dataclass(frozen=True, slots=True)
class Base:
    """A base model with its tokenizer; `identity` is a name and a content hash for the adapter's manifest."""

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
    from transformers import AutoTokenizer

    where = base_path(base)
    try:
        folder = _saved_tokenizer(where) if where.endswith(".gguf") else where
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError) as exc:
        raise ModelMissing(_not_there(where, exc)) from exc
    tokenizer.padding_side = "right"
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_base(part: ModelPart, *, bfloat16: bool, attention: str = "sdpa", device: str | None = None) -> Base:
    """The base model, ready to carry an adapter: on `device`, by default this process's GPU or the CPU.

    Where accelerate shares the weights out among processes (FSDP) it is left on the CPU, in the first process with its
    weights and in the others without: a model that needs several GPUs must never lie whole on one.

    Raises:
        ModelMissing: nothing there, or access was not granted.
        TrainingError: 4-bit weights cannot be shared out among processes.
    """
    import torch
    from transformers import AutoModelForCausalLM

    where = base_path(part.base)
    arguments, options = _located(where)
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
                (_dequantized(where),),
                {k: v for k, v in options.items() if k != "gguf_file"},
            )
    elif where.endswith(".gguf"):
        options["quantization_config"] = _gguf_config()
    try:
        model = AutoModelForCausalLM.from_pretrained(
            *arguments, **{k: v for k, v in options.items() if v is not None}
        )
    except (OSError, ValueError) as exc:
        raise ModelMissing(_not_there(where, exc)) from exc
    return Base(model, load_tokenizer(part.base), identity(where))


def weights_are_shared_out() -> bool:
    """Whether this process was launched with FSDP (`accelerate launch --config_file finetune/accelerate-fsdp.yaml`)."""
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
    """The base with the adapter of an earlier run on it, ready to be trained further.

    Raises:
        ModelMissing: the folder holds no adapter.
    """
    if not (Path(start) / CONFIG_NAME).is_file():
        raise ModelMissing(
            f"{start} holds no {CONFIG_NAME}. Set lora.start to an adapter folder, or to nothing."
        )
    return Base(with_adapter(base.model, Path(start), trainable=True), base.tokenizer, base.identity)


def with_adapter(model: Any, adapter: Path, *, trainable: bool = False) -> Any:
    """The model with the adapter of a folder on it.

    Raises:
        TrainingError: the adapter is damaged, or made for a base of another shape.
    """
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
    """The base model with an adapter, if one is given, merged into its weights: nothing of PEFT is left to compute.

    Raises:
        ModelMissing: the base is not there, or access was not granted.
        TrainingError: the adapter is damaged, or made for a base of another shape.
    """
    loaded = load_base(ModelPart(base=base), bfloat16=bfloat16, device=device)
    if adapter is None:
        return loaded
    return replace(loaded, model=with_adapter(loaded.model, adapter).merge_and_unload())


def identity(where: str) -> dict[str, str]:
    """The name and the content hash of the base in a file, a folder or a hub, for an adapter's manifest."""
    return {"name": Path(where).name, "blake2b": fingerprint(where)}


def fingerprint(where: str) -> str:
    """A content hash of the base: of the file, or of the safetensors of a folder; empty for an id of a hub."""
    path = Path(where)
    files = [path] if path.is_file() else sorted(path.glob("*.safetensors")) if path.is_dir() else []
    digest = hashlib.blake2b(digest_size=16)
    for file in files:
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest() if files else ""


def _located(where: str) -> tuple[tuple[str, ...], dict[str, Any]]:
    path = Path(where)
    if path.suffix == ".gguf":
        return (str(path.parent),), {"gguf_file": path.name}
    return (where,), {}


def _gguf_config() -> Any:
    """Asks transformers for plain weights out of a GGUF file; releases before 5.2x always give those."""
    try:
        from transformers import GgufConfig
    except ImportError:
        return None
    return GgufConfig(dequantize=True)


def _dequantized(where: str) -> str:
    """A safetensors copy of a GGUF model, kept in the model cache: bitsandbytes quantizes only what it loads from one."""
    from rag.chat_models.model_cache import cached_folder, content_hash

    def build(folder: Path) -> None:
        import torch
        from transformers import AutoModelForCausalLM

        arguments, options = _located(where)
        model = AutoModelForCausalLM.from_pretrained(
            *arguments, **options, dtype=torch.bfloat16, quantization_config=_gguf_config()
        )
        model.save_pretrained(folder)

    return str(cached_folder(f"dequantized-{content_hash(Path(where))}", build))


def _saved_tokenizer(where: str) -> str:
    """The tokenizer of a GGUF file as a folder in the model cache: reading it out of the file takes seconds each time."""
    from rag.chat_models.model_cache import cached_folder, content_hash

    def build(folder: Path) -> None:
        from transformers import AutoTokenizer

        AutoTokenizer.from_pretrained(*_located(where)[0], **_located(where)[1]).save_pretrained(folder)

    return str(cached_folder(f"tokenizer-{content_hash(Path(where))}", build))


def _not_there(where: str, exc: Exception) -> str:
    return (
        f"The base model {where!r} cannot be opened: {_reason(exc)}. Give a folder with its weights, a GGUF file, or `embedded`; "
        "for a gated model of a hub accept its terms and log in first."
    )


def _reason(exc: Exception) -> str:
    """What another library's error says, in one line: the first, with the next one where it only announces a list."""
    lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
    first = lines[0] if lines else type(exc).__name__
    return (f"{first} {lines[1]}" if first.endswith(":") and len(lines) > 1 else first).rstrip(".:")
