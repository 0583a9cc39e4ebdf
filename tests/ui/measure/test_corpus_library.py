from eval.beir import CorpusDocument
from rag.types import BlockKind, DocumentKind
from ui.measure.corpus_library import corpus_document


def test_a_title_alone_is_searched_as_text() -> None:
    document = corpus_document(CorpusDocument("d1", "Aliasing of tones", " \n"))
    assert (document.title, document.text, document.kind) == (
        "Aliasing of tones",
        "Aliasing of tones",
        DocumentKind.TEXT,
    )
    assert [(block.start, block.end) for block in document.blocks] == [(0, 17)]


def test_a_text_keeps_its_title_apart() -> None:
    document = corpus_document(CorpusDocument("d1", "Aliasing", "# Folding\r\n\r\nA tone folds."))
    assert (document.title, document.text) == ("Aliasing", "# Folding\n\nA tone folds.")
    assert [block.kind for block in document.blocks] == [BlockKind.HEADING, BlockKind.PARAGRAPH]
