"""The offer of the better model, in one line for the terminal and the first page."""

from __future__ import annotations

from rag.chat_models.presets import pull_command, reference
from rag.chat_models.pull.pulling import is_pulled
from rag.settings import ModelSettings

BETTER_MODEL = "qwen2.5-coder-1.5b"
SECONDS_PER_ANSWER = "5 to 30"
MEMORY_GIGABYTES = "2.5"
"""Seconds and memory of that model on two quiet cores.

The seconds are with bfloat16 and without it, measured by hand; the memory is that of `lectern models estimate`.
"""


def better_model_line(model: ModelSettings, verb: str) -> str:
    """Return the offer with the command that gets or uses the model.

    It is empty where another model than the embedded one is chosen. `verb` is `ask` or `chat`.
    """
    if model.name != "embedded":
        return ""
    preset = reference(BETTER_MODEL, model.folder)
    here = is_pulled(preset, model.folder)
    command = f"lectern {verb} --model {BETTER_MODEL}" if here else pull_command(BETTER_MODEL)
    return (
        f"A larger model writes answers instead of quoting the notes, in {SECONDS_PER_ANSWER} s on two cores and "
        f"{MEMORY_GIGABYTES} GB of memory: {command}"
    )
