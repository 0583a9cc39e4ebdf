"""What is shown of the rows before anything is trained."""

import pytest

from finetune.encoding import encode
from finetune.preview import histogram, marked, padding, segments


def test_what_is_trained_is_marked_in_plain_text(tokenizer):
    row = segments(
        tokenizer,
        encode(
            tokenizer,
            [{"role": "user", "content": "how are you"}, {"role": "assistant", "content": "very well"}],
        ),
    )
    assert [segment.trained for segment in row] == [False, True]
    assert marked(row) == "<user> how are you <end> <line> <assistant>{+very well <end>+}"


def test_lengths_are_counted_in_equal_bins():
    assert histogram([1, 2, 9, 19], bins=2) == ((0, 10, 3), (10, 20, 1))
    assert histogram([]) == ()


def test_padding_is_what_the_longest_row_of_a_batch_leaves_empty():
    assert padding([2, 4, 3, 3], 2) == pytest.approx(2 / 14)
    assert padding([], 4) == 0.0


@pytest.mark.model
def test_a_preview_counts_rows_and_tokens(tiny_recipe):
    """Forty rows of 3 to 7 words, every tenth held out; a row is its words twice over, cut to two, and eight marks."""
    from finetune.preview import preview

    found = preview(tiny_recipe(), 2)
    assert (found.train_rows, found.held_out_rows, len(found.rows), found.dropped) == (36, 4, 2, {})
    words = [3 + n % 5 for n in range(40) if n % 10 != 9]
    assert found.tokens == sum(words) + 36 * (3 + 2 + 2 + 1)
    assert found.trained_tokens == 36 * 3
    assert marked(found.rows[0]) == "<s> user w0 w1 w2 </s> <s> assistant{+w0 w1 </s>+}"
