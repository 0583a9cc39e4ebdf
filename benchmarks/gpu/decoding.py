"""Measurements of decoding on a GPU.

They are plain `generate`, one conversation, its second turn, many at once, and the 4-bit kernels by shape.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import Any

from benchmarks.models.measuring import row, timed

NEW_TOKENS, CONVERSATIONS, SHORT_TOKENS = 128, 32, 256


def alone_and_together(engine: Any, prompt: Any, references: dict[str, Any], bandwidth: float) -> None:
    """Measure decode steps, one conversation, its second turn, and many at once.

    The logits of the steps are compared with the reference logits.
    """
    row(model=engine.name, slots=engine._steps.slots)
    steps = stepped_logits(engine._steps, prompt)
    for name, reference in references.items():
        logits_beside(f"nf4 Lectern decode, {name}", steps, reference)
    ids = prompt[0].tolist()

    def fresh(seed: int) -> list[int]:
        return [seed % 1000, *ids[1:]]

    first, speed = alone(engine, fresh)
    started = time.perf_counter()
    (again,) = followed(engine, [[*fresh(102), *([7] * 32)]])
    row(
        model="nf4 Lectern", first_token_s=round(first, 4), decode_tok_s=round(speed, 1),
        limit_tok_s=round(bandwidth / step_bytes(engine._model)),
        second_turn_first_token_s=round(again[0] - started, 4),
    )  # fmt: skip
    many_at_once(engine, fresh, speed, bandwidth)
    short = partial(_shortened, fresh)
    many_at_once(engine, short, alone(engine, short)[1], bandwidth)
    step_times(engine, len(ids), bandwidth)


def _shortened(fresh: Callable[[int], list[int]], seed: int) -> list[int]:
    return fresh(seed)[:SHORT_TOKENS]


def alone(engine: Any, fresh: Callable[[int], list[int]]) -> tuple[float, float]:
    """Return seconds to the first token and tokens a second after it.

    Both are medians of three. One conversation runs.
    """
    followed(engine, [fresh(900)])
    speeds, firsts = [], []
    for seed in range(3):
        started = time.perf_counter()
        (times,) = followed(engine, [fresh(100 + seed)])
        firsts.append(times[0] - started)
        speeds.append((len(times) - 1) / (times[-1] - times[0]))
    return statistics.median(firsts), statistics.median(speeds)


def many_at_once(engine: Any, fresh: Callable[[int], list[int]], speed: float, bandwidth: float) -> None:
    """Measure tokens a second of many conversations, once all have begun and over all.

    `speed` is that of one conversation. The limit of the memory bandwidth is printed beside: with long
    prompts the KV cache of every conversation takes much of it, so that many conversations cannot be as many
    times faster than one whose step is near its own limit.
    """
    followed(engine, [fresh(300 + number) for number in range(CONVERSATIONS)])
    started = time.perf_counter()
    times = followed(engine, [fresh(400 + number) for number in range(CONVERSATIONS)])
    latest_first, end = max(one[0] for one in times), max(one[-1] for one in times)
    together = sum(sum(1 for at in one if at > latest_first) for one in times) / (
        min(one[-1] for one in times) - latest_first
    )
    total = sum(len(one) for one in times) / (end - started)
    context = len(fresh(0)) + NEW_TOKENS // 2
    one, many = (step_limit(engine._model, count, context, bandwidth) for count in (1, CONVERSATIONS))
    row(
        model=f"nf4 Lectern, {CONVERSATIONS} conversations", prompt_tokens=len(fresh(0)), one_tok_s=round(speed, 1),
        decode_tok_s=round(together, 1), times_of_one=round(together / speed, 1),
        with_prompts_tok_s=round(total, 1), limit_tok_s=round(CONVERSATIONS / many),
        limit_times_of_one=round(CONVERSATIONS * one / many, 1),
    )  # fmt: skip


def followed(
    engine: Any, prompts: Sequence[Sequence[int]], new_tokens: int = NEW_TOKENS
) -> list[list[float]]:
    """Return the times of each token of each prompt's answer, all asked at once."""
    from rag.chat_models.serving.protocol import GenerationRequest

    times: list[list[float]] = [[] for _ in prompts]
    generations = [engine.submit(GenerationRequest(tuple(one), new_tokens)) for one in prompts]

    def follow(number: int) -> None:
        for batch in generations[number]:
            times[number].extend([time.perf_counter()] * len(batch.ids))

    threads = [threading.Thread(target=follow, args=(number,)) for number in range(len(prompts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


def step_times(engine: Any, context: int, bandwidth: float) -> None:
    """Measure the milliseconds of one decode step, each beside its limit.

    They are by the number of conversations, and by the tokens that one conversation reads in it.
    """
    model = engine._steps
    for count in (1, 2, 4, 8, 16, 32):
        together = partial(model.step, list(range(count)), [5] * count, [context] * count)
        alone = partial(model.step, [0] * count, [5] * count, list(range(context, context + count)))
        seconds, own = timed(together), timed(alone)
        row(
            measure="one decode step",
            rows=count,
            conversations_ms=round(seconds * 1000, 3),
            conversations_limit_ms=round(step_limit(engine._model, count, context, bandwidth) * 1000, 3),
            tok_s=round(count / seconds),
            one_conversation_ms=round(own * 1000, 3),
            one_conversation_limit_ms=round(step_limit(engine._model, 1, context, bandwidth) * 1000, 3),
        )


def stepped_logits(model: Any, prompt: Any) -> Any:
    """Return logits at 128 positions, computed step by step over the same tokens.

    First two conversations run at once, then one.
    """
    import torch

    ids = prompt[0].tolist()
    for slot in (0, 1):
        model.read(slot, ids[:128], 0)
    both = [model.step([0, 1], [ids[at]] * 2, [at] * 2)[1].float() for at in range(128, 192)]
    one = [model.step([0], [ids[at]], [at])[0].float() for at in range(192, 256)]
    return torch.stack(both + one)


def logits_beside(name: str, logits: Any, reference: Any) -> None:
    """Print the relative error of the logits and how often the best token is the same.

    Only the last 128 positions count.
    """
    ours, theirs = logits[-128:].float().cpu(), reference[-128:].float().cpu()
    relative = (ours - theirs).norm() / theirs.norm()
    same = (ours.argmax(-1) == theirs.argmax(-1)).float().mean()
    row(
        measure="logits beside",
        of=name,
        relative_error=round(float(relative), 5),
        same_best=round(float(same), 3),
    )


def plain(model: Any, name: str, prompt: Any, bandwidth: float) -> None:
    """Plain `generate`: first token and decode speed."""
    options = {"do_sample": False, "pad_token_id": 0}

    def generate(tokens: int) -> float:
        return timed(
            lambda: model.generate(prompt, min_new_tokens=tokens, max_new_tokens=tokens, **options), 2
        )

    generate(8)
    first, half, whole = generate(1), generate(NEW_TOKENS // 2), generate(NEW_TOKENS)
    speed = (NEW_TOKENS - NEW_TOKENS // 2) / (whole - half)
    row(
        model=name, first_token_s=round(first, 4), decode_tok_s=round(speed, 1),
        limit_tok_s=round(bandwidth / step_bytes(model)), weights_gb=round(model.get_memory_footprint() / 1e9, 2),
    )  # fmt: skip


def kernel_sweep(model: Any, bandwidth: float) -> None:
    """Measure gigabytes per second of the 4-bit product by shape and rows.

    The model's own layers take turns, so that no cache has them.
    """
    import torch

    from rag.chat_models.cuda import nf4_matmul
    from rag.chat_models.cuda.linear_layers import FourBitWeight

    for part, rows in product(("qkv", "o_proj", "gate_up", "down_proj"), (1, 16, 32)):
        weights = [FourBitWeight(_modules(block, part)) for block in model.model.layers[:16]]
        size = sum(weight.packed.numel() + weight.scales.numel() * 4 for weight in weights)
        x = torch.randn(rows, weights[0].packed.shape[1] * 2, device="cuda", dtype=torch.bfloat16)
        computed, speeds = nf4_matmul.rows_computed(rows), {}
        kept = nf4_matmul.SHAPES[computed]
        for shape in MANY_ROWS if rows == nf4_matmul.MOST_ROWS else FEW_ROWS:
            nf4_matmul.SHAPES[computed] = shape
            speeds[shape] = round(size / graph_timed(partial(_multiply_all, weights, x)) / 1e9)
        nf4_matmul.SHAPES[computed] = kept
        best = sorted(speeds.items(), key=lambda pair: -pair[1])
        row(sweep=part, rows=rows, limit_gb_s=round(bandwidth / 1e9), gb_s=best)


def _modules(block: Any, part: str) -> list[Any]:
    if part == "qkv":
        return [block.self_attn.q_proj, block.self_attn.k_proj, block.self_attn.v_proj]
    if part == "gate_up":
        return [block.mlp.gate_proj, block.mlp.up_proj]
    return [block.self_attn.o_proj if part == "o_proj" else block.mlp.down_proj]


def _multiply_all(weights: list[Any], x: Any) -> None:
    for weight in weights:
        weight(x)


FEW_ROWS = list(product((32,), (1,), (3, 4), (1024, 2048))) + list(
    product((64,), (2,), (3, 4), (512, 1024, 2048))
)
MANY_ROWS = [
    (outputs, warps, *rest)
    for outputs, warps in ((64, 4), (128, 4), (256, 8))
    for rest in product((2, 3, 4), (256, 512, 1024))
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


def step_bytes(model: Any) -> int:
    """The bytes of weights that a decode step reads: all but the input embedding."""
    return int(model.get_memory_footprint() - model.get_input_embeddings().weight.numel() * 2)


def step_limit(model: Any, conversations: int, context: int, bandwidth: float) -> float:
    """Return the least seconds of a decode step.

    It reads the 4-bit weights once, and the keys and values of every conversation.
    """
    config = model.config
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    token_bytes = 2 * config.num_hidden_layers * config.num_key_value_heads * size * 2
    return (step_bytes(model) + conversations * context * token_bytes) / bandwidth
