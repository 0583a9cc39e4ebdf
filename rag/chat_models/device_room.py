"""The memory of a device: how much is free, and for how many conversations that of a GPU has room once the weights are on it."""

from __future__ import annotations

from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
MOST_CONVERSATIONS = 32
SPARE_BYTES = 3_000_000_000
"""Left for reading prompts (activations, logits, dequantized layers)."""


def conversations(free_bytes: int, each_bytes: int, wished: int = 0) -> int:
    """For how many conversations at once there is room: at most as many as wished (0: as can be), at least one."""
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
    """What a container may still take: its limit less what it holds, files that can be dropped not counted."""
    try:
        limit = int((group / "memory.max").read_text())
        held = int((group / "memory.current").read_text())
        told = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        return max(0, limit - held + int(told.get("inactive_file", 0)))
    except (OSError, ValueError):  # no such file, or "max": there is no limit
        return otherwise
