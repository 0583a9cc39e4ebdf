"""The index against brute-force numpy, with questions of any length."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import LibraryDamaged
from rag.library.connections import DATABASE_NAME
from rag.library.library import Library
from rag.library.store import Allowed
from rag.search.dense import VectorIndex, pending_changes
from rag.search.faiss_file import FILE_NAME, VectorFile
from rag.search.scope import Scope, allowed_passages
from rag.types import Chunk, Document, DocumentKind, Locator, Unit, chunk_id

DIM = 16


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def fill(library: Library, vectors: np.ndarray, name: str = "d") -> None:
    """One document of as many chunks as vectors."""
    where = Locator(Unit.LINE, 1, 1)
    texts = [f"{name} {number}" for number in range(len(vectors))]
    chunks = [Chunk(chunk_id(name, n, t), name, n, n, n + len(t), t, where) for n, t in enumerate(texts)]
    library.replace_document(Document(name, "", DocumentKind.TEXT, name, "", ()), chunks, vectors)


@pytest.fixture
def empty(tmp_path: Path) -> Any:
    with Library.create(tmp_path / "vectors") as library:
        library.bind("by hand", DIM, "by hand")
        yield library


def brute_force(library: Library, query: np.ndarray, k: int) -> tuple[list[int], np.ndarray]:
    rowids, vectors = library.vectors()
    cosines = vectors @ (query / np.linalg.norm(query))
    order = np.lexsort((rowids, -cosines))[:k]
    return rowids[order].tolist(), cosines[order]


@pytest.mark.parametrize("length", [1.0, 17.5, 1e-3])
def test_flat_search_is_brute_force_whatever_the_question_s_length(empty: Library, length: float) -> None:
    generator = np.random.default_rng(0)
    fill(empty, unit(generator.standard_normal((300, DIM))))
    index = VectorIndex(empty)
    for _ in range(20):
        query = unit(generator.standard_normal((1, DIM)))[0] * length
        rowids, cosines = index.search(query.astype(np.float32), 10)
        expected, scores = brute_force(empty, query, 10)
        assert rowids.tolist() == expected
        assert cosines == pytest.approx(scores, abs=1e-5)


def test_clusters_find_nearly_all_and_their_scores_are_exact(empty: Library) -> None:
    generator = np.random.default_rng(1)
    centres = generator.standard_normal((40, DIM))
    fill(empty, unit(centres[generator.integers(0, 40, 3000)] + 0.4 * generator.standard_normal((3000, DIM))))
    index = VectorIndex(empty, flat_limit=1000)
    found = 0
    for centre in centres:
        query = (3.0 * centre).astype(np.float32)
        rowids, cosines = index.search(query, 10)
        expected, _ = brute_force(empty, query, 10)
        found += len(set(rowids.tolist()) & set(expected))
        rows, vectors = empty.vectors(rowids)
        assert rows.tolist() == rowids.tolist()
        assert cosines == pytest.approx(vectors @ (query / np.linalg.norm(query)), abs=1e-5)
        assert (np.diff(cosines) <= 0).all()
    assert found / 400 >= 0.97
    assert index.figures().kind == "ivf"


def test_k_beyond_the_library_gives_all_of_it(empty: Library) -> None:
    fill(empty, unit(np.random.default_rng(2).standard_normal((3, DIM))))
    assert len(VectorIndex(empty).search(np.ones(DIM, np.float32), 50)[0]) == 3


def test_nothing_is_found_in_nothing_or_for_nothing(empty: Library) -> None:
    index = VectorIndex(empty)
    assert len(index.search(np.ones(DIM, np.float32), 5)[0]) == 0
    fill(empty, unit(np.ones((1, DIM))))
    assert len(index.search(np.zeros(DIM, np.float32), 5)[0]) == 0
    assert len(index.search(np.ones(DIM, np.float32), 0)[0]) == 0
    assert index.search(np.ones(DIM, np.float32), 5)[1] == pytest.approx([1.0])


def test_equal_cosines_are_ordered_by_rowid(empty: Library) -> None:
    fill(empty, unit(np.ones((6, DIM))))
    assert VectorIndex(empty).search(np.ones(DIM, np.float32), 4)[0].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("flat_limit", [10_000, 100])
def test_changes_are_caught_up(empty: Library, flat_limit: int) -> None:
    generator = np.random.default_rng(3)
    for name in ("a", "b", "c", "d"):
        fill(empty, unit(generator.standard_normal((100, DIM))), name)
    index = VectorIndex(empty, flat_limit=flat_limit)
    index.refresh()
    empty.remove_document("b")
    fill(empty, unit(generator.standard_normal((20, DIM))), "e")
    new = VectorIndex(empty, flat_limit=flat_limit)  # another process that finds the file of before
    for opened in (index, new):
        assert opened.figures().vectors == 320
        for rowid, vector in list(zip(*empty.vectors(), strict=True))[::37]:
            assert opened.search(vector, 1)[0].tolist() == [rowid]
    assert not {r for r in index.search(np.ones(DIM, np.float32), 320)[0].tolist() if 100 < r <= 200}


def test_a_changed_index_saves_itself_with_the_generation(empty: Library) -> None:
    fill(empty, unit(np.random.default_rng(4).standard_normal((5, DIM))))
    VectorIndex(empty).refresh()
    header = VectorFile(empty.folder).header()
    assert header is not None
    assert (header.generation, header.count, header.dim) == (empty.generation, 5, DIM)
    before = (empty.folder / FILE_NAME).stat().st_mtime_ns
    VectorIndex(empty).search(np.ones(DIM, np.float32), 1)
    assert (empty.folder / FILE_NAME).stat().st_mtime_ns == before


@pytest.mark.parametrize("flat_limit", [10_000, 100])
def test_a_small_change_leaves_the_file_alone_and_is_found_all_the_same(
    empty: Library, flat_limit: int
) -> None:
    """Two changes in a hundred are laid over the file; with the third it is written again."""
    generator = np.random.default_rng(10)
    fill(empty, unit(generator.standard_normal((100, DIM))), "many")
    fill(empty, unit(generator.standard_normal((100, DIM))), "more")
    index = VectorIndex(empty, flat_limit=flat_limit)
    index.keep_file()
    written = (empty.folder / FILE_NAME).read_bytes()
    fill(empty, unit(generator.standard_normal((2, DIM))), "few")
    assert pending_changes(empty) == 2
    index.keep_file()
    for opened in (index, VectorIndex(empty, flat_limit=flat_limit)):
        rowids, vectors = empty.vectors([201, 202, 7])
        for rowid, vector in zip(rowids.tolist(), vectors, strict=True):
            assert opened.search(vector, 1)[0].tolist() == [rowid]
        assert opened.figures().vectors == 202
    assert (empty.folder / FILE_NAME).read_bytes() == written
    empty.remove_document("few")
    fill(empty, unit(generator.standard_normal((5, DIM))), "five")
    assert pending_changes(empty) == 5
    index.keep_file()
    assert pending_changes(empty) == 0
    assert index.search(empty.vectors([207])[1][0], 1)[0].tolist() == [207]


def test_what_is_gone_does_not_take_the_place_of_what_is_there(empty: Library) -> None:
    """The three nearest were removed: the next three are found, though the file still holds the others."""
    steps = np.zeros((400, DIM), np.float32)
    steps[:, 0], steps[:, 1] = 1.0, np.arange(400) / 100
    for name, rows in (("near", steps[:3]), ("rest", steps[3:])):
        fill(empty, unit(rows), name)
    VectorIndex(empty).refresh()
    empty.remove_document("near")
    assert VectorIndex(empty).search(np.eye(DIM, dtype=np.float32)[0], 3)[0].tolist() == [4, 5, 6]
    assert pending_changes(empty) == 3


def damage_cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def damage_flip(data: bytes) -> bytes:
    return data[:100] + bytes([data[100] ^ 1]) + data[101:]


@pytest.mark.parametrize(
    "damage", [damage_cut, damage_flip, lambda data: b"", lambda data: b"x" * 50, lambda data: data + b"y"]
)
def test_a_damaged_file_is_made_again(empty: Library, damage: Callable[[bytes], bytes]) -> None:
    fill(empty, unit(np.random.default_rng(5).standard_normal((30, DIM))))
    VectorIndex(empty).refresh()
    file = empty.folder / FILE_NAME
    sound = file.read_bytes()
    file.write_bytes(damage(sound))
    assert len(VectorIndex(empty).search(np.ones(DIM, np.float32), 30)[0]) == 30
    header = VectorFile(empty.folder).header()
    assert header is not None
    assert (header.count, header.epoch) == (30, empty.epoch)
    assert file.read_bytes()[: header.body_bytes] == sound[: header.body_bytes]


def test_a_file_of_another_library_is_not_believed(empty: Library, tmp_path: Path) -> None:
    fill(empty, unit(np.random.default_rng(6).standard_normal((4, DIM))))
    VectorIndex(empty).refresh()
    with Library.create(tmp_path / "other") as other:
        other.bind("another embedder", DIM, "by hand")
        fill(other, unit(np.random.default_rng(7).standard_normal((4, DIM))))
        (other.folder / FILE_NAME).write_bytes((empty.folder / FILE_NAME).read_bytes())
        _, vectors = other.vectors()
        assert VectorIndex(other).search(vectors[2], 1)[1] == pytest.approx([1.0])


def each_finds_itself(library: Library) -> bool:
    index = VectorIndex(library)
    rowids, vectors = library.vectors()
    return all(
        index.search(vector, 1)[0].tolist() == [rowid]
        for rowid, vector in zip(rowids.tolist(), vectors, strict=True)
    )


def copied(library: Library, place: Path) -> Path:
    """The database as somebody backs it up."""
    place.mkdir()
    backup = sqlite3.connect(place / DATABASE_NAME)
    library.connection.backup(backup)
    backup.close()
    return place / DATABASE_NAME


def test_an_older_library_that_was_put_back_does_not_believe_the_file(empty: Library, tmp_path: Path) -> None:
    """It uses the rowids of the lost time again, for other passages."""
    generator = np.random.default_rng(11)
    fill(empty, unit(generator.standard_normal((50, DIM))), "first")
    VectorIndex(empty).keep_file()
    backup = copied(empty, tmp_path / "backup")
    fill(empty, unit(generator.standard_normal((50, DIM))), "lost")
    VectorIndex(empty).keep_file()
    folder = empty.folder
    empty.close()
    for file in folder.glob(f"{DATABASE_NAME}*"):
        file.unlink()
    shutil.copy(backup, folder / DATABASE_NAME)
    with Library.open(folder) as library:
        assert pending_changes(library) is None  # right away, when its generation is behind the file's
        fill(library, unit(generator.standard_normal((50, DIM))), "new")
        fill(library, unit(generator.standard_normal((1, DIM))), "more")
        assert library.chunk_rowids().tolist() == list(range(1, 102))
        assert pending_changes(library) is None
        assert each_finds_itself(library)
        VectorIndex(library).keep_file()
        assert pending_changes(library) == 0
        assert each_finds_itself(library)


def test_commits_that_a_power_cut_took_are_not_in_the_file(empty: Library, tmp_path: Path) -> None:
    """The files as they are on the disk when the index file gets its name hold all that the index was made of."""
    generator = np.random.default_rng(12)
    fill(empty, unit(generator.standard_normal((20, DIM))), "one")
    VectorIndex(empty).keep_file()
    fill(empty, unit(generator.standard_normal((20, DIM))), "two")
    index = VectorIndex(empty)
    plain, place = Path.replace, tmp_path / "disk"

    def replace(draft: Path, target: Path) -> Path:
        place.mkdir()
        for file in empty.folder.glob(f"{DATABASE_NAME}*"):
            if not file.name.endswith("-shm"):
                shutil.copy(file, place / file.name)
        return plain(draft, target)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Path, "replace", replace)
        index.keep_file()
    shutil.copy(empty.folder / FILE_NAME, place / FILE_NAME)
    with Library.open(place) as library:
        assert pending_changes(library) == 0
        assert each_finds_itself(library)


def test_a_file_without_an_epoch_is_made_again(empty: Library) -> None:
    """As an earlier Lectern wrote it."""
    fill(empty, unit(np.random.default_rng(13).standard_normal((5, DIM))))
    VectorIndex(empty).keep_file()
    with empty._connections.transaction(locked=True, counts=False) as connection:
        connection.execute("DELETE FROM manifest WHERE key = 'epoch'")
    assert pending_changes(empty) is None
    VectorIndex(empty).keep_file()
    assert empty.epoch
    assert pending_changes(empty) == 0


@pytest.fixture
def full_disk() -> Iterator[Callable[[], None]]:
    """Called, has the system refuse every file beyond 64 KiB until the test ends, as a full disk would."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_stops_the_file_and_not_the_search(
    empty: Library, full_disk: Callable[[], None], checkpoint: Callable[[Library], None]
) -> None:
    fill(empty, unit(np.random.default_rng(14).standard_normal((3000, DIM))))
    checkpoint(empty)
    _, vectors = empty.vectors()
    full_disk()
    index = VectorIndex(empty)
    for number in (0, 1234, 2999):
        assert index.search(vectors[number], 1)[0].tolist() == [number + 1]
    assert index.figures().vectors == 3000
    assert [file.name for file in empty.folder.glob("vectors*")] == []
    with pytest.raises(LibraryDamaged, match="could not be written"):
        index.keep_file()
    with pytest.raises(LibraryDamaged, match="could not be written"):
        VectorIndex(empty).keep_file()
    assert index.search(vectors[77], 1)[0].tolist() == [78]


def test_an_index_that_could_not_be_saved_is_saved_later(
    empty: Library, full_disk: Callable[[], None]
) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    fill(empty, unit(np.random.default_rng(15).standard_normal((3000, DIM))))
    index = VectorIndex(empty)
    full_disk()
    index.refresh()
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    index.keep_file()
    assert pending_changes(empty) == 0
    assert VectorIndex(empty).search(empty.vectors([9])[1][0], 1)[0].tolist() == [9]


def test_no_file_stays_of_an_emptied_library(empty: Library) -> None:
    fill(empty, unit(np.ones((1, DIM))))
    index = VectorIndex(empty)
    index.refresh()
    empty.remove_document("d")
    assert len(index.search(np.ones(DIM, np.float32), 3)[0]) == 0
    fill(empty, unit(np.ones((2, DIM))), "later")
    assert len(index.search(np.ones(DIM, np.float32), 3)[0]) == 2


@pytest.mark.parametrize(("flat_limit", "exact_limit"), [(10_000, 5000), (10_000, 10), (100, 10)])
def test_a_scope_gets_its_k_nearest(
    empty: Library, monkeypatch: pytest.MonkeyPatch, flat_limit: int, exact_limit: int
) -> None:
    monkeypatch.setattr("rag.search.dense.EXACT_LIMIT", exact_limit)
    generator = np.random.default_rng(8)
    for name in ("a", "b", "c"):
        fill(empty, unit(generator.standard_normal((100, DIM))), name)
    allowed = allowed_passages(empty, Scope(documents=("b",)))
    assert isinstance(allowed, Allowed)
    query = generator.standard_normal(DIM).astype(np.float32)
    rowids, _ = VectorIndex(empty, flat_limit=flat_limit).search(query, 100, allowed)
    _, vectors = empty.vectors(allowed.rowids)
    exact = allowed.rowids[np.argsort(-(vectors @ query), kind="stable")]
    assert len(rowids) == 100
    assert rowids.tolist() == exact.tolist()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.integers(1, 15))
def test_more_hits_only_add_to_fewer(letters: list[int], k: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder, Library.create(Path(folder)) as library:
        library.bind("by hand", 8, "by hand")
        fill(library, np.eye(8, dtype=np.float32)[letters])
        index = VectorIndex(library)
        query = np.arange(8, 0, -1).astype(np.float32)
        assert index.search(query, k + 1)[0].tolist()[:k] == index.search(query, k)[0].tolist()


def test_cosines_keep_the_order_asked_for_and_are_zero_for_what_is_gone(empty: Library) -> None:
    fill(empty, np.eye(DIM, dtype=np.float32)[:3])
    query = np.zeros(DIM, np.float32)
    query[1] = 5.0
    assert VectorIndex(empty).cosines(query, np.array([2, 99, 1])).tolist() == [1.0, 0.0, 0.0]
