"""A measurement of which arithmetic embeds fastest here with the same results.

    python -m rag.embedding.probe FOLDER NAME BATCH_SIZE

prints the results as JSON. It runs once, on texts as long as passages are.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from rag.embedding.embedder import Embedder
from rag.embedding.machine_profile import Engine, EngineChoice, Measured, Precision
from rag.errors import LecternError

_TEXTS = 24
"""Texts a round, so that the probe takes seconds."""
_WORDS_A_TEXT = 150
"""Words of the first text, about 200 tokens; each text has one more."""
_ROUNDS = 2
_WORDS = (
    "a model learns from examples by changing its weights until the loss between what it says and what is true is small gradient "
    "descent follows the slope of that loss and the learning rate says how far each step goes regularization keeps weights small"
).split(" ")


def candidates() -> list[EngineChoice]:
    """Return the choices on OpenVINO; the reference, float32, comes first."""
    return [EngineChoice(Engine.OPENVINO, precision) for precision in Precision]


def probe(choices: Sequence[EngineChoice], open_choice: Callable[[EngineChoice], Embedder]) -> list[Measured]:
    """Return the results of each choice, fastest first.

    The first choice that runs here is the reference that cosines are taken to. A choice that does not run
    here is left out.
    """
    texts = _texts()
    engines: dict[EngineChoice, Embedder] = {}
    for choice in choices:
        try:
            engines[choice] = open_choice(choice)
            engines[choice].embed_passages(texts[:4])
        except (LecternError, RuntimeError, ImportError):
            engines.pop(choice, None)
    vectors, seconds = {}, dict.fromkeys(engines, float("inf"))
    for _ in range(_ROUNDS):
        for choice, engine in engines.items():
            start = time.perf_counter()
            vectors[choice] = engine.embed_passages(texts)
            seconds[choice] = min(seconds[choice], time.perf_counter() - start)
    reference = next(iter(vectors.values()), np.empty(0))
    found = [
        Measured(choice, len(texts) / seconds[choice], float(np.min((vectors[choice] * reference).sum(1))))
        for choice in engines
    ]
    return sorted(found, key=lambda entry: -entry.passages_per_second)


def _texts() -> list[str]:
    """Passages of about 200 tokens, each of other words."""
    random = np.random.default_rng(0)
    return [" ".join(random.choice(_WORDS, _WORDS_A_TEXT + index)) + f" {index}." for index in range(_TEXTS)]


def main(folder: str, name: str, batch_size: str) -> None:
    """Probe the model in a folder and print the results."""
    from rag.embedding.engine import open_choice
    from rag.embedding.model_folder import read_sentence_model
    from rag.system.telemetry import switch_off_telemetry

    switch_off_telemetry()
    model = read_sentence_model(Path(folder), name)
    found = probe(candidates(), lambda choice: open_choice(model, choice, int(batch_size)))
    sys.stdout.write(json.dumps([asdict(entry) for entry in found]) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
