import gzip
import random
from collections import Counter
from pathlib import Path

import pytest

from finetune.customer_service import (
    held_out_rows,
    near_twins,
    read_customer_service,
    read_table,
    twin_pairs,
    usable_rows,
)
from finetune.recipe import DataPart
from rag.errors import DatasetError

BITEXT = Path(__file__).parents[3] / "shared" / "data" / "customer-service" / "bitext-27k.csv.gz"


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


def test_near_twins_of_two_intents_never_stand_on_both_sides():
    """Each topic is asked for twice in nearly the same words, once under each intent."""
    topics = [f"{first}{second}" for first in "abcd" for second in "vwxyz"]
    asked = [(f"please help me with {topic} and {topic}s and {topic}ness", topic) for topic in topics]
    rows = [_row(f"{text} {verb}", verb) for text, _ in asked for verb in ("cancel", "change")]
    held = held_out_rows(rows, 0.25, seed=1)
    assert Counter(rows[index]["intent"] for index in held) == {"cancel": 5, "change": 5}
    assert all((index in held) == (index + 1 in held) for index in range(0, len(rows), 2))


@pytest.mark.parametrize("seed", range(5))
def test_pairs_are_those_of_comparing_all_with_all(seed):
    rng = random.Random(seed)
    words = [f"w{n}" for n in range(11)]
    sets = list({frozenset(rng.sample(words, rng.randint(0, 10))) for _ in range(250)})
    found = {frozenset(pair) for pair in twin_pairs(sets)}
    wanted = {
        frozenset((a, b))
        for a in range(len(sets))
        for b in range(a)
        if len(sets[a] & sets[b]) >= 0.8 * len(sets[a] | sets[b])
    }
    assert found == wanted and len(wanted) > 20


@pytest.mark.skipif(not BITEXT.is_file(), reason=f"the Bitext rows are not at {BITEXT}")
def test_no_held_out_row_of_bitext_has_a_near_twin_in_training():
    rows, dropped = usable_rows(read_table(str(BITEXT)))
    held = held_out_rows(rows, 0.05, seed=0)
    texts = [row["instruction"] for row in rows]
    assert dropped == {"broken characters (U+FFFD)": 111}
    assert 1250 <= len(held) <= 1345
    assert all(len({index in held for index in group}) == 1 for group in near_twins(texts))
    shares = Counter(rows[index]["intent"] for index in held)
    assert len(shares) == 27 and min(shares.values()) >= 45


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_archive_is_one_sentence(tmp_path, damage):
    whole = gzip.compress(b"instruction,intent,response\n" + b"".join(b"%d,b,c\n" % n for n in range(999)))
    file = tmp_path / "rows.csv.gz"
    file.write_bytes(whole[: len(whole) // 2] if damage == "cut" else whole[:20] + b"\xff" * 40 + whole[60:])
    with pytest.raises(DatasetError, match=r"rows\.csv\.gz is damaged or cut short \(.*download it again"):
        read_table(str(file))


def test_a_missing_file_is_not_looked_for_on_a_hub(tmp_path):
    with pytest.raises(DatasetError, match=r"There is no file .*none\.parquet"):
        read_table(str(tmp_path / "none.parquet"))


@pytest.mark.model
def test_bad_json_lines_are_one_sentence_with_what_was_wrong(tmp_path):
    pytest.importorskip("datasets")
    file = tmp_path / "rows.jsonl"
    file.write_text('{"instruction": "a", "intent": "b", "response": "c"}\n{"instruction": \n')
    with pytest.raises(DatasetError, match=r"rows\.jsonl cannot be read: .*JSON.*Give a csv") as told:
        read_table(str(file))
    assert "\n" not in str(told.value)
