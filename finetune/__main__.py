"""`python -m finetune RECIPE FOLDER`: trains a recipe without the command line of Lectern, for launchers such as torchrun."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from finetune.recipe import load_recipe
from finetune.training import train


def main() -> None:
    """Trains and prints what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", help="a TOML file, or the name of one of the project's recipes")
    parser.add_argument("folder", type=Path, help="folder of the run")
    args = parser.parse_args()
    sys.stdout.write(f"{train(load_recipe(args.recipe), args.folder)}\n")


if __name__ == "__main__":
    main()
