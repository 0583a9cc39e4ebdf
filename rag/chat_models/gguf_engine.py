"""Which engine runs a GGUF file on this machine: asked before it is opened, estimated or described, so that all three say the same."""

from __future__ import annotations

import platform
from enum import StrEnum
from importlib.util import find_spec

from rag.chat_models.gguf_file import GgufHeader
from rag.errors import ModelMissing


class GgufEngine(StrEnum):
    """An engine for GGUF files, by the name under which it is told."""

    OPENVINO = "openvino"
    LLAMA_CPP = "llama.cpp"


def gguf_engine(header: GgufHeader) -> GgufEngine:
    """OpenVINO GenAI where it has a wheel and reads the file exactly at its size, else llama.cpp.

    Raises:
        ModelMissing: neither is installed.
    """
    from rag.chat_models.openvino_conversion import suits

    fast, sturdy = find_spec("openvino_genai"), find_spec("xllamacpp")
    if fast and (suits(header) or not sturdy):
        return GgufEngine.OPENVINO
    if sturdy:
        return GgufEngine.LLAMA_CPP
    raise ModelMissing(
        f"no engine for GGUF files is installed on this {platform.machine()}; run: pip install openvino-genai, "
        "or where that has no wheel: pip install xllamacpp"
    )
