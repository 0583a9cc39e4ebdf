"""What a training run says where nobody watches a bar: a line at every tenth, in a log that can be followed."""

from types import SimpleNamespace

import pytest

from finetune.progress import progress_callback

pytest.importorskip("transformers")


def _run(quiet):
    callback = progress_callback(100.0, quiet)
    state = SimpleNamespace(is_world_process_zero=True, max_steps=20, global_step=0)
    callback.on_train_begin(None, state, None)
    for step in range(1, 21):
        state.global_step = step
        callback.on_log(None, state, None, {"loss": f"{2 - step / 20:.3f}"})
        callback.on_step_end(None, state, None)
    callback.on_train_end(None, state, None)


def test_a_log_gets_a_line_with_loss_and_speed_at_every_tenth_of_the_run(capsys):
    _run(quiet=False)
    said = [line for line in capsys.readouterr().err.splitlines() if " of 20" in line]
    assert len(said) == 10
    assert said[0].startswith("step 2  loss 1.9000  ") and said[0].endswith(" tokens/s of 20")
    assert said[-1].startswith("step 20  loss 1.0000  ")


def test_a_quiet_run_says_nothing(capsys):
    _run(quiet=True)
    assert capsys.readouterr().err == ""
