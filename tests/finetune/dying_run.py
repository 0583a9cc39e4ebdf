"""A training run that is killed: `python -m tests.finetune.dying_run STEP RECIPE FOLDER`.

It kills itself while it takes the step after STEP, so that nobody has to hit the moment from outside.
"""

import os
import signal
import sys
from pathlib import Path

from trl import SFTTrainer

from finetune.recipe import Recipe
from finetune.training import train

last, recipe, folder = sys.argv[1:]
take = SFTTrainer.training_step


def take_or_die(trainer, *arguments, **options):
    if trainer.state.global_step == int(last):
        os.kill(os.getpid(), signal.SIGKILL)
    return take(trainer, *arguments, **options)


SFTTrainer.training_step = take_or_die
train(Recipe.model_validate_json(Path(recipe).read_text()), Path(folder), quiet=True)
