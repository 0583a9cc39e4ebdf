"""An ingest on a real Ray cluster of two nodes on this machine, beside the same ingest without it."""

from __future__ import annotations

import json
import os
import platform
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from ingest.discover import discover
from ingest.on_ray import connection
from ingest.on_ray.actors import ReadingActor, facts_of, job_of
from ingest.on_ray.connection import connected, off_stdout
from ingest.on_ray.executor import ray_executor
from ingest.pipeline import ingest_notes
from ingest.plan import Task
from ingest.report import IngestEvent, IngestReport, Stage
from rag.embedding.embedder import Embedder
from rag.embedding.engine import open_embedder
from rag.errors import ClusterError, SettingsError
from rag.library.library import Library
from rag.settings import EmbeddingSettings, Settings
from tests.patience import PATIENCE_SECONDS

pytest.importorskip("ray", reason="Ray (extra ray) is not installed")
pytestmark = [pytest.mark.model, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[3]
SETTINGS = Settings(embedding=EmbeddingSettings(precision="float32"))
STORE_BYTES = 80_000_000
NOTES = 24
Values = dict[tuple[str, int], tuple[bytes, bytes]]


class Nodes:
    """A cluster of two nodes with a processor each; the first is the head."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        arguments = {"num_cpus": 1, "object_store_memory": STORE_BYTES, "include_dashboard": False}
        # A node that is gone is noticed after five checks; one that is only slow has ten seconds for each.
        checks = {"_system_config": {"health_check_period_ms": 200}}
        self.cluster = Cluster(initialize_head=True, head_node_args=arguments | checks)
        self.second = self.cluster.add_node(**arguments)
        self.address: str = self.cluster.address

    def kill_second(self) -> None:
        """End every process of the second node with -9, as when its machine is switched off."""
        raylet = psutil.Process(self.second.all_processes["raylet"][0].process.pid)
        for process in (raylet, *raylet.children(recursive=True)):
            process.kill()


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        made = Nodes()
        yield made
        made.cluster.shutdown()


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return open_embedder(SETTINGS.embedding)


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Notes of some passages each, and one that cannot be read."""
    folder: Path = tmp_path_factory.mktemp("notes")
    for number in range(NOTES):
        paragraphs = [
            f"Paragraph {part} of note {number}. " + f"Filter {number * part} is stable. " * 20
            for part in range(5)
        ]
        (folder / f"note {number}.md").write_text(f"# Note {number}\n\n" + "\n\n".join(paragraphs))
    (folder / "bad.ipynb").write_text("not a notebook")
    return folder


@pytest.fixture(scope="module")
def here(
    notes: Path, embedder: Embedder, tmp_path_factory: pytest.TempPathFactory
) -> tuple[IngestReport, Values]:
    """The report and the vectors of an ingest without Ray."""
    with Library.open(tmp_path_factory.mktemp("here"), create=True) as library:
        report = ingest_notes(library, discover([notes]), embedder, SETTINGS)
        return report, values_of(library)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many batches, so that some are under way at any time."""
    monkeypatch.setattr("ingest.pipeline.PART_CHUNKS", 8)
    monkeypatch.setattr("ingest.embed_ahead.PART_CHUNKS", 8)


def values_of(library: Library) -> Values:
    rowids, vectors = library.vectors()
    chunks, sketches = library.chunks_by_rowid(rowids), library.sketches(rowids)
    return {
        (chunks[rowid].document, chunks[rowid].ordinal): (vector.tobytes(), sketches.get(rowid, b""))
        for rowid, vector in zip(rowids.tolist(), vectors, strict=True)
    }


def at_first_saved(act: Callable[[], None]) -> Callable[[IngestEvent], None]:
    """A listener that acts once, when the first note is saved and most are under way."""
    waiting = [act]

    def listen(event: IngestEvent) -> None:
        if event.stage is Stage.SAVED and waiting:
            waiting.pop()()

    return listen


def kill_embedding_actor() -> None:
    """Kill a worker process that embeds, with -9."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        for process in psutil.process_iter(["cmdline"]):
            if any("ray::EmbeddingActor" in word for word in process.info["cmdline"] or ()):
                process.send_signal(signal.SIGKILL)
                return
    raise AssertionError("no worker embeds")


def test_what_was_saved_before_ctrl_c_stays_and_a_killed_worker_loses_nothing(
    nodes: Nodes, notes: Path, embedder: Embedder, here: tuple[IngestReport, Values], tmp_path: Path
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    found, (wanted, values) = discover([notes]), here
    with Library.open(tmp_path, create=True) as library:
        with pytest.raises(KeyboardInterrupt), ray_executor(nodes.address, SETTINGS, embedder) as executor:
            ingest_notes(library, found, embedder, SETTINGS, at_first_saved(interrupt), executor)
        saved = len(library.documents())
        assert 1 <= saved < NOTES
        with ray_executor(nodes.address, SETTINGS, embedder) as executor:
            assert executor.workers == 2
            listener = at_first_saved(kill_embedding_actor)
            report = ingest_notes(library, found, embedder, SETTINGS, listener, executor)
            assert executor.losses >= 1
        assert (report.unchanged, report.added, report.chunks) == (saved, NOTES - saved, wanted.chunks)
        assert report.failed == wanted.failed and [one.path for one in report.failed] == ["bad.ipynb"]
        assert values_of(library) == values


def test_a_machine_that_differs_is_named(embedder: Embedder) -> None:
    mine = facts_of(job_of(SETTINGS), embedder.fingerprint)
    assert mine.difference(ReadingActor(job_of(SETTINGS)).start()) == ""  # type: ignore[arg-type]
    other = facts_of(job_of(SETTINGS), "another model")
    assert mine.difference(other) == f"embedder 'another model' there, {embedder.fingerprint!r} here"
    finer = Settings(embedding=EmbeddingSettings(precision="bfloat16"))
    assert mine.difference(facts_of(job_of(finer), embedder.fingerprint)).startswith(
        "engine 'openvino bfloat16"
    )


def test_another_version_of_ray_is_refused(nodes: Nodes) -> None:
    from ray._common.usage.usage_constants import CLUSTER_METADATA_KEY
    from ray._raylet import GcsClient

    table = GcsClient(address=nodes.address)
    before = table.internal_kv_get(CLUSTER_METADATA_KEY, namespace=b"cluster")
    other = json.dumps(json.loads(before) | {"ray_version": "2.9.3"}).encode()
    table.internal_kv_put(CLUSTER_METADATA_KEY, other, overwrite=True, namespace=b"cluster")
    try:
        with (
            pytest.raises(ClusterError, match=rf"has Ray 2\.9\.3 on Python {platform.python_version()}"),
            connected(nodes.address),
        ):
            pass
    finally:
        table.internal_kv_put(CLUSTER_METADATA_KEY, before, overwrite=True, namespace=b"cluster")


def test_an_address_without_a_cluster_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr(connection, "_PROBE_SECONDS", 3.0)
        with (
            pytest.raises(ClusterError, match="is no Ray cluster, or did not answer in 3 s"),
            connected(address),
        ):
            pass
    with pytest.raises(ClusterError, match=f"No Ray cluster answers at {address}"), connected(address):
        pass
    for malformed in ("ray://127.0.0.1:10001", "6379", "host:", "host:99999"):
        with pytest.raises(SettingsError, match="HOST:PORT"), connected(malformed):
            pass


def test_ray_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with (
        pytest.raises(ClusterError, match=r"needs ray, not installed here\. Add it with: lectern setup ray"),
        connected("local"),
    ):
        pass


def test_a_note_that_a_node_does_not_have_is_left_to_the_caller(notes: Path) -> None:
    file = next(file for file in discover([notes]).files if file.name == "note 1.md")
    actor = ReadingActor(job_of(SETTINGS))
    assert actor.work(Task(replace(file, mtime_ns=file.mtime_ns + 1), file.name)) is None
    assert actor.work(Task(replace(file, source=file.source.with_name("gone.md")), file.name)) is None
    outcome = actor.work(Task(file, file.name))
    actor._reader.close()
    assert outcome is not None and outcome.document is not None
    assert outcome.document.title == "Note 1"
    assert np.array_equal([chunk.ordinal for chunk in outcome.chunks], range(len(outcome.chunks)))


LOCAL = """
import os, subprocess, sys
from ingest.on_ray.connection import connected

with connected("local") as ray:
    probe = [sys.executable, "-m", "ingest.on_ray.probe", ray.get_runtime_context().gcs_address]
    for token in (os.environ["RAY_AUTH_TOKEN"], "0" * 64):
        print(subprocess.run(probe, env={**os.environ, "RAY_AUTH_TOKEN": token}, capture_output=True).returncode == 0)
"""


def test_nobody_without_its_secret_uses_a_ray_of_this_machine() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOCAL], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["True", "False"], done.stderr


def test_a_killed_node_loses_nothing(
    nodes: Nodes,
    notes: Path,
    embedder: Embedder,
    here: tuple[IngestReport, Values],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wanted, values = here
    with (
        ray_executor(nodes.address, SETTINGS, embedder) as executor,
        Library.open(tmp_path, create=True) as library,
        off_stdout(),
    ):
        listener = at_first_saved(nodes.kill_second)
        report = ingest_notes(library, discover([notes]), embedder, SETTINGS, listener, executor)
        assert executor.losses >= 1
        assert (report.added, report.documents, report.chunks) == (NOTES, NOTES, wanted.chunks)
        assert report.failed == wanted.failed
        assert values_of(library) == values
    assert capsys.readouterr().out == ""  # stdout is for the result of the command
