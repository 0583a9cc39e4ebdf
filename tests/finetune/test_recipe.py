import re

import pytest

from finetune.recipe import RECIPES, Rows, load_recipe, with_changes
from rag.errors import TrainingError


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_the_projects_own_recipes_load_under_their_name(path):
    assert load_recipe(path.stem).name == path.stem


def test_an_unknown_key_is_named(tmp_path):
    file = tmp_path / "x.toml"
    file.write_text('name = "x"\n[data]\nrows = "messages"\npath = "p"\n[training]\nlearning_rat = 1\n')
    with pytest.raises(TrainingError, match=r"training\.learning_rat: unknown key"):
        load_recipe(str(file))


def test_a_value_out_of_range_is_named(tmp_path):
    file = tmp_path / "x.toml"
    file.write_text('name = "x"\n[data]\nrows = "messages"\npath = "p"\n[lora]\nrank = 0\n')
    with pytest.raises(TrainingError, match=r"lora\.rank"):
        load_recipe(str(file))


def test_a_missing_recipe_lists_those_there_are():
    with pytest.raises(TrainingError, match="llama3-8b-customer-service"):
        load_recipe("no-such-recipe")


def test_what_is_not_toml_is_said(tmp_path):
    file = tmp_path / "x.toml"
    file.write_text("name = ")
    with pytest.raises(TrainingError, match="is not TOML"):
        load_recipe(str(file))


def test_the_8b_recipe_asks_for_four_bits():
    recipe = load_recipe("llama3-8b-customer-service")
    assert (recipe.model.quantization.value, recipe.data.rows) == ("nf4", Rows.CUSTOMER_SERVICE)


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_knob_of_a_recipe_has_a_comment(path):
    knobs = [line for line in path.read_text("utf-8").splitlines() if re.match(r"\w+ = ", line)]
    assert len(knobs) >= 15
    assert [line for line in knobs if not re.search(r"  +# \S", line)] == []


def test_other_rows_take_the_licence_of_the_recipes_away():
    recipe = load_recipe("smollm2-135m-customer-service")
    changed = with_changes(recipe, "rows.csv", 7)
    assert (changed.data.path, changed.data.licence, changed.training.steps) == ("rows.csv", "", 7)
    assert changed.training.model_copy(update={"steps": 0}) == recipe.training
    assert with_changes(recipe) == recipe
