"""The shared training rows that failed, where they are present: trained on, left out, or one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from finetune.base_model import load_tokenizer
from finetune.dataset import read_conversations
from finetune.encoding import encode_all
from finetune.recipe import DataPart
from rag.errors import DatasetError

CASE = next(
    (
        one
        for up in Path(__file__).resolve().parents
        if (one := up / "shared" / "data" / "cases" / "13-finetune-rows").is_dir()
    ),
    Path("no shared cases"),
)
pytestmark = pytest.mark.skipif(not CASE.is_dir(), reason="the shared material is not on this machine")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("messages.jsonl", "line 3 has no assistant turn"),
        ("row-02.jsonl", "line 2 has no assistant turn"),
        ("row-05.jsonl", "line 2 begins with the assistant"),
        ("row-12.jsonl", "line 2 is no conversation"),
        ("row-13.jsonl", "line 2 is no conversation"),
        ("row-14.jsonl", "line 2 is no conversation"),
    ],
)
def test_a_row_that_teaches_nothing_is_named_by_its_line(name: str, sentence: str) -> None:
    with pytest.raises(DatasetError, match=sentence):
        read_conversations(DataPart(rows="messages", path=str(CASE / name)), 0)


@pytest.mark.parametrize("name", ["row-03.jsonl", "row-04.jsonl"])
def test_a_blank_answer_is_left_out_and_counted(name: str) -> None:
    found = read_conversations(DataPart(rows="messages", path=str(CASE / name)), 0)
    assert (len(found.train), found.dropped) == (1, {"blank answer": 1})


def test_rows_that_are_all_held_out_say_so() -> None:
    with pytest.raises(DatasetError, match=r"all 8 usable rows are held out.*evaluation_share = 0"):
        read_conversations(DataPart(rows="customer-service", path=str(CASE / "bom.csv")), 0)


@pytest.mark.model
def test_control_tokens_in_a_row_are_text() -> None:
    rows = read_conversations(DataPart(rows="messages", path=str(CASE / "row-09.jsonl")), 0).train
    tokenizer = load_tokenizer("embedded")
    encoded, _ = encode_all(tokenizer, rows, 512)
    start = tokenizer.convert_tokens_to_ids("<|im_start|>")
    # The template opens a turn of the system, the user and the assistant; the row's own marks are letters.
    assert [list(row.input_ids).count(start) for row in encoded] == [3, 3]
