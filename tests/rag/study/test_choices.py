"""Wrong choices of a pool of terms, with vectors that count words."""

from __future__ import annotations

from rag.study.choices import MOST_NEAR, SPARE_CHOICES, Pool
from rag.study.claims import Claims
from rag.study.items import GAP, ItemKind, Proposal, Topic
from rag.study.readable import Line
from rag.study.terms import Term
from rag.types import BlockKind
from tests.rag.study.conftest import Hashed


def term(name: str, definition: str) -> Term:
    line = Line(definition, definition, 0, len(definition), (), BlockKind.PARAGRAPH)
    return Term(name, definition, line, "trees.md", "Trees", False)


def asked(topic: Topic) -> Proposal:
    text = f"{GAP} feeds bees with pollen on river banks in spring."
    return Proposal(topic, ItemKind.CHOICE, text, "", text, "Salix", "bees.md", 0, len(text), ())


def test_a_written_question_takes_its_choices_from_all_terms() -> None:
    letters = [f"{a}{b}" for a in "bcdfgh" for b in "aeioucdfg"][: MOST_NEAR + 1]
    dull = [term(f"Wax{two}", f"The tool wax{two} opens box{two} of wood{two}.") for two in letters]
    close = [
        term("Alnus", "Alnus has pollen near rivers."),
        term("Betula", "Betula has bark of white paper."),
    ]
    pool = Pool([*dull, *close], [], Claims.of([]), Hashed())
    assert "Alnus" in pool.beside(asked(Topic.WRITTEN))[:1]
    assert "Alnus" not in pool.wrong(asked(Topic.DEFINITION))
    assert len(pool.beside(asked(Topic.WRITTEN))) == SPARE_CHOICES
