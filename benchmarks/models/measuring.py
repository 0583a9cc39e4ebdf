"""The tools of the GPU benchmark.

They are a model of random weights, the memory's bandwidth, a clock, and a printed row.
"""

from __future__ import annotations

import gc
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def copy_bandwidth() -> float:
    """Bytes read and written per second by a large copy on the device."""
    import torch

    source = torch.empty(2**30, dtype=torch.int8, device="cuda")
    target = torch.empty_like(source)
    seconds = timed(lambda: target.copy_(source))
    return 2 * source.numel() / seconds


def random_checkpoint(tiny: bool) -> Path:
    """A folder with a Llama 3 8B (or a small one of the same kind) of random weights."""
    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig

    folder = Path(tempfile.gettempdir()) / ("llama3-tiny-random" if tiny else "llama3-8b-random")
    if (folder / "config.json").exists():
        return folder
    sizes = (512, 1024, 4, 8, 2, 49152) if tiny else (4096, 14336, 32, 32, 8, 128256)
    config = LlamaConfig(
        hidden_size=sizes[0], intermediate_size=sizes[1], num_hidden_layers=sizes[2], num_attention_heads=sizes[3],
        num_key_value_heads=sizes[4], vocab_size=sizes[5], max_position_embeddings=8192,
        rope_parameters={"rope_type": "default", "rope_theta": 500000.0},
        bos_token_id=1, eos_token_id=2, dtype="bfloat16",
    )  # fmt: skip
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda"):
        model = AutoModelForCausalLM.from_config(config)
    torch.set_default_dtype(torch.float32)
    model.model.embed_tokens.weight.data *= (
        50  # else the layers drown the tokens, and every error grows from layer to layer
    )
    for block in model.model.layers:
        for weight in (block.self_attn.o_proj.weight, block.mlp.down_proj.weight):
            weight.data /= (2 * sizes[2]) ** 0.5
    started = time.perf_counter()
    model.save_pretrained(folder)
    row(step="random checkpoint saved", seconds=round(time.perf_counter() - started, 1))
    del model
    clear()
    return folder


def timed(action: Callable[[], Any], repeats: int = 20) -> float:
    """The median seconds of the action, the device waited for."""
    import torch

    action()
    seconds = []
    for _ in range(repeats):
        torch.cuda.synchronize()
        started = time.perf_counter()
        action()
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def clear() -> None:
    """Give device memory back."""
    import torch

    gc.collect()
    torch.cuda.empty_cache()


def row(**values: Any) -> None:
    """Print one measurement."""
    print(json.dumps(values), flush=True)


def resident_bytes() -> int:
    """The memory of this process."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def has_cuda() -> bool:
    """Return whether the GPU part can run."""
    import torch

    return bool(torch.cuda.is_available())
