import gzip
import json

import pytest

from finetune.dataset import read_conversations
from finetune.recipe import DataPart
from rag.errors import DatasetError


def _line(answer: str) -> str:
    return json.dumps(
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": answer}]}
    )


def _part(path, **more):
    return DataPart(rows="messages", path=str(path), **more)


def test_every_fourth_row_is_held_out_and_none_twice(tmp_path):
    file = tmp_path / "rows.jsonl.gz"
    file.write_bytes(gzip.compress("\n".join(_line(str(n)) for n in range(8)).encode()))
    found = read_conversations(_part(file, evaluation_share=0.25), 0)
    assert [row[-1]["content"] for row in found.held_out] == ["3", "7"]
    assert [row[-1]["content"] for row in found.train] == ["0", "1", "2", "4", "5", "6"]


def test_a_limit_counts_training_rows_only(tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(_line(str(n)) for n in range(8)))
    found = read_conversations(_part(file, evaluation_share=0.25, limit=2), 0)
    assert (len(found.train), len(found.held_out)) == (2, 2)


@pytest.mark.parametrize("broken", ["{", '{"text": "x"}', '{"messages": []}', '{"messages": [{"role": 1}]}'])
def test_a_row_that_is_no_conversation_is_named_by_its_line(tmp_path, broken):
    file = tmp_path / "rows.jsonl"
    file.write_text(f"{_line('fine')}\n{broken}\n")
    with pytest.raises(DatasetError, match=r"rows\.jsonl line 2 is no conversation.*Expected"):
        read_conversations(_part(file), 0)


def test_a_missing_and_an_empty_file_are_said(tmp_path):
    with pytest.raises(DatasetError, match="cannot be read"):
        read_conversations(_part(tmp_path / "none.jsonl"), 0)
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n")
    with pytest.raises(DatasetError, match="no row to train on"):
        read_conversations(_part(empty), 0)


@pytest.mark.parametrize(("share", "held"), [(0.7, 7), (0.25, 2), (0.05, 0), (0.99, 9), (0.0, 0)])
def test_never_all_rows_are_held_out(tmp_path, share, held):
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(_line(str(n)) for n in range(10)))
    found = read_conversations(_part(file, evaluation_share=share), 0)
    assert (len(found.held_out), len(found.train)) == (held, 10 - held)


def test_a_line_separator_within_a_row_does_not_end_it(tmp_path):
    file = tmp_path / "rows.jsonl"
    said = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "one\u2028two"}]}
    file.write_text(json.dumps(said, ensure_ascii=False), "utf-8")
    assert read_conversations(_part(file), 0).train[0][-1]["content"] == "one\u2028two"


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_archive_is_one_sentence(tmp_path, damage):
    whole = gzip.compress("\n".join(_line(str(n)) for n in range(99)).encode())
    file = tmp_path / "rows.jsonl.gz"
    file.write_bytes(whole[: len(whole) // 2] if damage == "cut" else whole[:20] + b"\xff" * 40 + whole[60:])
    with pytest.raises(DatasetError, match=r"rows\.jsonl\.gz cannot be read \(.*Give a JSON-lines file"):
        read_conversations(_part(file), 0)


def test_rows_with_a_blank_answer_are_dropped_and_counted(tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join([_line("fine"), _line(""), _line(" \n\t")]))
    found = read_conversations(_part(file, evaluation_share=0.0), 0)
    assert (len(found.train), found.dropped) == (1, {"blank answer": 2})
    file.write_text(_line(" "))
    with pytest.raises(DatasetError, match=r"no row to train on \(dropped: 1 blank answer\)"):
        read_conversations(_part(file), 0)


@pytest.mark.parametrize(
    ("roles", "fault"),
    [
        (["assistant"], "line 2 begins with the assistant"),
        (["user", "user"], "line 2 has no assistant turn"),
    ],
)
def test_a_row_that_teaches_nothing_is_named_by_its_line(tmp_path, roles, fault):
    file = tmp_path / "rows.jsonl"
    row = json.dumps({"messages": [{"role": role, "content": "x"} for role in roles]})
    file.write_text(f"{_line('fine')}\n{row}\n")
    with pytest.raises(DatasetError, match=rf"rows\.jsonl {fault}"):
        read_conversations(_part(file), 0)


def test_a_row_nested_without_end_is_named_by_its_line(tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text('{"messages": ' + "[" * 100_000)
    with pytest.raises(DatasetError, match="line 1 is no conversation"):
        read_conversations(_part(file), 0)


def test_a_message_tells_that_all_rows_are_held_out(tmp_path):
    file = tmp_path / "rows.csv"
    lines = [f"how do I cancel number {n} of {'abcdefgh'[n]},go,{n}" for n in range(2)]
    file.write_text("\n".join(["instruction,response,intent", *lines]))
    part = DataPart(rows="customer-service", path=str(file), evaluation_share=0.05)
    with pytest.raises(DatasetError, match=r"all 2 usable rows are held out.*evaluation_share = 0"):
        read_conversations(part, 0)
