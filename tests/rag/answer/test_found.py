"""The cosines of texts with a question."""

import numpy as np
import pytest

from rag.answer.found import cosines_with


class CountingEmbedder:
    """Gives each text its length as a vector, and keeps what it was asked."""

    def __init__(self):
        self.asked = []

    def embed_passages(self, texts):
        self.asked.append(tuple(texts))
        return np.array([[len(text)] for text in texts], np.float32)

    def embed_query(self, text):
        return np.array([len(text)], np.float32)


def test_the_same_texts_are_embedded_once_for_a_question():
    embedder = CountingEmbedder()
    cosines = cosines_with(embedder, "ab")
    assert cosines(["a", "bcd"]) == pytest.approx([2, 6])
    assert cosines(["a", "bcd"]) == pytest.approx([2, 6])
    assert cosines(["bcd"]) == pytest.approx([6])
    assert embedder.asked == [("a", "bcd"), ("bcd",)]
    assert cosines_with(None, "ab") is None
