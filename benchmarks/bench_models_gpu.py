"""Llama 3 8B on a GPU: Lectern's nf4 decoder beside plain `generate`, the same checkpoint, the same run.

The weights are random (speed and memory do not depend on their values) and of the model's real shape. Printed: first token, decode speed
beside what the memory's bandwidth allows, 32 conversations at once, and how far the logits of each stand from bf16's.
`--tiny` runs the same code with a small model, to try it out; without CUDA nothing is measured.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

PROMPT_TOKENS, NEW_TOKENS, CONVERSATIONS = 1500, 128, 32


def main() -> None:
    """Run and print one JSON line a measurement."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--sweep", action="store_true", help="time several shapes of the 4-bit kernels")
    parser.add_argument("--skip-plain", action="store_true", help="leave out plain generate")
    arguments = parser.parse_args()
    import torch

    if not torch.cuda.is_available():
        sys.exit("no CUDA device: the GPU part of the benchmark was not run")
    from rag.chat_models.transformers_loading import Weights, load_causal_model

    bandwidth = copy_bandwidth()
    row(device=torch.cuda.get_device_name(), torch=torch.__version__, copy_tb_s=round(bandwidth / 1e12, 2))
    checkpoint = random_checkpoint(arguments.tiny)
    prompt = torch.randint(0, 1000, (1, PROMPT_TOKENS), generator=torch.Generator().manual_seed(1)).cuda()
    with torch.inference_mode():
        dense = load_causal_model(str(checkpoint), Weights.BFLOAT16)
        reference = dense(prompt[:, :256]).logits[0].float()
        if not arguments.skip_plain:
            plain(dense, "bf16 plain generate", prompt, bandwidth)
        del dense
        clear()
        nf4 = load_causal_model(str(checkpoint), Weights.NF4)
        if arguments.sweep:
            sweep(nf4, bandwidth)
        if not arguments.skip_plain:
            plain(nf4, "nf4 plain generate", prompt, bandwidth)
        plain_logits = nf4(prompt[:, :256]).logits[0].float()
        row(measure="logits error against bf16", model="nf4 plain", **error(plain_logits, reference))
        ours(nf4, prompt, reference, bandwidth)


def ours(model: Any, prompt: Any, reference: Any, bandwidth: float) -> None:
    """Lectern's engine: decode steps against the reference, one conversation, its second turn, many at once."""
    from rag.chat_models.generation import GenerationRequest
    from rag.chat_models.transformers_engine import TransformersEngine

    started = time.perf_counter()
    engine = TransformersEngine(model, PROMPT_TOKENS + 548, 64)
    row(model=engine.name, prepare_s=round(time.perf_counter() - started, 2), slots=engine._steps.slots)
    row(
        measure="logits error against bf16",
        model="nf4 Lectern decode",
        **stepped_error(engine._steps, prompt, reference),
    )
    ids = prompt[0].tolist()

    def run(prompts: list[list[int]]) -> list[list[float]]:
        times: list[list[float]] = [[] for _ in prompts]
        generations = [engine.submit(GenerationRequest(tuple(one), NEW_TOKENS)) for one in prompts]

        def follow(number: int) -> None:
            for batch in generations[number]:
                times[number].extend([time.perf_counter()] * len(batch.ids))

        threads = [threading.Thread(target=follow, args=(number,)) for number in range(len(prompts))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return times

    def fresh(seed: int) -> list[int]:
        return [seed % 1000, *ids[1:]]

    run([fresh(900)])
    single, firsts = [], []
    for seed in range(3):
        started = time.perf_counter()
        (times,) = run([fresh(100 + seed)])
        firsts.append(times[0] - started)
        single.append((len(times) - 1) / (times[-1] - times[0]))
    started = time.perf_counter()
    (again,) = run([[*fresh(102), *([7] * 32)]])
    speed = statistics.median(single)
    row(
        model="nf4 Lectern", first_token_s=round(statistics.median(firsts), 4), decode_tok_s=round(speed, 1),
        limit_tok_s=round(bandwidth / step_bytes(model)), second_turn_first_token_s=round(again[0] - started, 4),
    )  # fmt: skip
    run([fresh(300 + number) for number in range(CONVERSATIONS)])
    started = time.perf_counter()
    times = run([fresh(400 + number) for number in range(CONVERSATIONS)])
    latest_first, end = max(one[0] for one in times), max(one[-1] for one in times)
    together = sum(sum(1 for at in one if at > latest_first) for one in times) / (
        min(one[-1] for one in times) - latest_first
    )
    total = sum(len(one) for one in times) / (end - started)
    row(
        model=f"nf4 Lectern, {CONVERSATIONS} conversations", decode_tok_s=round(together, 1),
        times_of_one=round(together / speed, 1), with_prompts_tok_s=round(total, 1),
    )  # fmt: skip
    steps(engine._steps)
    engine.close()


def steps(model: Any) -> None:
    """Milliseconds of one decode step by the number of conversations, each at 1,500 tokens."""
    for count in (1, 2, 4, 8, 16, 32):
        if count > model.slots:
            continue
        step = partial(model.step, list(range(count)), [5] * count, [PROMPT_TOKENS] * count)
        seconds = timed(step)
        row(
            measure="one decode step",
            conversations=count,
            ms=round(seconds * 1000, 3),
            tok_s=round(count / seconds),
        )


def stepped_error(model: Any, prompt: Any, reference: Any) -> dict[str, float]:
    """The error of logits made step by step: two conversations at once, then one, over the same tokens."""
    import torch

    ids = prompt[0].tolist()
    for slot in (0, 1):
        model.read(slot, ids[:128], 0)
    both = [model.step([0, 1], [ids[at]] * 2, [at] * 2)[1].float() for at in range(128, 192)]
    one = [model.step([0], [ids[at]], [at])[0].float() for at in range(192, 256)]
    return error(torch.stack(both + one), reference[128:256])


def error(logits: Any, reference: Any) -> dict[str, float]:
    """Relative error of the logits and how often the best token is the same, over the last 128 positions."""
    ours_, theirs = logits[-128:], reference[-128:]
    relative = (ours_ - theirs).norm() / theirs.norm()
    return {
        "relative_error": round(float(relative), 5),
        "same_best": round(float((ours_.argmax(-1) == theirs.argmax(-1)).float().mean()), 3),
    }


def plain(model: Any, name: str, prompt: Any, bandwidth: float) -> None:
    """Plain `generate`: first token and decode speed."""
    options = {"do_sample": False, "pad_token_id": 0}

    def generate(tokens: int) -> float:
        return timed(
            lambda: model.generate(prompt, min_new_tokens=tokens, max_new_tokens=tokens, **options), 3
        )

    generate(8)
    first, half, whole = generate(1), generate(NEW_TOKENS // 2), generate(NEW_TOKENS)
    speed = (NEW_TOKENS - NEW_TOKENS // 2) / (whole - half)
    row(
        model=name, first_token_s=round(first, 4), decode_tok_s=round(speed, 1),
        limit_tok_s=round(bandwidth / step_bytes(model)), weights_gb=round(model.get_memory_footprint() / 1e9, 2),
    )  # fmt: skip


def sweep(model: Any, bandwidth: float) -> None:
    """Gigabytes per second of the 4-bit kernels by shape, on the model's own layers, rotated so that no cache holds them."""
    import torch

    from rag.chat_models import nf4_kernels
    from rag.chat_models.cuda_llama import FourBitWeight

    for part in ("o_proj", "gate_up", "down_proj"):
        weights = [
            FourBitWeight(_modules(block, part), keep_dense=False) for block in model.model.layers[:16]
        ]
        size = sum(weight.packed.numel() + weight.scales.numel() * 4 for weight in weights)
        x = torch.randn(1, weights[0].packed.shape[1] * 2, device="cuda", dtype=torch.bfloat16)
        kept, speeds = nf4_kernels.PRODUCT_SHAPE, {}
        for shape in SHAPES:
            nf4_kernels.PRODUCT_SHAPE = shape
            speeds[shape] = round(size / graph_timed(partial(_multiply_all, weights, x)) / 1e9)
        nf4_kernels.PRODUCT_SHAPE = kept
        best = sorted(speeds.items(), key=lambda pair: -pair[1])
        row(sweep=part, limit_gb_s=round(bandwidth / 1e9), gb_s=best)


def _modules(block: Any, part: str) -> list[Any]:
    if part == "gate_up":
        return [block.mlp.gate_proj, block.mlp.up_proj]
    return [block.self_attn.o_proj if part == "o_proj" else block.mlp.down_proj]


def _multiply_all(weights: list[Any], x: Any) -> None:
    for weight in weights:
        weight(x)


SHAPES = [
    (1, 8, 1),
    (2, 4, 1),
    (2, 8, 1),
    (2, 8, 2),
    (4, 4, 1),
    (4, 8, 1),
    (4, 8, 2),
    (4, 16, 2),
    (8, 4, 1),
    (8, 8, 2),
    (8, 8, 1),
    (16, 8, 2),
]


def graph_timed(action: Callable[[], Any]) -> float:
    """Seconds of one replay of the action as a CUDA graph."""
    import torch

    action()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        action()
    return timed(graph.replay, 10)


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


def step_bytes(model: Any) -> int:
    """The bytes of weights that a decode step reads: all but the input embedding."""
    return int(model.get_memory_footprint() - model.get_input_embeddings().weight.numel() * 2)


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
    sizes = (512, 1024, 4, 8, 2, 4096) if tiny else (4096, 14336, 32, 32, 8, 128256)
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
    for (
        block
    ) in model.model.layers:  # as initialised for training: else every error is blown up from layer to layer
        for weight in (block.self_attn.o_proj.weight, block.mlp.down_proj.weight):
            weight.data /= (2 * sizes[2]) ** 0.5
    started = time.perf_counter()
    model.save_pretrained(folder)
    row(step="random checkpoint saved", seconds=round(time.perf_counter() - started, 1))
    del model
    clear()
    return folder


def clear() -> None:
    """Give device memory back."""
    import torch

    gc.collect()
    torch.cuda.empty_cache()


def row(**values: Any) -> None:
    """Print one measurement."""
    print(json.dumps(values), flush=True)


if __name__ == "__main__":
    main()
