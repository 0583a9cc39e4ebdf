import math

import pytest

from finetune.before_after import means, overlap_scores, rouge_l, row_losses, surely_above_zero, worse


def test_rouge_l_is_the_f1_of_the_longest_common_subsequence():
    assert rouge_l("the cat sat on a mat", "the cat on the mat") == pytest.approx(2 * 4 / 11)
    assert rouge_l("", "word") == 0.0


def test_placeholders_count_only_in_rows_that_have_some():
    found = overlap_scores(["Order {{A}} is fine", "no"], ["Order {{A}} and {{B}}", "no"])
    assert found["placeholder fidelity"] == {"0": pytest.approx(2 / 3)}
    assert len(found["ROUGE-L"]) == 2
    assert "placeholder fidelity" not in overlap_scores(["a"], ["a"])


def test_citations_and_refusals_are_measured_where_notes_are_read():
    found = overlap_scores(["It is so [2]", "It is [1]"], ["It is so [2]", "The notes do not say."])
    assert found["citation right"] == {"0": 1.0}
    assert found["abstains when it should"] == {"1": 0.0}


def _rows(*values):
    return {str(place): value for place, value in enumerate(values)}


def test_a_measure_is_the_mean_over_its_rows_and_perplexity_the_exponential_of_the_loss():
    assert means({"right": _rows(1.0, 0.0), "perplexity": _rows(1.0, 3.0), "none": {}}) == {
        "right": 0.5,
        "perplexity": pytest.approx(math.exp(2)),
    }


def test_only_a_fall_beyond_chance_and_tolerance_counts_as_worse():
    base = {"ROUGE-L": _rows(*[0.5] * 20), "right": _rows(*[1.0] * 20), "perplexity": _rows(*[1.0] * 20)}
    noise = {
        "ROUGE-L": _rows(*[0.495] * 20),
        "right": _rows(0.0, *[1.0] * 19),
        "perplexity": _rows(*[1.01] * 20),
    }
    assert worse(base, noise) == ()
    real = {
        "ROUGE-L": _rows(*[0.4] * 20),
        "right": _rows(*[0.0] * 5, *[1.0] * 15),
        "perplexity": _rows(*[1.2] * 20),
    }
    assert worse(base, real) == ("ROUGE-L", "right", "perplexity")


def test_one_question_of_six_that_came_out_otherwise_is_noise():
    now, tuned = {"right": _rows(1, 1, 1, 0, 1, 1)}, {"right": _rows(0, 1, 1, 0, 1, 1)}
    assert worse(now, tuned) == ()
    assert worse(
        {"refused_wrongly": _rows(*[0.0] * 9)}, {"refused_wrongly": _rows(*[1.0] * 4, *[0.0] * 5)}
    ) == ("refused_wrongly",)


def test_rows_are_compared_with_themselves_and_missing_measures_not_at_all():
    assert worse({"groundedness": {"a": 1.0, "b": 0.0}}, {"groundedness": {"b": 0.0}}) == ()
    assert worse({"groundedness": {"a": 0.9}}, {}) == ()


def test_a_mean_is_surely_above_zero_where_its_interval_is():
    assert surely_above_zero([1.0, 0.9, 1.1])
    assert not surely_above_zero([1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    assert not surely_above_zero([1.0, -1.0])


@pytest.mark.model
def test_row_losses_average_to_the_loss_per_answer_token(tiny, tiny_recipe):
    """By hand: each row alone, summed over its answer's tokens, over all tokens of all answers."""
    import torch

    from finetune.base_model import load_base
    from finetune.dataset import read_conversations
    from finetune.encoding import encode
    from finetune.recipe import ModelPart

    base = load_base(ModelPart(base=str(tiny)), bfloat16=False)
    rows = read_conversations(tiny_recipe().data, 0).train[:11]
    total, tokens = 0.0, 0
    for row in rows:
        encoded = encode(base.tokenizer, row)
        with torch.no_grad():
            said = base.model(input_ids=torch.tensor([encoded.input_ids])).logits[0].log_softmax(-1)
        for place, label in enumerate(encoded.labels):
            if label >= 0:
                total -= float(said[place - 1, label])
                tokens += 1
    found = row_losses(base.model, base.tokenizer, rows, batch_rows=4)
    assert list(found) == [str(place) for place in range(11)]
    assert sum(found.values()) / 11 == pytest.approx(total / tokens, rel=1e-5)
