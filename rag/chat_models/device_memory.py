"""Free memory of a device, and the number of conversations that it can serve."""

from __future__ import annotations

from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
MOST_CONVERSATIONS = 32
"""The rows that the 4-bit product computes at once (`MOST_ROWS` of `nf4_matmul`)."""
SPARE_BYTES = 3_000_000_000
"""Left for reading prompts (activations, logits, dequantized layers)."""


def conversations(free_bytes: int, each_bytes: int, wished: int = 0) -> int:
    """Return the number of conversations at once that the free memory allows.

    It is at most `wished` (0: as many as possible) and at least one.
    """
    return max(1, min(wished or MOST_CONVERSATIONS, (free_bytes - SPARE_BYTES) // each_bytes))


def free_bytes(device: str) -> int:
    """The memory free for a model on a device."""
    if device == "cuda":
        import torch

        return int(torch.cuda.mem_get_info()[0])
    import psutil

    available = int(psutil.virtual_memory().available)
    return min(available, _left_to_the_container(_CGROUP, available))


def _left_to_the_container(group: Path, otherwise: int) -> int:
    """Return the bytes that a container may still use.

    That is its limit less its current use, without file cache that can be dropped.
    """
    try:
        limit = int((group / "memory.max").read_text())
        held = int((group / "memory.current").read_text())
        told = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        return max(0, limit - held + int(told.get("inactive_file", 0)))
    except (OSError, ValueError):  # no such file, or "max": there is no limit
        return otherwise
