"""What this machine was measured to be good at."""

from __future__ import annotations

from enum import StrEnum


class Precision(StrEnum):
    """Arithmetic of a network; the values are torch's names."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
