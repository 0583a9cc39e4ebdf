"""The probability that a question asks for a list, by a small trained network.

Trained by `python -m finetune.structures.train` on questions that a teacher model wrote about lists and tables, and on questions that a
sentence answers. It reads numbers alone (`rag.answer.structure_features`), no words, so it serves every language.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.answer.structure_features import NAMES
from rag.system.array_file import read_arrays

WEIGHTS = Path(__file__).with_name("answer_routes") / "structures.npz"


@dataclass(frozen=True, slots=True)
class StructureModel:
    """A network of one hidden layer.

    Attributes:
        mean, scale: float32, (features,): of the training rows, taken away and divided by.
        hidden, hidden_bias: float32, (features, units) and (units,).
        out, out_bias: float32, (units,) and (1,).
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    hidden: NDArray[np.float32]
    hidden_bias: NDArray[np.float32]
    out: NDArray[np.float32]
    out_bias: NDArray[np.float32]

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probability of each row of features, (n,)."""
        units = np.maximum(((features - self.mean) / self.scale) @ self.hidden + self.hidden_bias, 0)
        return np.asarray(1 / (1 + np.exp(-(units @ self.out + self.out_bias[0]))), np.float32)

    def save(self, path: Path) -> None:
        """Write the network as a compressed file of arrays without pickles."""
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            path, **{name: getattr(self, name) for name in self.__slots__}, names=np.array(NAMES)
        )


def load_model(path: Path) -> StructureModel:
    """Return the network of a file that `StructureModel.save` wrote.

    Raises:
        LecternError: the file is missing or damaged, or was made for other features.
    """
    with read_arrays(path, "network of structures", "python -m finetune.structures.train") as arrays:
        if tuple(map(str, arrays["names"])) != NAMES:
            raise ValueError("it was made for other features")
        return StructureModel(*(arrays[name] for name in StructureModel.__slots__))


@cache
def shipped_model() -> StructureModel:
    """Return the network that the project ships, read once."""
    return load_model(WEIGHTS)
