"""The instructions that look nf4 codes up, carried out here step by step: a machine without a GPU can run them no other way."""

from __future__ import annotations

import re

import pytest

LEVELS = (
    -1.0, -0.6962, -0.5251, -0.3949, -0.2844, -0.1848, -0.0911, 0.0, 0.0796, 0.1609, 0.2461, 0.3379, 0.4407, 0.5626, 0.723, 1.0,
)  # fmt: skip
BITS = 0xFFFFFFFF


def byte_of(number: int, at: int) -> int:
    return number >> 8 * at & 0xFF


def permuted(low: int, high: int, selector: int) -> int:
    """`prmt.b32` in its default mode (PTX ISA): the bit of value 8 of a selector would repeat a sign, which is not wanted here."""
    found = 0
    for at in range(4):
        chosen = selector >> 4 * at & 0xF
        assert chosen < 8
        found |= byte_of(high << 32 | low, chosen) << 8 * at
    return found


def carried_out(instructions: str, codes: int) -> list[int]:
    """The registers $0 to $3 after the instructions, with $4 holding the codes."""
    held = {"$4": codes}
    operations = {
        "and.b32": lambda a, b: a & b,
        "or.b32": lambda a, b: a | b,
        "shr.u32": lambda a, b: a >> b,
        "prmt.b32": permuted,
    }
    for name, operands in re.findall(r"^(\w+\.[bu]32) (.*);$", instructions, re.MULTILINE):
        into, *read = operands.split(", ")
        held[into] = operations[name](*(held[one] if one in held else int(one, 0) for one in read)) & BITS
    return [held[f"${at}"] for at in range(4)]


@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_every_pair_of_codes_is_looked_up_exactly(name: str) -> None:
    pytest.importorskip("triton")
    import torch

    from rag.chat_models.cuda.nf4_matmul import decoding_of

    levels = tuple(torch.tensor(LEVELS, dtype=getattr(torch, name)).view(torch.int16).tolist())
    for first in range(256):
        four = [first, 255 - first, first ^ 0x5A, first * 7 % 256]
        codes = sum(byte << 8 * at for at, byte in enumerate(four))
        found = carried_out(decoding_of(levels), codes)
        for at, byte in enumerate(four):
            high, low = (found[offset + at // 2] >> 16 * (at % 2) & 0xFFFF for offset in (0, 2))
            assert (high, low) == (levels[byte >> 4] & 0xFFFF, levels[byte & 15] & 0xFFFF)
