"""The GPU memory of a model for one conversation, beside its estimate.

The conversation fills the whole context.
"""

from __future__ import annotations

from typing import Any

from benchmarks.models.measuring import clear, row


def memory_row(folder: str, model: Any, weights: str) -> None:
    """Answer a prompt that fills the context; compare memory with its estimate."""
    import torch

    from rag.chat_models.engines.transformers_engine import TransformersEngine
    from rag.chat_models.estimate import estimate
    from rag.chat_models.serving.protocol import GenerationRequest
    from rag.settings import ModelSettings

    context = min(8192, model.config.max_position_embeddings)
    settings = ModelSettings(name=folder, weights=weights, parallel_requests=1)
    expected = estimate(settings, context)
    clear()
    torch.cuda.reset_peak_memory_stats()
    engine = TransformersEngine(model, context, settings)
    held = torch.cuda.memory_allocated()
    ids = tuple((3 + 7 * at * at) % 4000 for at in range(context - 8))
    for _ in engine.submit(GenerationRequest(ids, 4)):
        pass
    free, total = torch.cuda.mem_get_info()
    taken = total - free
    row(
        measure=f"memory at {context:,} tokens", weights=weights, engine=engine.name,
        taken_gb=round(taken / 1e9, 2), estimated_gb=round(expected.total_bytes / 1e9, 2),
        off_percent=round(100 * (expected.total_bytes / taken - 1), 1),
        weights_gb=_both(model.get_memory_footprint(), expected.weight_bytes),
        before_reading_gb=_both(held, expected.weight_bytes + expected.kv_bytes),
        reading_gb=_both(torch.cuda.max_memory_allocated() - held, expected.activation_bytes),
        unused_and_runtime_gb=_both(taken - torch.cuda.max_memory_allocated(), expected.runtime_bytes),
    )  # fmt: skip
    engine.close()
    clear()


def _both(measured: int, expected: int) -> str:
    return f"{measured / 1e9:.2f} (estimated {expected / 1e9:.2f})"
