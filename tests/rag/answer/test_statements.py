"""A statement brings what it needs to be understood alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answer.statements import is_code_line, statements_of


def quoted(text: str) -> list[str]:
    return [text[one.first : one.last] for one in statements_of(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# Leakage\n\nPower leaks.", ["Power leaks."]),
        ("TCP is reliable. It has 20 bytes.", ["TCP is reliable.", "TCP is reliable. It has 20 bytes."]),
        ("TCP is reliable.\n\nIt has 20 bytes.", ["TCP is reliable.", "It has 20 bytes."]),
        ("UDP ist schnell. Es hat 8 Byte.", ["UDP ist schnell.", "UDP ist schnell. Es hat 8 Byte."]),
        ("UDP ist schnell. Dies spart Zeit.", ["UDP ist schnell.", "UDP ist schnell. Dies spart Zeit."]),
        (
            "Run this:\n```\nmake\n```\nDone it is.",
            ["Run this:\n```\nmake\n```", "```\nmake\n```", "Done it is."],
        ),
        ("Layers:\n- link\n- network\n\nEnd.", ["Layers:\n- link\n- network", "- link", "- network", "End."]),
        ("The ratio is\n$$a/b$$", ["The ratio is\n$$a/b$$", "$$a/b$$"]),
        ("![](figures/tcp.png)\n\nTCP is reliable.", ["TCP is reliable."]),
        ("![The handshake of TCP](figures/tcp.png)", ["![The handshake of TCP](figures/tcp.png)"]),
        ("", []),
    ],
)
def test_quoted_alone(text: str, expected: list[str]) -> None:
    assert quoted(text) == expected


def test_a_log_with_bars_is_no_table() -> None:
    text = "Epoch: 1 | Batch: 0/52 | Loss: 2.39\nEpoch: 1 | Batch: 9/52 | Loss: 1.24\nEpoch: 2 | Batch: 0/52 | Loss: 0.91"
    assert [row.head for row in statements_of(text)] == [None, None, None]


def test_rows_know_their_head_and_the_head_states_nothing() -> None:
    text = "| Element | Density |\n|---|---|\n| Gold | 10.8 |\n| Iron | 7.9 |"
    rows = statements_of(text)
    assert [text[row.first : row.last] for row in rows] == ["| Gold | 10.8 |", "| Iron | 7.9 |"]
    assert {text[slice(*row.head)] for row in rows if row.head} == {"| Element | Density |"}


@given(st.text(alphabet="aIt. \n|-#:*`1", max_size=60))
def test_spans_are_in_order_and_inside(text: str) -> None:
    found = statements_of(text)
    assert [one.start for one in found] == sorted(one.start for one in found)
    assert all(0 <= one.first <= one.start < one.end <= one.last <= len(text) for one in found)


@pytest.mark.parametrize(
    ("sentence", "code"),
    [
        ('rag("How do I get a certificate?")', True),
        ("es_client = Elasticsearch('http://localhost:9200')", True),
        ("mrr(relevance)", True),
        ('```python\nrag("How do I get a certificate?")\n```', True),
        ("```python\nx = f(1)\ny = g(2)\n```", False),
        ("The function f(x) returns its square.", False),
        ("Gold has a density of 10.8", False),
        ("- run `make()`", False),
        ("| a | f(x) |", False),
    ],
)
def test_lines_of_code(sentence: str, code: bool) -> None:
    assert is_code_line(sentence) is code
