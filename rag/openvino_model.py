"""The embedding network as an OpenVINO graph: made once from the torch module, kept in the user's cache folder.

It knows how tokens become a sentence vector (BERT, mean over the tokens, length 1), and that a start without torch is
worth 90 MB of disk. It is made in a process of its own: torch and two copies of the network take 2 GB.
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rag.child_process import printed_by
from rag.sentence_model import SentenceModel


def graph_file(model: SentenceModel, cache: Path) -> Path:
    """Where the graph of this model, for the installed OpenVINO, is or will be kept."""
    name = re.sub(r"[^\w.-]+", "-", f"{model.fingerprint} tokens openvino {version('openvino')}")
    return cache / "embedders" / f"{name}.xml"


def ensure_graph(model: SentenceModel, cache: Path) -> Path:
    """The graph's file, made now (some seconds) if it is not there yet.

    Raises:
        ModelFailed: it cannot be made.
    """
    file = graph_file(model, cache)
    if not (file.is_file() and file.with_suffix(".bin").is_file()):
        file.parent.mkdir(parents=True, exist_ok=True)
        printed_by(__name__, str(model.folder), str(file))
    return file


def _converted(folder: Path) -> Any:
    """The network traced with pooling and normalising inside: (sentence vectors, token states)."""
    import openvino
    import torch
    from transformers import AutoModel

    from rag.torch_embedder import quieten

    class SentenceVector(torch.nn.Module):
        def __init__(self, encoder: torch.nn.Module) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(
            self, input_ids: torch.Tensor, attention_mask: torch.Tensor
        ) -> tuple[torch.Tensor, torch.Tensor]:
            states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            weight = attention_mask.unsqueeze(-1).to(states.dtype)
            mean = (states * weight).sum(1) / weight.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(mean, p=2, dim=1), states

    quieten()
    encoder = AutoModel.from_pretrained(folder, attn_implementation="sdpa", dtype=torch.float32).eval()
    example = torch.ones(2, 9, dtype=torch.long)
    shape = openvino.PartialShape([-1, -1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's remarks on branches that padding never takes
        return openvino.convert_model(
            SentenceVector(encoder),
            example_input={"input_ids": example, "attention_mask": example},
            input=[("input_ids", shape), ("attention_mask", shape)],
        )


def _save(graph: Any, file: Path) -> None:
    """Writes under another name and renames, the weights first: a file that is there is whole."""
    import openvino

    draft = file.with_name(f"{file.stem}.{os.getpid()}.xml")
    openvino.save_model(graph, draft, compress_to_fp16=False)
    draft.with_suffix(".bin").replace(file.with_suffix(".bin"))
    draft.replace(file)


if __name__ == "__main__":
    from rag.telemetry import switch_off_telemetry

    switch_off_telemetry()
    given, target = map(Path, sys.argv[1:])
    _save(_converted(given), target)
