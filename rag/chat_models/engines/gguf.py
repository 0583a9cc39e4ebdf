"""The choice of the engine that runs a GGUF file on this machine.

Opening, estimating and describing a model all ask here, so that their results agree.
"""

from __future__ import annotations

import platform
from enum import StrEnum
from importlib.util import find_spec

from rag.chat_models.files.gguf_header import GgufHeader
from rag.errors import ModelMissing
from rag.extras import adding


class GgufEngine(StrEnum):
    """An engine for GGUF files, by its name in messages."""

    OPENVINO = "openvino"
    LLAMA_CPP = "llama.cpp"


def gguf_engine(header: GgufHeader) -> GgufEngine:
    """Return OpenVINO if it is installed and knows the model, else llama.cpp.

    Raises:
        ModelMissing: the engine that could run it is not installed.
    """
    from rag.chat_models.files.gguf_tensors import reason_against

    return _installed_engine(reason_against(header))


def preset_engine() -> GgufEngine:
    """Return the engine of a GGUF preset, whose architectures both engines know.

    Raises:
        ModelMissing: none is installed.
    """
    return _installed_engine("")


def _installed_engine(against_openvino: str) -> GgufEngine:
    fast, sturdy = find_spec("openvino_genai"), find_spec("xllamacpp")
    if fast and not against_openvino:
        return GgufEngine.OPENVINO
    if sturdy:
        return GgufEngine.LLAMA_CPP
    if fast:
        raise ModelMissing(
            f"OpenVINO cannot run this model: {against_openvino}; run `pip install xllamacpp` for llama.cpp, which "
            "knows more of them"
        )
    raise ModelMissing(
        f"no engine for GGUF files is installed on this {platform.machine()}; run: pip install openvino-genai, "
        f"or where that has no wheel: {adding('llama-cpp')}"
    )
