"""A GGUF file in OpenVINO's own format, with every weight in a type that OpenVINO holds exactly; made once and kept.

Reading GGUF takes OpenVINO seconds in which nothing can stop it, and a damaged file may end the whole process: it is done in a process of its
own (`python -m rag.chat_models.openvino_conversion FILE`), so that Ctrl-C stops it and only that process can die.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.chat_models.gguf_file import GgufHeader
from rag.chat_models.gguf_writing import rewrite
from rag.chat_models.model_cache import cached_folder, content_hash
from rag.errors import ModelFailed

EXACT_TYPES = frozenset({"F32", "F16", "Q8_0", "Q4_0"})
_MOST_REWRITTEN_BYTES = 2_000_000_000


def suits(header: GgufHeader) -> bool:
    """Whether the model can be held exactly without growing past what an ordinary machine has."""
    return header.weight_bytes <= _MOST_REWRITTEN_BYTES or not _rounded(header)


def converted_folder(header: GgufHeader) -> Path:
    """The cached folder of the model in OpenVINO's format, converted from the GGUF file on first use.

    Raises:
        ModelFailed: OpenVINO cannot read this kind of GGUF.
    """
    import openvino_genai

    def convert(folder: Path) -> None:
        source = folder / "model.gguf"
        _write_exact(header, source)
        _convert_apart(source, header.path.name)
        source.unlink()

    version = openvino_genai.__version__.split("-")[0]
    return cached_folder(f"openvino-{version}-exact-{content_hash(header.path)}", convert)


def _convert_apart(source: Path, name: str) -> None:
    command = [sys.executable, "-P", "-m", "rag.chat_models.openvino_conversion", str(source)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"it ended with status {done.returncode}"])[-1]
        raise ModelFailed(f"OpenVINO GenAI cannot read {name}: {reason}; use another file of this model")
    if not (source.parent / "openvino_model.xml").is_file():
        raise ModelFailed(f"OpenVINO GenAI did not convert {name}; free some space and try again")


def _write_exact(header: GgufHeader, target: Path) -> None:
    """The model with every weight in a type that OpenVINO holds exactly, those of other types at eight bits.

    OpenVINO 2026.4 keeps the minimum of a block of Q4_1 (and of the K types) as a four-bit integer: read that way, SmolLM2's logits are
    off by half their norm, and its answers with them. At Q8_0 they are off by 0.6 %.
    """
    rounded = _rounded(header)
    if rounded:
        rewrite(header, target, dict.fromkeys(rounded, _unchanged), "Q8_0")
    else:
        target.symlink_to(header.path.resolve())


def _rounded(header: GgufHeader) -> set[str]:
    """The matrices of types that OpenVINO would round."""
    return {
        name
        for name, tensor in header.tensors.items()
        if len(tensor.shape) == 2 and tensor.type_name not in EXACT_TYPES
    }


def _unchanged(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    return weight


def _main() -> None:
    from rag.telemetry import switch_off_telemetry

    switch_off_telemetry()
    import openvino_genai

    openvino_genai.LLMPipeline(sys.argv[1], "CPU", enable_save_ov_model=True)


if __name__ == "__main__":
    _main()
