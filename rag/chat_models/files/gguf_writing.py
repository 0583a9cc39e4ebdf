"""A GGUF file written from another one, with some of its tensors replaced.

The metadata is copied as bytes, which keeps every field's type and takes no time, however large the
vocabulary. Tensors are aligned as the format requires.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from rag.chat_models.files.gguf_header import (
    DEFAULT_ALIGNMENT_BYTES,
    MAGIC,
    METADATA_START,
    GgufHeader,
    TensorExtent,
)

Change = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""A tensor's weights (rows first) to new weights of the same shape."""


def rewrite(header: GgufHeader, target: Path, changes: Mapping[str, Change], weights: str) -> None:
    """Write the model of `header` to `target` with the named tensors changed.

    Changed tensors are stored as `weights`, the name of a type of `gguf.GGMLQuantizationType`: `Q8_0`, `F16`
    or `F32`.
    """
    from gguf import GGMLQuantizationType, LlamaFileType

    kind = GGMLQuantizationType[weights]
    file_type = LlamaFileType.ALL_F32 if weights == "F32" else LlamaFileType[f"MOSTLY_{weights}"]
    alignment = int(header.metadata.get("general.alignment", DEFAULT_ALIGNMENT_BYTES))
    source = np.memmap(header.path, np.uint8, "r")
    with target.open("wb") as file:
        file.write(struct.pack("<4sIQQ", MAGIC, 3, len(header.tensors), len(header.metadata)))
        file.write(_metadata(header, source, int(file_type)))
        _write_extents(file, header, set(changes), kind, alignment)
        for name, extent in header.tensors.items():
            file.write(b"\0" * (-file.tell() % alignment))
            raw = source[extent.start : extent.start + extent.size_bytes]
            if name in changes:
                raw = _changed(raw, extent, changes[name], kind)
            file.write(raw.tobytes())


def _metadata(header: GgufHeader, source: NDArray[np.uint8], file_type: int) -> bytes:
    raw = bytearray(source[METADATA_START : header.metadata_end].tobytes())
    if header.file_type_at:
        struct.pack_into("<I", raw, header.file_type_at - METADATA_START, file_type)
    return bytes(raw)


def _write_extents(file: BinaryIO, header: GgufHeader, changed: set[str], kind: int, alignment: int) -> None:
    from gguf import GGMLQuantizationType

    offset = 0
    for name, extent in header.tensors.items():
        encoded, type_id = name.encode(), kind if name in changed else extent.type_id
        file.write(struct.pack("<Q", len(encoded)) + encoded)
        file.write(struct.pack(f"<I{len(extent.shape)}Q", len(extent.shape), *extent.shape))
        file.write(struct.pack("<IQ", type_id, offset))
        size = (
            stored_as(extent, GGMLQuantizationType(kind).name).size_bytes
            if name in changed
            else extent.size_bytes
        )
        offset += -(-size // alignment) * alignment


def stored_as(extent: TensorExtent, weights: str) -> TensorExtent:
    """The extent of a tensor when its weights are of another type, at the same place."""
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

    kind = GGMLQuantizationType[weights]
    block, block_bytes = GGML_QUANT_SIZES[kind]
    return replace(extent, type_id=int(kind), size_bytes=extent.elements // block * block_bytes)


def _changed(raw: NDArray[np.uint8], extent: TensorExtent, change: Change, kind: int) -> NDArray[np.uint8]:
    from gguf import GGMLQuantizationType
    from gguf.quants import dequantize, quantize

    rows = raw.reshape(extent.shape[1], -1)
    old = dequantize(rows, GGMLQuantizationType(extent.type_id))
    new = change(np.asarray(old, np.float32).reshape(extent.shape[1], extent.shape[0]))
    return np.asarray(quantize(new, GGMLQuantizationType(kind))).view(np.uint8)
