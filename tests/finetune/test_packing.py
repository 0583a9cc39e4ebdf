import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.encoding import IGNORED, Encoded
from finetune.packing import pack, packed_rows


def test_the_longest_row_goes_first_and_the_best_gap_is_filled():
    assert pack([3, 7, 2, 5], 10) == [[1, 0], [3, 2]]


@given(st.lists(st.integers(1, 50), max_size=60))
def test_every_row_is_in_one_pack_and_no_pack_overflows(lengths):
    packs = pack(lengths, 50)
    assert sorted(index for one in packs for index in one) == list(range(len(lengths)))
    assert all(sum(lengths[index] for index in one) <= 50 for one in packs)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60))
def test_at_most_one_pack_is_less_than_half_full(lengths):
    assert sum(sum(lengths[i] for i in one) <= 25 for one in pack(lengths, 50)) <= 1


def test_a_row_longer_than_a_pack_is_refused():
    with pytest.raises(ValueError, match="11 tokens"):
        pack([11], 10)


def test_the_first_token_of_a_row_is_never_predicted_from_the_row_before():
    rows = [Encoded([5, 6], [5, 6]), Encoded([7, 8, 9], [7, 8, 9])]
    (packed,) = packed_rows(rows, 8)
    assert packed["input_ids"] == [7, 8, 9, 5, 6]
    assert packed["labels"] == [IGNORED, 8, 9, IGNORED, 6]
    assert packed["seq_lengths"] == [3, 2]
