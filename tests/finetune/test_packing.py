import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.encoding import IGNORED, Encoded
from finetune.packing import PackedCollator, pack, packed_rows, register_row_by_row


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


def _packs(*lengths):
    rows = [[(7 * n + k) % 48 for k in range(length)] for n, length in enumerate(lengths)]
    return PackedCollator()(packed_rows([Encoded(row, row) for row in rows], 30))


@pytest.mark.model
def test_row_by_row_has_the_loss_and_gradients_of_the_mask(make_llama):
    batch = _packs(20, 9, 1, 30, 13)
    losses, gradients = [], []
    for attention in ("sdpa", register_row_by_row()):
        model = make_llama(attention=attention)
        loss = model(**batch, use_cache=False).loss
        loss.backward()
        losses.append(loss.item())
        gradients.append({name: parameter.grad for name, parameter in model.named_parameters()})
    assert losses[1] == pytest.approx(losses[0], abs=1e-6)
    for name, gradient in gradients[0].items():
        error = (gradients[1][name] - gradient).norm() / gradient.norm()
        assert float(error) < 1e-5, name


@pytest.mark.model
def test_row_by_row_four_packs_keep_four_times_the_memory_of_one(make_llama):
    """With a mask over the batch it would be more: a layer keeps it, and it grows with the square."""
    import torch

    def kept_bytes(attention, packs):
        model, storages = make_llama(attention=attention), {}

        def keep(x):
            storages[x.untyped_storage().data_ptr()] = x.untyped_storage()
            return x

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
            _ = model(**_packs(*[30] * packs), use_cache=False).loss
        weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
        return sum(one.nbytes() for place, one in storages.items() if place not in weights)

    row_by_row = register_row_by_row()
    assert kept_bytes(row_by_row, 4) == pytest.approx(4 * kept_bytes(row_by_row, 1), rel=0.01)
    assert kept_bytes("sdpa", 4) >= kept_bytes(row_by_row, 4) + 2 * 4 * 120 * 120
