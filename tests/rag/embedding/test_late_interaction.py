import numpy as np
import pytest

from rag.embedding.late_interaction import best_matches, rotation, sketch

CORNER = [3.0, 9.0, 2.0, -7.0]


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("dim", [8, 24, 384, 768])
def test_rotation_keeps_lengths_and_spreads_an_axis(dim: int) -> None:
    turned = rotation(dim)
    assert np.allclose(turned @ turned.T, np.eye(dim), atol=1e-5)
    assert np.abs(turned[0]).max() < 1.0 if dim > 8 else True


def test_rotation_is_the_same_on_every_machine() -> None:
    # Written down once: other values would make every library's sketches unreadable.
    corner = np.round(np.float64(rotation(384)[0, :4]) * 128, 3).tolist()
    assert corner == [pytest.approx(v) for v in CORNER]


def test_a_sketch_takes_a_bit_a_dimension_and_two_bytes_a_token() -> None:
    tokens = unit(np.random.default_rng(0).standard_normal((7, 384)))
    assert len(sketch(tokens)) == 7 * (48 + 2)
    assert sketch(tokens[:0]) == b""


def test_matches_come_near_the_exact_ones_and_keep_their_order() -> None:
    generator = np.random.default_rng(1)
    passages = [unit(generator.standard_normal((n, 384))) for n in (3, 30, 12)]
    question = unit(passages[1][:5] + 0.03 * generator.standard_normal((5, 384)))
    exact = [float((question @ tokens.T).max(axis=1).mean()) for tokens in passages]
    found = best_matches(question, [sketch(tokens) for tokens in passages])
    assert np.argmax(found) == np.argmax(exact) == 1
    assert found[1] == pytest.approx(exact[1], abs=0.05)


def test_the_estimate_of_a_cosine_is_unbiased() -> None:
    generator = np.random.default_rng(2)
    token = unit(generator.standard_normal((1, 384)))
    others = unit(token + 1.0 * generator.standard_normal((400, 384)) / np.sqrt(384))
    errors = [float(best_matches(other[None], [sketch(token)])[0] - (other @ token.T)[0]) for other in others]
    assert abs(np.mean(errors)) < 0.01
    assert np.std(errors) < 0.05


def test_length_of_a_token_does_not_matter() -> None:
    tokens = unit(np.random.default_rng(3).standard_normal((4, 384)))
    question = tokens[:2]
    assert best_matches(question, [sketch(tokens)])[0] == pytest.approx(
        best_matches(question, [sketch(tokens * 7.0)])[0], abs=1e-3
    )


def test_a_passage_without_a_sketch_has_no_match() -> None:
    tokens = unit(np.random.default_rng(4).standard_normal((4, 384)))
    found = best_matches(tokens, [b"", sketch(tokens), b""])
    assert np.isnan(found[[0, 2]]).all()
    assert found[1] == pytest.approx(1.0, abs=0.02)
    assert np.isnan(best_matches(tokens[:0], [sketch(tokens)])).all()
    assert len(best_matches(tokens, [])) == 0
