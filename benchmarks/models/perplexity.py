"""Perplexity of a converted GGUF model beside the exact weights of its file.

`python -m benchmarks.models --perplexity-only --model FILE` reads the notes of the example course in windows. The
reference is the same graph with the weights that llama.cpp's own decoder gives, computed in float32. The
others are the product's weights in float32 and as the engine computes here. The exact weights take four
bytes each in memory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.models.measuring import row

COURSE = Path(__file__).resolve().parents[2] / "examples" / "course"
WINDOW_TOKENS, WINDOWS = 512, 8
FLOAT32 = {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"}


def perplexity(path: Path) -> None:
    """Print the perplexity of each way, and its ratio to that of the exact weights."""
    import openvino

    from rag.chat_models.engines.openvino_conversion import converted_folder
    from rag.chat_models.engines.openvino_graph import build
    from rag.chat_models.files.gguf_header import read_header
    from rag.chat_models.files.tokenization import from_gguf

    header, core = read_header(path), openvino.Core()
    windows = course_windows(from_gguf(header))
    graph, kept = build(_exact_tensors(header), lambda share: None)
    exact = _measured(core.compile_model(graph, "CPU", FLOAT32), windows)
    del graph, kept
    row(measure="perplexity", weights="exact, float32", perplexity=round(exact, 4))
    model = converted_folder(header) / "openvino_model.xml"
    for name, properties in (("ours, float32", FLOAT32), ("ours, as the engine computes", {})):
        found = _measured(core.compile_model(str(model), "CPU", properties), windows)
        row(
            measure="perplexity",
            weights=name,
            perplexity=round(found, 4),
            off_percent=round(100 * (found / exact - 1), 2),
        )


def course_windows(tokenization: Any) -> list[list[int]]:
    """Return windows of the example course's Markdown notes, in tokens."""
    text = "\n\n".join(note.read_text(encoding="utf-8") for note in sorted(COURSE.glob("*.md")))
    ids = tokenization.encode(text)
    starts = range(0, min(len(ids), WINDOWS * WINDOW_TOKENS) - WINDOW_TOKENS + 1, WINDOW_TOKENS)
    return [ids[start : start + WINDOW_TOKENS] for start in starts]


def _exact_tensors(header: Any) -> Any:
    """Return the tensors of a file with every matrix as floats."""
    from gguf import GGMLQuantizationType, dequantize

    from rag.chat_models.files.gguf_tensors import GgufTensors

    class Exact(GgufTensors):
        def matrix(self, name: str, without_offsets: bool = False) -> NDArray[np.float32]:
            extent = self._extent(name)
            raw = self._raw(extent).reshape(extent.shape[1], -1)
            values: NDArray[np.float32] = dequantize(raw, GGMLQuantizationType[extent.type_name])
            order = self._order(name, extent.shape[1])
            return values if order is None else values[order]

    return Exact(header)


def _measured(model: Any, windows: list[list[int]]) -> float:
    """Return the perplexity over all windows, each read from nothing."""
    request, losses = model.create_infer_request(), []
    for ids in windows:
        request.reset_state()
        numbers = np.array([ids], np.int64)
        found = request.infer(
            {
                "input_ids": numbers,
                "attention_mask": np.ones_like(numbers),
                "position_ids": np.arange(len(ids))[None],
                "beam_idx": np.zeros(1, np.int32),
            }
        )
        logits = found["logits"][0, :-1].astype(np.float64)
        most = logits.max(axis=-1)
        whole = most + np.log(np.exp(logits - most[:, None]).sum(axis=-1))
        losses.append(whole - logits[np.arange(len(ids) - 1), ids[1:]])
    return float(np.exp(np.concatenate(losses).mean()))
