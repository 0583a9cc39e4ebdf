"""What programs printed comes after what people wrote."""

from collections.abc import Callable, Sequence

import pytest

from rag.answer.printed_passages import WIDER, Printed, printed, written_first
from rag.answer.readable import Reading
from rag.types import Chunk, Hit

RECORDS = "{'question': 'Can I weigh an owl?',\n 'section': 'Owls',\n 'course': 'birds'}"
PROSE = "Yes, owls can be weighed, and the scale stands beside the door of the bird room."


@pytest.mark.parametrize(
    ("text", "output", "kind"),
    [
        (RECORDS, True, Printed.DATA),
        (PROSE, True, Printed.TEXT),
        (RECORDS, False, Printed.LITTLE),
        (f"{PROSE} {PROSE} {PROSE}\n{RECORDS}", False, Printed.LITTLE),
        ("mean weight: 4.2", True, Printed.TEXT),
    ],
)
def test_a_passage_is_printed_by_most_of_its_letters(
    make_chunk: Callable[..., Chunk], text: str, output: bool, kind: Printed
) -> None:
    assert printed(Reading(make_chunk(text), output=((0, len(text)),) if output else ())) is kind


def test_code_with_a_short_output_is_not_printed(make_chunk: Callable[..., Chunk]) -> None:
    text = "weights = load('owls.csv')\nprint(weights.mean())\n\n4.2 kilograms"
    assert printed(Reading(make_chunk(text), output=((text.index("4.2"), len(text)),))) is Printed.LITTLE


class Search:
    """A search with a fixed ranking, which counts how many passages it was asked for."""

    def __init__(self, readings: Sequence[Reading]) -> None:
        self.readings = {one.chunk.id: one for one in readings}
        self.ranked = [Hit(one.chunk, 1.0) for one in readings]
        self.asked: list[int] = []

    def first(self, wanted: int) -> list[Hit]:
        self.asked.append(wanted)
        return self.ranked[:wanted]

    def read(self, chunk: Chunk) -> Reading:
        return self.readings[chunk.id]

    def order(self, wanted: int) -> list[str]:
        hits = written_first(self.first(wanted), lambda: self.first(wanted * WIDER), self.read)
        return [hit.chunk.id for hit in hits]


@pytest.fixture
def search(make_chunk: Callable[..., Chunk]) -> Callable[[str], Search]:
    """Make a search from letters: written, printed text, printed data."""
    texts = {"w": PROSE, "t": PROSE, "d": RECORDS}

    def made(kinds: str) -> Search:
        def reading(place: int, kind: str) -> Reading:
            text = f"{texts[kind]} {place}"
            return Reading(make_chunk(text, f"{place}"), output=() if kind == "w" else ((0, len(text)),))

        return Search([reading(place, kind) for place, kind in enumerate(kinds)])

    return made


@pytest.mark.parametrize(
    ("kinds", "order"),
    [
        ("wwtw" + "w" * 12, (0, 1, 2, 3)),
        ("wdww" + "w" * 12, (0, 2, 3, 4)),
        ("tttw" + "d" * 11 + "w", (3, 15, 0, 1)),
        ("ttww" + "w" * 12, (0, 1, 2, 3)),
        ("dddd" + "d" * 12, (0, 1, 2, 3)),
    ],
    ids=[
        "text among others",
        "data goes last",
        "text that hides the others",
        "half is not most",
        "only data",
    ],
)
def test_written_passages_come_first(
    search: Callable[[str], Search], kinds: str, order: tuple[int, ...]
) -> None:
    found = search(kinds)
    assert found.order(4) == [found.ranked[place].chunk.id for place in order]


def test_a_search_without_printed_passages_is_made_once(search: Callable[[str], Search]) -> None:
    found = search("wwww")
    found.order(4)
    assert found.asked == [4]


def test_no_hits_stay_none(search: Callable[[str], Search]) -> None:
    assert search("").order(4) == []
