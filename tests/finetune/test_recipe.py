import pytest

from finetune.recipe import RECIPES, Rows, load_recipe
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
