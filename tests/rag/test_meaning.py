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
        ("What is C++?", ("c++",)),
        ("What is divide and conquer?", ("divid", "conquer")),
        ("What is due Friday?", None),
        ("What is allowed?", None),
        ("What is Ada's email address?", None),
        ("What are good nest habits?", None),
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
        ("_Moulting_ is the loss of feathers.", "", True),
        ("This loss of feathers is called moulting.", "", True),
        ("This loss of feathers is called _moulting_.", "", True),
        ("Worn feathers are shed one by one.", "Moulting", True),
        ("Good food lowers the risk of moulting.", "", False),
        ("Owls rest in barns.", "Barns in summer", False),
    ],
)
def test_a_sentence_says_the_meaning_or_mentions_the_term(sentence: str, heading: str, says: bool) -> None:
    assert defines(("moult",), sentence, heading) is says


@pytest.mark.parametrize(
    ("question", "says", "mentions"),
    [
        ("What is C++?", "C++ is a language.", "Owls are counted in Java and C++ here."),
        ("What is C#?", "In short, C# is a language.", "C++ is a language."),
        ("What is nest_size?", "`nest_size` is a setting.", "The barn has a nest_size."),
        ("What is node.js?", "Node.js runs scripts.", "A node runs scripts."),
        (
            "What is divide and conquer?",
            "Divide and conquer halves the barn.",
            "Divide the barn to conquer it.",
        ),
    ],
)
def test_a_term_is_split_into_words_as_the_question_is(question: str, says: str, mentions: str) -> None:
    term = term_of(question)
    assert term is not None
    assert defines(term, says, "")
    assert not defines(term, mentions, "")
