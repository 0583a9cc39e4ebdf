"""The folder of a run: its claim, its newest checkpoint, and what may be deleted.

The claim is a file that records the recipe and the rows. `--overwrite` deletes what a run writes and nothing
else, whatever folder is named: somebody will pass `--out ~`.
"""

from __future__ import annotations

import json
import re
import shutil
from array import array
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path

from finetune.encoding import Encoded
from finetune.recipe import Recipe
from rag.errors import TrainingError
from rag.json_text import parse_json
from rag.system.atomic_write import write_text

CLAIM, HISTORY, PLOT, ADAPTER = "recipe.json", "history.json", "loss.png", "adapter"
_CHECKPOINT = re.compile(r"checkpoint-\d+")


def free_run(folder: Path, overwrite: bool) -> None:
    """Refuse a folder with an adapter, or with content that may not be replaced.

    Nothing is written or deleted.

    Raises:
        TrainingError: it has an adapter and `overwrite` is not set, or it is no run's and has what a run would replace.
    """
    if (folder / ADAPTER).exists() and not overwrite:
        raise TrainingError(
            f"{folder / ADAPTER} exists already. Choose another --out, or pass --overwrite to replace it."
        )
    in_the_way = [path.name for path in _written(folder)]
    if overwrite and in_the_way and not _is_run(folder):
        raise TrainingError(
            f"{folder} has {', '.join(in_the_way[:3])} but no {CLAIM} of a run, so nothing there is replaced. "
            "Choose another --out."
        )


def check_claim(folder: Path, claim: str) -> None:
    """Refuse to go on from the checkpoints of another recipe or other rows.

    Raises:
        TrainingError: the folder has checkpoints, and they are not of this claim.
    """
    note = folder / CLAIM
    said = note.read_text("utf-8") if note.is_file() else ""
    if said != claim and last_checkpoint(folder):
        raise TrainingError(
            f"{folder} has checkpoints of another recipe or of other rows. Choose another --out, or pass --overwrite."
        )


def write_claim(folder: Path, claim: str) -> None:
    """Write the claim into a run's folder; an equal one is left as it is."""
    note = folder / CLAIM
    if note.is_file() and note.read_text("utf-8") == claim:
        return
    folder.mkdir(parents=True, exist_ok=True)
    write_text(note, claim)


def claim_of(recipe: Recipe, rows: Iterable[Encoded]) -> str:
    """Return the claim of a run: its recipe and a content hash of its rows as tokens.

    The hash does not depend on the place of the rows.
    """
    digest = blake2b(digest_size=16)
    for row in rows:
        digest.update(array("q", [len(row.input_ids), *row.input_ids, *row.labels]).tobytes())
    return json.dumps({"rows": digest.hexdigest(), "recipe": recipe.model_dump(mode="json")}, indent=1)


def clear_run(folder: Path) -> None:
    """Delete the files of a run in its folder; other files and other folders stay."""
    if not _is_run(folder):
        return
    for path in list(_written(folder)):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    for empty in sorted((folder / "runs").glob("*")):
        if empty.is_dir() and not any(empty.iterdir()):
            empty.rmdir()


def last_checkpoint(folder: Path) -> str | None:
    """The newest whole checkpoint under a run's folder, or None. The trainer's state is written last: without it, or with
    half of it, a checkpoint was cut short."""
    found = [path for path in _checkpoints(folder) if _is_json(path / "trainer_state.json")]
    return str(max(found, key=lambda path: int(path.name.split("-")[1]))) if found else None


def _checkpoints(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("checkpoint-*")) if _CHECKPOINT.fullmatch(path.name)]


def _written(folder: Path) -> Iterator[Path]:
    """Yield the files and folders of a run that exist, the claim last."""
    for pattern in (ADAPTER, f"{ADAPTER}.part", f"{ADAPTER}.*-*.part", f"{ADAPTER}.*-*.old"):
        yield from (path for path in sorted(folder.glob(pattern)) if path.is_dir())
    yield from _checkpoints(folder)
    yield from sorted((folder / "runs").glob("*/events.out.tfevents.*"))
    yield from (path for name in (HISTORY, PLOT, CLAIM) if (path := folder / name).is_file())


def _is_run(folder: Path) -> bool:
    """Return whether the folder has a claim, which only a run writes.

    Older runs wrote the recipe alone.
    """
    try:
        said = parse_json((folder / CLAIM).read_text("utf-8"))
        Recipe.model_validate(said.get("recipe", said))
    except (OSError, ValueError, AttributeError):
        return False
    return True


def _is_json(path: Path) -> bool:
    try:
        parse_json(path.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return True
