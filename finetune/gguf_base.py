"""Base models from GGUF files, as transformers and bitsandbytes can load them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any


def located(where: str) -> tuple[tuple[str, ...], dict[str, Any]]:
    path = Path(where)
    if path.suffix == ".gguf":
        return (str(path.parent),), {"gguf_file": path.name}
    return (where,), {}


def gguf_config() -> Any:
    """Return options for plain weights from a GGUF file, or None.

    Releases of transformers before 5.2x always give plain weights.
    """
    try:
        from transformers import GgufConfig
    except ImportError:
        return None
    return GgufConfig(dequantize=True)


@contextmanager
def read_once() -> Iterator[None]:
    """Let transformers read a GGUF file and name its tensors once.

    It reads the file for the configuration and again for the weights, and makes the map of names for every
    module of the model: with thirty layers that takes thirteen seconds.
    """
    import gguf

    names = vars(gguf)
    made = {name: names[name] for name in ("GGUFReader", "get_tensor_name_map")}
    names.update({name: cache(call) for name, call in made.items()})
    try:
        yield
    finally:
        names.update(made)


def dequantized(where: str) -> str:
    """Return a safetensors copy of a GGUF model in the model cache.

    bitsandbytes quantizes only what it loads from safetensors.
    """
    from rag.chat_models.files.model_cache import cached_folder, content_hash

    def build(folder: Path) -> None:
        import torch
        from transformers import AutoModelForCausalLM

        arguments, options = located(where)
        with read_once():
            model = AutoModelForCausalLM.from_pretrained(
                *arguments, **options, dtype=torch.bfloat16, quantization_config=gguf_config()
            )
        model.save_pretrained(folder)

    return str(cached_folder(f"dequantized-{content_hash(Path(where))}", build))


def saved_tokenizer(where: str) -> str:
    """Return the tokenizer of a GGUF file as a folder in the model cache.

    Reading it from the file takes seconds each time.
    """
    from rag.chat_models.files.model_cache import cached_folder, content_hash

    def build(folder: Path) -> None:
        from transformers import AutoTokenizer

        AutoTokenizer.from_pretrained(*located(where)[0], **located(where)[1]).save_pretrained(folder)

    return str(cached_folder(f"tokenizer-{content_hash(Path(where))}", build))
