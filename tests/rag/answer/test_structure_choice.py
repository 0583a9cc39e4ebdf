"""The network that says how likely a list is what a question asks for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rag.answer.structure_choice import WEIGHTS, StructureModel, load_model
from rag.answer.structure_features import NAMES
from rag.errors import LecternError


def one_unit() -> StructureModel:
    """A network that returns the logistic of twice the first feature, where that is positive."""
    hidden = np.zeros((len(NAMES), 1), np.float32)
    hidden[0, 0] = 2.0
    zeros, ones = np.zeros(len(NAMES), np.float32), np.ones(len(NAMES), np.float32)
    return StructureModel(
        zeros, ones, hidden, np.zeros(1, np.float32), np.ones(1, np.float32), np.zeros(1, np.float32)
    )


def test_probabilities_are_those_of_the_formula() -> None:
    rows = np.zeros((3, len(NAMES)), np.float32)
    rows[:, 0] = 0.0, 1.0, -4.0
    assert one_unit().probabilities(rows) == pytest.approx([0.5, 1 / (1 + np.exp(-2.0)), 0.5])


def test_a_saved_network_is_read_back(tmp_path: Path) -> None:
    one_unit().save(tmp_path / "one.npz")
    rows = np.random.default_rng(0).normal(size=(5, len(NAMES))).astype(np.float32)
    assert np.array_equal(
        load_model(tmp_path / "one.npz").probabilities(rows), one_unit().probabilities(rows)
    )


def test_a_damaged_file_is_refused_with_the_command_that_makes_it(tmp_path: Path) -> None:
    damaged = tmp_path / "one.npz"
    one_unit().save(damaged)
    damaged.write_bytes(damaged.read_bytes()[:200])
    with pytest.raises(LecternError, match=r"finetune\.structures\.train"):
        load_model(damaged)


def test_weights_for_other_features_are_refused(tmp_path: Path) -> None:
    with np.load(WEIGHTS) as arrays:
        known = {name: arrays[name] for name in arrays.files}
    np.savez(tmp_path / "other.npz", **(known | {"names": known["names"][1:]}))
    with pytest.raises(LecternError, match="other features"):
        load_model(tmp_path / "other.npz")


def test_the_shipped_network_prefers_what_the_readers_find() -> None:
    """A list under the heading asked for, found first and read as an answer, beside one of another subject."""
    strong = {"introduction": 1.0, "all": 1.0, "place": 1.0, "read": 0.7, "cosine": 0.6, "answers": 0.6, "asked in name": 1.0,
              "name": 1.0, "lead": 1.5, "items": np.log(4), "best sentence": 0.7, "best passage": 0.7, "best inside": 1.0, "words": 3,
              "route list": np.log(0.9), "route fact": np.log(0.05)}  # fmt: skip
    weak = strong | {"introduction": 0.0, "all": 0.1, "place": 0.1, "read": 0.0, "cosine": 0.1, "answers": 0.0, "asked in name": 0.0,
                     "name": 0.0, "lead": -1.5, "best inside": 0.0}  # fmt: skip
    rows = np.array(
        [
            [one.get(name, np.log(1e-3) if name.startswith("route") else 0.0) for name in NAMES]
            for one in (strong, weak)
        ]
    )
    likely, unlikely = load_model(WEIGHTS).probabilities(rows.astype(np.float32))
    assert unlikely < 0.1
    assert likely > 0.5
