"""What a question names, and texts that have it all or not."""

import pytest

from rag.specifics import has_all, specifics


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("How fast is the CAN bus with type T651 cables of 12 mm?", {"CAN", "T651", "12"}),
        ("Why do Kalman's owls rest?", {"kalman"}),
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
