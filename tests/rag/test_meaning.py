"""Questions for a meaning, and sentences that say it or only mention the term."""

import pytest

from rag.meaning import defines, term_of


@pytest.mark.parametrize(
    ("question", "term"),
    [
        ("What is moulting?", ("moult",)),
        ("what's a wing beat", ("wing", "beat")),
        ("What does moulting mean?", ("moult",)),
        ("Define moulting", ("moult",)),
        ("What is the deadline?", None),
        ("What is noise of a feather?", None),
        ("What do owls eat?", None),
    ],
)
def test_the_term_is_found_where_a_meaning_is_asked(question: str, term: tuple[str, ...] | None) -> None:
    assert term_of(question) == term


@pytest.mark.parametrize(
    ("sentence", "heading", "says"),
    [
        ("Moulting replaces worn feathers.", "", True),
        ("**Moulting** (each summer): new feathers.", "", True),
        ("| Moulting | new feathers |", "", True),
        ("This loss of feathers is called moulting.", "", True),
        ("Worn feathers are shed one by one.", "Moulting", True),
        ("Good food lowers the risk of moulting.", "", False),
        ("Owls rest in barns.", "Barns in summer", False),
    ],
)
def test_a_sentence_says_the_meaning_or_mentions_the_term(sentence: str, heading: str, says: bool) -> None:
    assert defines(("moult",), sentence, heading) is says
