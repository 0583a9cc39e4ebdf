"""Files replaced whole: old or new content, whatever fails, with the file's permissions."""

from __future__ import annotations

import ast
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rag.system.atomic_write import append, draft_path, host_name, new_folder, replacing, write_text


def test_the_new_text_replaces_the_old_one_with_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "lectern.toml"
    path.write_text("old")
    path.chmod(0o600)
    write_text(path, "grün")
    assert path.read_text(encoding="utf-8") == "grün"
    assert os.name != "posix" or path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_failure_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(path) as draft:
        draft.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "adapter"
    with new_folder(folder) as draft:
        (draft / "weights").write_text("one")
        assert not folder.exists()
    with pytest.raises(ZeroDivisionError), new_folder(folder) as draft:
        (draft / "weights").write_text("half")
        raise ZeroDivisionError
    assert (folder / "weights").read_text() == "one"
    with new_folder(folder) as draft:
        (draft / "other").write_text("two")
        assert (folder / "weights").read_text() == "one"
    assert [path.name for path in folder.iterdir()] == ["other"]
    assert list(tmp_path.iterdir()) == [folder]


def test_the_earlier_folder_stays_if_the_new_one_cannot_take_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "adapter"
    with new_folder(folder) as draft:
        (draft / "weights").write_text("one")
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.suffix == ".part":
            raise OSError("the disk is full")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="full"), new_folder(folder) as draft:
        (draft / "weights").write_text("two")
    assert (folder / "weights").read_text() == "one"
    assert list(tmp_path.iterdir()) == [folder]


def test_folders_of_killed_processes_are_swept(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    left = tmp_path / f"adapter.{int(ended.stdout)}-abcd.part"
    for kept in (
        f"adapter.{os.getppid()}-abcd.part",
        "adapter.part",
        "adapter.1-x.old",
        "adapter.notes.part",
    ):
        (tmp_path / kept).mkdir()
    left.mkdir()
    with new_folder(tmp_path / "adapter"):
        pass
    assert not left.exists()
    assert len(list(tmp_path.iterdir())) == 5


def test_bytes_are_added_whole_or_not_at_all(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / "records.jsonl"
    append(path, b"one\n")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
        with pytest.raises(OSError, match=r"only 6 of 8 bytes|File too large"):
            append(path, b"two two\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_bytes() == b"one\n"


_OTHER_WRITERS = {
    "rag/system/atomic_write.py": "the routine itself",
    "rag/library/backup.py": "unpacks a backup into a temporary folder",
    "rag/chat_models/engines/engine_worker.py": "a pipe",
    "rag/library/write_lock.py": "the number of the process that has the lock; only a hint",
    "rag/search/faiss_file.py": "adds the header to a draft",
    "rag/chat_models/files/gguf_writing.py": "fills a draft",
    "ui/api/keys.py": "fills a draft that only its owner may read",
    "ui/bulk.py": "results line by line as they come",
    "ingest/worker.py": "a pipe",
    "ui/web/slide_decks.py": "a copy of a deck in a temporary folder",
    "ui/web/slide_worker.py": "LibreOffice's settings in the same folder",
}


def test_everything_that_is_kept_is_written_by_this_module() -> None:
    """Fifteen modules wrote files on their own; a full disk emptied the settings and tore golden files."""
    root = Path(__file__).resolve().parents[3]
    found = set()
    for package in ("rag", "ingest", "finetune", "eval", "ui"):
        for path in sorted((root / package).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            if not name.startswith(
                ("finetune/grounded/", "finetune/evidence/")
            ):  # scripts that make shipped weights
                found |= {name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if _writes(node)}
    assert found == set(_OTHER_WRITERS)


def _writes(node: ast.AST) -> bool:
    """Whether it is a call that writes a file in place."""
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    modes = [a.value for a in [*node.args, *(k.value for k in node.keywords)] if isinstance(a, ast.Constant)]
    if name in {"open", "fdopen"}:
        return any(isinstance(mode, str) and re.fullmatch(r"[wax]b?t?\+?", mode) for mode in modes)
    return name in {"write_text", "write_bytes"} and isinstance(node.func, ast.Attribute)


def test_a_draft_of_a_killed_process_goes_with_the_next_write(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], stdout=subprocess.PIPE, check=True
    )
    left = tmp_path / f"kept.json.{int(ended.stdout)}-0123abcd.part"
    running = tmp_path / f"kept.json.{os.getpid()}-0123abcd.part"
    for draft in (left, running):
        draft.write_text("half")
    write_text(tmp_path / "kept.json", "{}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept.json", running.name]
    left.write_text("half")
    with replacing(tmp_path / "kept.json") as new:
        new.write_text("{}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept.json", running.name]


def test_a_draft_of_another_machine_stays(tmp_path: Path) -> None:
    """A library on a network drive: the number of a process of another machine says nothing here."""
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], stdout=subprocess.PIPE, check=True
    )
    number = int(ended.stdout)
    here = tmp_path / f"kept.json.{number}-{host_name()}-0123abcd.part"
    there = tmp_path / f"kept.json.{number}-{host_name()}-2-0123abcd.part"
    for draft in (here, there):
        draft.write_text("half")
    write_text(tmp_path / "kept.json", "{}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept.json", there.name]
    assert re.fullmatch(rf"a\.{os.getpid()}-{host_name()}-[0-9a-f]{{8}}\.part", draft_path(Path("a")).name)
