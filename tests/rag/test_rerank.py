from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag.errors import ModelMissing
from rag.library import Library
from rag.search import Searcher
from rag.settings import RetrievalSettings


@pytest.mark.model
def test_a_reranker_that_is_not_there_says_what_to_do(
    library: Library, letters: Any, put: Callable[..., Any]
) -> None:
    put("a.md", "apple")
    searcher = Searcher(library, letters, RetrievalSettings(reranker="nobody/no-such-reranker"))
    with pytest.raises(ModelMissing, match=r"hf download nobody/no-such-reranker.*retrieval\.reranker = ''"):
        searcher.search("apple")


@pytest.mark.model
def test_the_cross_encoder_decides_the_order(
    library: Library, letters: Any, put: Callable[..., Any], tmp_path: Path
) -> None:
    from sentence_transformers import CrossEncoder
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    from rag.embedder import model_folder

    tokenizer = AutoTokenizer.from_pretrained(model_folder("embedded"))
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = BertConfig(vocab_size=len(tokenizer), num_labels=1, **sizes)
    BertForSequenceClassification(config).save_pretrained(tmp_path / "cross")
    tokenizer.save_pretrained(tmp_path / "cross")
    put("a.md", *(f"apple {word}" for word in ("one", "two", "three", "four", "five")))

    searcher = Searcher(library, letters, RetrievalSettings(reranker=str(tmp_path / "cross"), k=3))
    hits = searcher.search("apple")
    texts = [f"apple {word}" for word in ("one", "two", "three", "four", "five")]
    scores = CrossEncoder(str(tmp_path / "cross")).predict([("apple", text) for text in texts])
    expected = sorted(zip(scores.tolist(), texts, strict=True), reverse=True)[:3]
    assert [hit.chunk.text for hit in hits] == [text for _, text in expected]
    assert [hit.why.rerank_score for hit in hits] == pytest.approx([score for score, _ in expected], abs=1e-4)
    assert all(hit.score == hit.why.rerank_score for hit in hits)
