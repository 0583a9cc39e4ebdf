"""A file of safetensors mapped into memory: weights are read when they are used.

Source: the format's description, https://huggingface.co/docs/safetensors.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.json_text import parse_json

_LENGTH_BYTES = 8
_MOST_HEADER_BYTES = 100_000_000
"""The limit of the format."""


@dataclass(frozen=True, slots=True)
class TensorPlace:
    """The place of a tensor in its file, in bytes from the start of the file."""

    kind: str
    shape: tuple[int, ...]
    start: int
    end: int


def tensor_places(file: Path) -> dict[str, TensorPlace]:
    """Return the place of every tensor of a file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is cut short or no file of safetensors.
    """
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(_LENGTH_BYTES), "little")
        if length > _MOST_HEADER_BYTES:
            raise ValueError(f"{file.name} is no file of safetensors")
        header = parse_json(stream.read(length))
    begin, size = _LENGTH_BYTES + length, file.stat().st_size
    try:
        places = {
            name: TensorPlace(
                entry["dtype"], tuple(entry["shape"]), *(begin + at for at in entry["data_offsets"])
            )
            for name, entry in header.items()
            if name != "__metadata__"
        }
    except (AttributeError, KeyError, TypeError) as exc:
        raise ValueError(f"{file.name} is no file of safetensors ({exc!r})") from exc
    if any(place.end > size for place in places.values()):
        raise ValueError(f"{file.name} is cut short: it has {size:,} bytes")
    return places


def mapped_tensors(file: Path) -> dict[str, NDArray[np.float32]]:
    """Return the float32 tensors of a file by name, mapped into memory.

    Raises:
        OSError, ValueError: see `tensor_places`.
    """
    # Copy on write, because OpenVINO takes only arrays that could be written to. Nothing writes to them.
    data: NDArray[Any] = np.memmap(file, np.uint8, "c")
    return {
        name: data[place.start : place.end].view(np.float32).reshape(place.shape)
        for name, place in tensor_places(file).items()
        if place.kind == "F32"
    }
