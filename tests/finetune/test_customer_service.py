import gzip

import pytest

from finetune.customer_service import (
    held_out_rows,
    near_twins,
    read_customer_service,
    read_table,
    usable_rows,
)
from finetune.recipe import DataPart
from rag.errors import DatasetError


def _row(instruction, intent="cancel", response="Of course."):
    return {"instruction": instruction, "intent": intent, "response": response}


def test_instructions_that_share_most_words_are_one_group():
    texts = [
        "please cancel my order now today",
        "where is my refund",
        "cancel my order now today please",
        "please cancel my order now",
    ]
    assert near_twins(texts) == [[0, 2, 3], [1]]


def test_a_number_alone_does_not_make_a_new_instruction():
    assert near_twins(["cancel order 12", "cancel order 977", "cancel order {{Order Number}}"]) == [[0, 1, 2]]


def test_near_twins_never_stand_on_both_sides():
    topics = [f"{first}{second}" for first in "abcd" for second in "vwxyz"]
    rows = [_row(f"{topics[n // 4]} please help with {topics[n // 4]}ness number {n}") for n in range(80)]
    held = held_out_rows(rows, 0.2, seed=0)
    assert 8 <= len(held) <= 16
    for group in near_twins([row["instruction"] for row in rows]):
        assert len({index in held for index in group}) == 1


def test_broken_empty_and_repeated_rows_are_counted():
    rows = [_row("a"), _row("a"), _row("b", response="caf\ufffd"), _row(" "), _row("c", response="")]
    kept, dropped = usable_rows(rows)
    assert [row["instruction"] for row in kept] == ["a"]
    assert dropped == {"repeated row": 1, "broken characters (U+FFFD)": 1, "empty instruction or response": 2}


def test_a_missing_column_is_named(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("instruction,answer\nhi,there\n")
    with pytest.raises(DatasetError, match=r"lacks intent, response \(found: instruction, answer\)"):
        read_table(str(file))


def test_a_gzipped_file_is_read_and_split(tmp_path):
    file = tmp_path / "rows.csv.gz"
    names = [f"{a}{b}" for a in "abcde" for b in "stuvwxyz"]
    lines = [f"{name} {name}s,buy,Answer {name}" for name in names]
    file.write_bytes(gzip.compress("\n".join(["instruction,intent,response", *lines]).encode()))
    found = read_customer_service(
        DataPart(rows="customer-service", path=str(file), evaluation_share=0.1), seed=3
    )
    assert (len(found.train), len(found.held_out)) == (36, 4)
    assert {m["role"] for row in found.train for m in row} == {"user", "assistant"}
