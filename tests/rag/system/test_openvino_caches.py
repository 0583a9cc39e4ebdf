"""What OpenVINO keeps is bounded for every network; `python -m benchmarks.memory` shows the effect."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from rag.system.openvino_caches import bound_onednn, with_bound

ROOT = Path(__file__).resolve().parents[3]


def test_the_bounds_are_set_and_a_person_s_own_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", raising=False)
    bound_onednn()
    assert os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == "64"
    monkeypatch.setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "500")
    bound_onednn()
    assert os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == "500"
    assert with_bound({"NUM_STREAMS": 2}) == {"NUM_STREAMS": 2, "CPU_RUNTIME_CACHE_CAPACITY": "64"}


def test_every_network_is_compiled_with_the_bound() -> None:
    found = [
        line
        for path in sorted((ROOT / "rag").rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"\.compile_model\(", line)
    ]
    assert found and all("with_bound(" in line for line in found)
