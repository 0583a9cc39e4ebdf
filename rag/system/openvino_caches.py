"""Bounds on what OpenVINO keeps for inputs of every form that it has met.

It prepares its operations for each number of rows and columns, and keeps up to 5,000 of them for each network;
oneDNN below it keeps 1,024. Questions and passages come in hundreds of forms, so the memory of a server grew
for thousands of questions.
"""

from __future__ import annotations

import os
from typing import Any

_KEPT_OPERATIONS = 64
"""Prepared operations that are kept; the layers of a network share theirs.

Source: the evidence scorer on 150 batches of different forms, two cores: 481 MB and no more from 100 on, where
the defaults took 582 MB and went on; the time of the processor was the same (17 s). With 24 it took a quarter more.
"""


def bound_onednn() -> None:
    """Bound what oneDNN keeps in this process; call it before OpenVINO is imported."""
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(_KEPT_OPERATIONS))


def with_bound(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a network on the CPU, with a bound on what it keeps."""
    return {**options, "CPU_RUNTIME_CACHE_CAPACITY": str(_KEPT_OPERATIONS)}
