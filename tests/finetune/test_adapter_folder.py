"""What is taken for an adapter, and for which base."""

import json
from pathlib import Path

import pytest

from finetune.adapter_folder import check_adapter, check_base, read_manifest
from rag.errors import TrainingError

OWN = Path(__file__).parents[2] / "rag" / "adapters" / "embedded-grounded"


def test_what_a_crash_left_of_an_adapter_is_none(tmp_path):
    (tmp_path / "adapter_model.safetensors").write_bytes(b"x" * 8)
    with pytest.raises(TrainingError, match=r"no adapter_config\.json, so it is no adapter"):
        check_adapter(tmp_path)


def test_the_adapter_that_ships_is_whole_and_at_most_ten_megabytes():
    check_adapter(OWN)
    assert sum(file.stat().st_size for file in OWN.iterdir()) <= 10_000_000


@pytest.mark.model
def test_an_adapter_is_held_against_the_base_it_was_trained_on(tmp_path):
    check_base(OWN, "embedded")
    (tmp_path / "weights.safetensors").write_bytes(b"other weights")
    with pytest.raises(
        TrainingError, match=r"was trained on SmolLM2-135M-Instruct.*Pass the base it was trained on"
    ):
        check_base(OWN, str(tmp_path))
    check_base(OWN, "someone/on-the-hub")


def test_a_manifest_that_is_damaged_is_said_and_a_missing_one_says_nothing(tmp_path):
    assert read_manifest(tmp_path) == {}
    for damaged in ('{"recipe": ', json.dumps(["recipe"])):
        (tmp_path / "manifest.json").write_text(damaged)
        with pytest.raises(TrainingError, match=r"manifest\.json .*Restore it"):
            read_manifest(tmp_path)
