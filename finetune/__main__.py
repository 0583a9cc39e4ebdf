"""`python -m finetune RECIPE FOLDER`: trains a recipe without the command line of Lectern, for launchers such as torchrun."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from finetune.model_card import write_card
from finetune.recipe import load_recipe
from finetune.training import train


def main() -> None:
    """Trains, and in the first process prints what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", help="a TOML file, or the name of one of the project's recipes")
    parser.add_argument("folder", type=Path, help="folder of the run")
    args = parser.parse_args()
    from accelerate import PartialState

    recipe = load_recipe(args.recipe)
    outcome = train(recipe, args.folder)
    if PartialState().is_main_process:
        write_card(outcome, recipe, f"python -m finetune {args.recipe} {args.folder}")
        sys.stdout.write(f"{outcome}\n")


if __name__ == "__main__":
    main()
