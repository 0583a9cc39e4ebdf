"""What may be deleted and gone on from in a run's folder."""

import json

import pytest

from finetune.encoding import Encoded
from finetune.recipe import Recipe
from finetune.run_folder import check_claim, claim_of, clear_run, free_run, last_checkpoint, write_claim
from rag.errors import TrainingError

ROWS = [Encoded([1, 2], [-100, 2]), Encoded([3], [3])]


def _recipe(**training):
    return Recipe(name="x", data={"rows": "messages", "path": "p"}, training=training)


@pytest.fixture
def run(tmp_path):
    """A folder with everything that a run writes, and some things that a person put there."""
    folder = tmp_path / "run"
    for name in ("adapter", "adapter.part", "checkpoint-4", "runs/today", "checkpoint-final", "other"):
        (folder / name).mkdir(parents=True)
    for name in (
        "history.json",
        "loss.png",
        "runs/today/events.out.tfevents.1",
        "adapter/adapter_config.json",
    ):
        (folder / name).write_text("{}")
    for name in ("thesis.md", "README.md", "runs/notes.txt", "checkpoint-final/mine", "other/mine"):
        (folder / name).write_text("mine")
    write_claim(folder, claim_of(_recipe(), ROWS))
    return folder


def test_only_what_a_run_wrote_is_deleted(run):
    free_run(run, overwrite=True)
    clear_run(run)
    left = sorted(str(path.relative_to(run)) for path in run.rglob("*") if path.is_file())
    assert left == ["README.md", "checkpoint-final/mine", "other/mine", "runs/notes.txt", "thesis.md"]
    assert not (run / "runs" / "today").exists() and not (run / "adapter").exists()


def test_a_folder_that_is_no_runs_is_left_alone(run):
    (run / "recipe.json").write_text('{"flour_grams": 500}')
    with pytest.raises(
        TrainingError, match=r"has adapter, adapter\.part, checkpoint-4 but no recipe\.json of a run"
    ):
        free_run(run, overwrite=True)
    clear_run(run)
    assert (run / "adapter").exists() and (run / "recipe.json").exists()


def test_an_adapter_is_replaced_only_when_told(run, tmp_path):
    with pytest.raises(TrainingError, match=r"exists already.*--overwrite"):
        free_run(run, overwrite=False)
    free_run(tmp_path / "new", overwrite=False)
    free_run(tmp_path / "new", overwrite=True)


def test_checkpoints_of_another_recipe_or_other_rows_are_not_gone_on_from(tmp_path):
    claim = claim_of(_recipe(steps=8), ROWS)
    write_claim(tmp_path, claim)
    checkpoint = tmp_path / "checkpoint-4"
    checkpoint.mkdir()
    (checkpoint / "trainer_state.json").write_text('{"global_st')
    assert last_checkpoint(tmp_path) is None
    check_claim(tmp_path, claim_of(_recipe(steps=9), ROWS))
    (checkpoint / "trainer_state.json").write_text("{}")
    check_claim(tmp_path, claim)
    for other in (claim_of(_recipe(steps=9), ROWS), claim_of(_recipe(steps=8), ROWS[:1])):
        with pytest.raises(TrainingError, match="another recipe or of other rows"):
            check_claim(tmp_path, other)
    (tmp_path / "recipe.json").unlink()
    with pytest.raises(TrainingError, match="another recipe"):
        check_claim(tmp_path, claim)


def test_a_claim_is_written_only_when_it_changes(tmp_path):
    claim = claim_of(_recipe(), ROWS)
    write_claim(tmp_path / "run", claim)
    note = tmp_path / "run" / "recipe.json"
    before = note.stat()
    write_claim(tmp_path / "run", claim)
    assert (note.stat().st_mtime_ns, note.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert Recipe.model_validate(json.loads(note.read_text())["recipe"]) == _recipe()


def test_the_newest_checkpoint_is_the_one_of_the_most_steps(tmp_path):
    for step in (9, 10):
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text("{}")
    assert last_checkpoint(tmp_path) == str(tmp_path / "checkpoint-10")
