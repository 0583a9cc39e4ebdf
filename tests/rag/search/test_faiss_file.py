"""The index file: what is not there any more, what was left behind, who may still be writing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.search import faiss_index
from rag.search.faiss_file import FILE_NAME, VectorFile, VectorHeader

HEADER = VectorHeader("identity", 3, 4, 5, 9, 0)


@pytest.fixture
def index() -> Any:
    made = faiss_index.flat_index(4)
    faiss_index.add(made, np.arange(5, 10), np.eye(5, 4, dtype=np.float32))
    return made


def ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_was_written_comes_back_under_the_epoch_that_was_told(tmp_path: Path, index: Any) -> None:
    file, told = VectorFile(tmp_path), []
    file.write(index, HEADER, told.append)
    header = file.header()
    assert header is not None
    assert [header.epoch] == told
    assert (header.generation, header.count, header.last_rowid) == (3, 5, 9)
    assert faiss_index.rowids_of(file.read(header)).tolist() == [5, 6, 7, 8, 9]
    file.write(index, HEADER, told.append)
    assert told[0] != told[1]
    assert [entry.name for entry in tmp_path.iterdir()] == [FILE_NAME]


def test_the_file_is_not_there_before_its_epoch_was_told(tmp_path: Path, index: Any) -> None:
    file = VectorFile(tmp_path)

    def refuse(_: str) -> None:
        assert file.header() is None
        raise OSError(28, "No space left on device")

    with pytest.raises(Exception, match="could not be written"):
        file.write(index, HEADER, refuse)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_went_between_its_header_and_its_index(tmp_path: Path, index: Any) -> None:
    file = VectorFile(tmp_path)
    file.write(index, HEADER, lambda _: None)
    header = file.header()
    assert header is not None
    file.remove()
    assert file.read(header) is None
    assert file.header() is None


def test_what_killed_processes_left_is_swept_and_what_others_write_is_not(tmp_path: Path, index: Any) -> None:
    dead, names = ended_process(), []
    for name in (f"{dead}.part", f"{dead}-abcd.part", f"{os.getppid()}-abcd.part", "notes.part"):
        (tmp_path / f"{FILE_NAME}.{name}").write_bytes(b"half an index")
        names.append(f"{FILE_NAME}.{name}")
    VectorFile(tmp_path).write(index, HEADER, lambda _: None)
    assert {entry.name for entry in tmp_path.iterdir()} == {FILE_NAME, *names[2:]}
