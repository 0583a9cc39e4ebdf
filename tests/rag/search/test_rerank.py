from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag.errors import ModelMissing
from rag.library.library import Library
from rag.search.explain import explain
from rag.search.rerank import CrossEncoderReranker
from rag.search.searcher import Searcher
from rag.settings import RetrievalSettings


@pytest.mark.model
def test_a_reranker_that_is_not_there_says_what_to_do(
    library: Library, letters: Any, put: Callable[..., Any]
) -> None:
    put("a.md", "apple")
    searcher = Searcher(library, letters, RetrievalSettings(reranker="nobody/no-such-reranker"))
    with pytest.raises(ModelMissing, match=r"hf download nobody/no-such-reranker.*retrieval\.reranker = ''"):
        searcher.search("apple")


def save_cross_encoder(folder: Path, labels: int = 1) -> Path:
    """A tiny cross-encoder of random weights, large enough that no two passages come near the same score."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    from rag.embedding.embedder import model_folder

    tokenizer = AutoTokenizer.from_pretrained(model_folder("embedded"))
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = BertConfig(vocab_size=len(tokenizer), num_labels=labels, initializer_range=0.5, **sizes)
    torch.manual_seed(0)
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.model
def test_the_cross_encoder_decides_the_order(
    library: Library, letters: Any, put: Callable[..., Any], tmp_path: Path
) -> None:
    from sentence_transformers import CrossEncoder

    save_cross_encoder(tmp_path / "cross")
    put("a.md", *(f"apple {word}" for word in ("one", "two", "three", "four", "five")))

    searcher = Searcher(library, letters, RetrievalSettings(reranker=str(tmp_path / "cross"), k=3))
    hits = searcher.search("apple")
    texts = [f"apple {word}" for word in ("one", "two", "three", "four", "five")]
    scores = CrossEncoder(str(tmp_path / "cross")).predict([("apple", text) for text in texts])
    expected = sorted(zip(scores.tolist(), texts, strict=True), reverse=True)[:3]
    assert [hit.chunk.text for hit in hits] == [text for _, text in expected]
    assert [hit.why.rerank_score for hit in hits] == pytest.approx([score for score, _ in expected], abs=1e-4)
    assert all(hit.score == hit.why.rerank_score for hit in hits)
    plain = {hit.chunk.id: hit.score for hit in searcher.look("apple", 5, rerank=False)}
    assert [hit.why.fused_score for hit in hits] == [plain[hit.chunk.id] for hit in hits]


@pytest.mark.model
def test_why_not_this_one_under_a_reranker(
    library: Library, letters: Any, put: Callable[..., Any], tmp_path: Path
) -> None:
    save_cross_encoder(tmp_path / "cross")
    for number in range(60):
        put(f"{number:02}.md", "apple " + "banana " * number)
    searcher = Searcher(library, letters, RetrievalSettings(reranker=str(tmp_path / "cross"), k=5))
    read = searcher.search("apple", 30)
    for at in (1, 5, 6, 30):
        found = explain(searcher, "apple", read[at - 1].chunk.document)
        assert found.rank == at
        assert found.missing_score == pytest.approx(max(0.0, read[4].score - read[at - 1].score))
    unread = {f"{number:02}.md" for number in range(60)} - {hit.chunk.document for hit in read}
    beyond = explain(searcher, "apple", min(unread))
    assert (beyond.rank or 0) > 30
    assert beyond.hit.why.rerank_score is None
    worst = min(hit.why.fused_score or 0.0 for hit in read)
    assert beyond.missing_score == pytest.approx(worst - (beyond.hit.why.fused_score or 0.0))


@pytest.mark.model
def test_a_model_that_cannot_score_pairs_is_refused(tmp_path: Path) -> None:
    from rag.embedding.embedder import model_folder

    with pytest.raises(
        ModelMissing, match="names BertModel, expected one that ends in ForSequenceClassification"
    ):
        CrossEncoderReranker(str(model_folder("embedded")))
    with pytest.raises(ModelMissing, match="gives 3 numbers a passage, expected 1"):
        CrossEncoderReranker(str(save_cross_encoder(tmp_path / "three", labels=3)))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelMissing, match="neither a folder with a cross-encoder"):
        CrossEncoderReranker(str(tmp_path / "empty"))
