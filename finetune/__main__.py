"""`python -m finetune RECIPE FOLDER` trains a recipe.

It is for launchers such as torchrun and needs nothing of Lectern's command line.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from finetune.exit_status import exit_status
from finetune.model_card import command_line, write_card
from finetune.recipe import load_recipe, with_changes
from finetune.training import train

_RANK = os.environ.get("RANK", "0")


def main() -> None:
    """Train; the first process prints the result."""
    args = _parser().parse_args()
    recipe = with_changes(load_recipe(args.recipe), args.data, args.steps)
    outcome = train(recipe, args.folder, overwrite=args.overwrite, quiet=_RANK != "0")
    if _RANK == "0":
        write_card(outcome, recipe, command_line(["python", "-m", "finetune", *sys.argv[1:]]))
        sys.stdout.write(f"{outcome}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m finetune", description=__doc__)
    parser.add_argument("recipe", help="a TOML file, or the name of one of the project's recipes")
    parser.add_argument("folder", type=Path, help="folder of the run")
    parser.add_argument("--data", help="rows instead of the recipe's")
    parser.add_argument("--steps", type=_positive, help="stop after so many steps")
    parser.add_argument("--overwrite", action="store_true", help="replace the run in the folder")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of steps above 0")
    return int(text)


if __name__ == "__main__":
    # A process that fails alone is named, since the launcher only says that one did.
    sys.exit(exit_status(main, "" if _RANK == "0" else f"Process {_RANK}"))
