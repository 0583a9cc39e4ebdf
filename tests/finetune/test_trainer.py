"""What a run's log comes to, whatever a kill left of it."""

import json

import pytest

from finetune.trainer import mean_loss, trained_seconds


def test_the_mean_loss_weighs_each_entry_by_its_steps():
    log = [
        {"step": 4, "loss": 2.0},
        {"step": 4, "eval_loss": 9.0},
        {"step": 6, "loss": "1.0"},
        {"step": 7, "loss": 0.0},
    ]
    assert mean_loss(log) == pytest.approx((4 * 2.0 + 2 * 1.0 + 1 * 0.0) / 7)
    assert mean_loss([]) != mean_loss([])


def test_seconds_are_those_until_the_last_step():
    assert (
        trained_seconds(
            [{"loss": 1, "seconds": 2.5}, {"loss": 1, "seconds": 4.0}, {"eval_loss": 1, "seconds": 9.0}]
        )
        == 4.0
    )
    assert trained_seconds([]) == 0.0


@pytest.mark.model
def test_a_checkpoints_log_leaves_no_step_out(tiny, tiny_recipe, tmp_path):
    """Logged every fourth step, saved after the third: the steps since the last entry are logged before the state is saved."""
    pytest.importorskip("trl")
    from finetune.base_model import load_base
    from finetune.recipe import ModelPart
    from finetune.trainer import make_trainer, run
    from finetune.training import read_rows

    def logs(folder, logging_steps, save_steps):
        recipe = tiny_recipe(steps=6)
        rows = read_rows(recipe)
        base = load_base(ModelPart(base=str(tiny)), bfloat16=False)
        trainer = make_trainer(recipe, base, rows.train, [], tmp_path / folder)
        trainer.args.logging_steps, trainer.args.save_steps = logging_steps, save_steps
        run(trainer, None)
        saved = json.loads(
            (tmp_path / folder / f"checkpoint-{save_steps}" / "trainer_state.json").read_text()
        )
        return saved["log_history"], trainer.state.log_history

    seldom_saved, seldom = logs("seldom", 4, 3)
    _, always = logs("always", 1, 6)
    first_three = [float(row["loss"]) for row in always if "loss" in row][:3]
    assert [row["step"] for row in seldom_saved if "loss" in row] == [3]
    assert mean_loss(seldom_saved) == pytest.approx(sum(first_three) / 3, abs=1e-6)
    assert mean_loss(seldom) == pytest.approx(mean_loss(always), abs=1e-6)


@pytest.mark.model
def test_what_is_measured_without_training_is_logged_in_the_runs_folder(
    tiny, tiny_recipe, tmp_path, monkeypatch
):
    pytest.importorskip("trl")
    pytest.importorskip("tensorboard")
    from finetune.base_model import load_base
    from finetune.recipe import ModelPart
    from finetune.trainer import make_trainer
    from finetune.training import read_rows

    here, folder = tmp_path / "here", tmp_path / "run"
    here.mkdir()
    monkeypatch.chdir(here)
    recipe = tiny_recipe()
    rows = read_rows(recipe)
    base = load_base(ModelPart(base=str(tiny)), bfloat16=False)
    make_trainer(recipe, base, rows.train, rows.held_out, folder).evaluate()
    assert len(list(folder.glob("runs/*/events.out.tfevents.*"))) == 1
    assert not list(here.iterdir())
