"""Pages of mapped files are given back and read again."""

from __future__ import annotations

import mmap
import os
import sys
from pathlib import Path

import pytest

from rag.chat_models.engines.mapped_files import drop_mapped_pages


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives pages back")
def test_only_the_folders_own_pages_are_given_back_and_they_come_again(tmp_path: Path) -> None:
    psutil = pytest.importorskip("psutil")
    (tmp_path / "model").mkdir()
    inside, outside = tmp_path / "model" / "weights.bin", tmp_path / "model2.bin"
    maps = []
    for path in (inside, outside):
        path.write_bytes(os.urandom(1 << 24))
        with path.open("rb") as file:
            maps.append(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    before = [sum(one[::4096]) for one in maps]
    resident = psutil.Process().memory_info().rss
    assert drop_mapped_pages(tmp_path / "model") == 1 << 24
    assert resident - psutil.Process().memory_info().rss > 1 << 23
    assert [sum(one[::4096]) for one in maps] == before
    for one in maps:
        one.close()
    assert drop_mapped_pages(tmp_path / "model") == 0
