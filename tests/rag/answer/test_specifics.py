"""What a question names, and texts that have it all or not."""

import pytest

from rag.answer.specifics import abbreviations, about_others, has_all, is_about_another, numbered, specifics


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("How fast is the CAN bus with type T651 cables of 12 mm?", {"CAN", "T651", "12"}),
        ("Why do Kalman's owls rest?", {"kalman"}),
        ("How loud is the CAN-bus of GPT-4 in a 10-minute test?", {"CAN", "GPT4", "10"}),
        ("Where does Prof. Moss rest on Monday in March?", set()),
        ("Is lab 03 after the 3rd walk?", {"3"}),
        ("Wann ist die Klausur zur ADC und zum Kalman-Filter 7?", {"ADC", "7"}),
        ("Quand commence la saison de Paris ?", set()),
        ("Owls rest? When?", set()),
        ("WHAT DO OWLS EAT", set()),
        ("", set()),
    ],
)
def test_names_abbreviations_and_numbers_are_specific(question: str, asked: set[str]) -> None:
    assert specifics(question) == asked


@pytest.mark.parametrize(
    ("question", "has", "lacks"),
    [
        ("how fast is the CAN bus", "The CAN bus is slow.", "The bus can be slow."),
        ("how many ADC inputs are free", "Two ADCs have free inputs.", "Two inputs are free."),
        ("what does I2C need", "I²C needs resistors.", "SPI needs a clock."),
        ("how do CNNs see owls", "A CNN sees edges.", "A net sees edges."),
        ("when is lab 3", "Lab 03 is in May.", "Lab 30 is in May."),
        ("what is the 3rd lab", "Lab 3 is on owls.", "Lab 13 is on owls."),
        ("what happens after 2 days", "After two days it hatches.", "After ten days it hatches."),
        ("how fast is the CAN bus", "A CAN-bus is slow.", "A bus is slow."),
        ("how is a 10 minute talk graded", "A 10-minute talk: pass.", "A talk: pass."),
        ("what is GPT4", "GPT-4 is a model.", "GPT-3 is a model."),
        ("what is GPT-4", "GPT 4 is a model.", "GPT has 3 parts and 4 sizes."),
        ("how heavy is 12 mm wire", "12mm wire is heavy.", "Wire is heavy."),
        ("what is temper T651", "T651 is stretched.", "T6 is aged."),
        ("how old is a star of 9000 degrees", "| 9 000 | a billion years |", "| 19 000 | young |"),
        ("how do I tune a Kalman filter", "The Kalman filter has a gain.", "The filter has a gain."),
    ],
)
def test_a_text_has_what_is_named_or_lacks_it(question: str, has: str, lacks: str) -> None:
    assert has_all(has, specifics(question))
    assert not has_all(lacks, specifics(question))


def test_nothing_named_is_everywhere() -> None:
    assert has_all("", frozenset())


@pytest.mark.parametrize(
    ("question", "others"),
    [
        ("What is the size of UDP's header?", [False, True, False, False]),
        ("Explain TCP", [True, False, False, False]),
        ("how long is a header", [False, False, False, False]),
        ("What is the header of DNS?", [False, False, False, False]),
        ("HOW LONG IS THE TCP HEADER?", [False, False, False, False]),
    ],
)
def test_a_sentence_on_another_abbreviation_is_about_another_thing(question: str, others: list[bool]) -> None:
    sentences = [
        "UDP's header has 8 bytes.",
        "TCP's header has 20 bytes.",
        "A header is read first.",
        "$L_{ACK}$ is 20.",
    ]
    assert about_others(sentences, abbreviations(question)) == others


@pytest.mark.parametrize(
    ("question", "text", "another"),
    [
        ("How long is the test of Lab 1?", "Lab 2 begins with a test of ten minutes.", True),
        ("How long is the test of Lab 1?", "Lab 2: Procedure 1. Test (10 minutes).", True),
        ("How long is the test of Lab 1?", "Labs 1 and 2 begin with a test.", False),
        ("Is there a test in Lab 1?", "Not in Lab 2, only in Lab 1.", False),
        ("How long is the test of Lab 1?", "The first lab has a test, as Lab 2 has.", False),
        ("When is homework 4 due?", "Homework 3: Friday.", True),
        ("Was gibt Thermoelement K ab?", "Das Thermoelement J gibt 52 µV ab.", True),
        ("Does Python 3 have this?", "Since Python 3.11 it has.", False),
        ("What happened in December 2026?", "The resit is on December 15.", False),
        ("How long is the test?", "Lab 2 begins with a test.", False),
        ("What can I do in Hall B?", "I can see a dog.", False),
    ],
)
def test_a_sibling_has_another_number(question: str, text: str, another: bool) -> None:
    assert is_about_another(text, numbered(question)) is another
