"""What the card of an adapter says, before and after it was measured."""

from finetune.before_after import BeforeAfter
from finetune.model_card import command_line, write_card, write_measured
from finetune.recipe import load_recipe, with_changes
from finetune.training import TrainingResult

FOUND = BeforeAfter(
    {"perplexity": 5.25, "ROUGE-L": 0.125},
    {"perplexity": 2.5, "ROUGE-L": 0.5},
    90,
    (),
    {"perplexity": 90, "ROUGE-L": 90},
)


def _outcome(folder, **changes):
    fields = {
        "adapter": folder, "train_loss": 1.23456, "held_out_loss": None, "seconds": 61.0, "useful_tokens": 9, "steps": 40,
        "kept_step": 30, "left_out": {"repeated row": 2},
    }  # fmt: skip
    return TrainingResult(**fields | changes)


def test_a_card_says_command_data_licence_and_what_came_of_it(tmp_path):
    recipe = load_recipe("smollm2-135m-customer-service")
    command = command_line(
        ["lectern", "finetune", "train", recipe.name, "--out", "my runs/one", "--steps", 40]
    )
    write_card(_outcome(tmp_path), recipe, command)
    text = (tmp_path / "README.md").read_text()
    assert text.startswith("---\nbase_model: embedded\nlibrary_name: peft\n")
    for said in (
        "(r = 16, alpha = 32, all-linear)",
        "`bitext/Bitext-customer-support-llm-chatbot-training-dataset` (customer-service)",
        "Licence of the rows: CDLA-Sharing-1.0.",
        "`lectern finetune train smollm2-135m-customer-service --out 'my runs/one' --steps 40`",
        "| steps | 40, the weights are those of step 30 |",
        "| training loss | 1.2346 |",
        "| held-out loss | not measured |",
        "Rows left out: 2 repeated row.",
        "not set side by side on held-out rows yet",
    ):
        assert said in text


def test_other_rows_are_under_a_licence_that_is_not_known(tmp_path):
    recipe = with_changes(load_recipe("smollm2-135m-customer-service"), "mine.csv", 5)
    assert recipe.training.steps == 5
    write_card(_outcome(tmp_path, held_out_loss=0.5), recipe, "x")
    text = (tmp_path / "README.md").read_text()
    assert "`mine.csv`" in text and "Licence of the rows: not stated by the recipe" in text
    assert "| held-out loss | 0.5000 |" in text


def test_what_was_measured_replaces_what_was_measured_before(tmp_path):
    write_card(_outcome(tmp_path), load_recipe("smollm2-135m-grounded"), "x")
    for _ in range(2):
        assert write_measured(tmp_path, FOUND)
    text = (tmp_path / "README.md").read_text()
    assert text.count("Base and adapter on 90 held-out rows:") == 1 and "side by side" not in text
    assert "| perplexity | 90 | 5.250 | 2.500 |\n| ROUGE-L | 90 | 0.125 | 0.500 |" in text


def test_a_card_that_a_person_wrote_is_left_alone(tmp_path):
    assert not write_measured(tmp_path, FOUND)
    (tmp_path / "README.md").write_text("# Mine\n")
    assert not write_measured(tmp_path, FOUND)
    assert (tmp_path / "README.md").read_text() == "# Mine\n"
