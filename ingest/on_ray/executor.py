"""The executor of an ingest that gives its work to a Ray cluster."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ingest.embed_ahead import Embedded
from ingest.executor import NOTES_AHEAD, tokens_of
from ingest.on_ray.actors import EmbeddingActor, Facts, Job, ReadingActor, facts_of, job_of
from ingest.on_ray.connection import connected
from ingest.on_ray.pool import ActorLost, ActorPool
from ingest.plan import Task
from ingest.read_ahead import NoteReader, Outcome
from rag.embedding.embedder import Embedder, embed_with_sketches
from rag.errors import ClusterError, ModelFailed
from rag.settings import Settings

_START_SECONDS = 60.0
"""Time for a node to start its actors, which wait until its processors are free. Chosen."""


@dataclass(frozen=True, slots=True)
class _Node:
    id: str
    name: str
    cores: int


class RayExecutor:
    """Reads notes and embeds passages on the nodes of a cluster.

    Each node that has a processor gets one actor of both kinds. A note that a node does not see in the same place is read by this process.
    """

    def __init__(self, ray: Any, address: str, job: Job, embedder: Embedder) -> None:
        """Start the actors.

        Raises:
            ClusterError: no node is free, or one differs from this machine.
        """
        self._ray, self._address, self._job, self._embedder = ray, address, job, embedder
        self._expected = facts_of(job, embedder.fingerprint)
        self._actors: list[Any] = []
        self._own_reader = NoteReader(job.settings, tokens_of(embedder))
        self._own = threading.Lock()
        nodes = self._nodes()
        self._ready = {
            kind: {node: actor for node in nodes if (actor := self._made(kind, nodes[node])) is not None}
            for kind in (EmbeddingActor, ReadingActor)
        }
        usable = self._started()
        self.workers = len(usable)
        self._embedding = ActorPool(usable, partial(self._method, EmbeddingActor, nodes), self._embed_here)
        self._reading = ActorPool(usable, partial(self._method, ReadingActor, nodes), self._read_here)

    @property
    def notes_ahead(self) -> int:
        """Number of notes that are read ahead."""
        return NOTES_AHEAD * self.workers

    @property
    def batches_ahead(self) -> int:
        """Number of batches that are embedded or wait for it.

        Two an actor, so that none waits for this process.
        """
        return 2 * self.workers

    @property
    def losses(self) -> int:
        """Number of actors that were lost so far."""
        return self._embedding.losses + self._reading.losses

    def read(self, task: Task) -> Future[Outcome]:
        """Start to read a note and to cut it into passages."""
        return self._reading.submit(task)

    def embed(self, texts: list[str]) -> Future[Embedded]:
        """Start to embed texts; their order is kept."""
        return self._embedding.submit(texts)

    def close(self) -> None:
        """Stop the actors and what they do."""
        self._own_reader.close()  # ends a read that is under way
        for pool in (self._embedding, self._reading):
            pool.close(self._stop_actors)
        self._own_reader.close()

    def _nodes(self) -> dict[str, _Node]:
        """Return the living nodes with processors, by their number."""
        found = [
            _Node(node["NodeID"], node["NodeManagerAddress"], int(node["Resources"].get("CPU", 0)))
            for node in self._ray.nodes()
            if node["Alive"]
        ]
        return {node.id: node for node in found if node.cores}

    def _made(self, kind: type[Any], node: _Node) -> Any:
        """Return a new actor on a node. One that embeds takes all its processors, one that reads none."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        place = NodeAffinitySchedulingStrategy(node_id=node.id, soft=False)
        cores = node.cores if kind is EmbeddingActor else 0
        options = {"num_cpus": cores, "max_restarts": 0, "max_task_retries": 0, "scheduling_strategy": place}
        actor = self._ray.remote(kind).options(**options).remote(self._job)
        self._actors.append(actor)
        return actor

    def _started(self) -> list[str]:
        """Wait for the actors, and return the nodes where both are ready.

        Raises:
            ClusterError: there is none, or one differs from this machine.
        """
        starts = {
            actor.start.remote(): (node, kind)
            for kind, actors in self._ready.items()
            for node, actor in actors.items()
        }
        done, _ = (
            self._ray.wait(list(starts), num_returns=len(starts), timeout=_START_SECONDS)
            if starts
            else ([], [])
        )
        ready: dict[str, int] = {}
        for start in done:
            node, _kind = starts[start]
            with suppress(ActorLost):
                self._check(self._get(start), node)
                ready[node] = ready.get(node, 0) + 1
        usable = [node for node, count in ready.items() if count == len(self._ready)]
        if not usable:
            raise ClusterError(
                f"No node of the Ray cluster at {self._address} could start work within {_START_SECONDS:g} s: it has no node with "
                "processors, or others use them all. `ray status` says which."
            )
        return usable

    def _check(self, found: Facts | str, node: str) -> None:
        """Check that a node does the same as this machine.

        Raises:
            ClusterError: it does not.
        """
        problem = found if isinstance(found, str) else self._expected.difference(found)
        if problem:
            raise ClusterError(
                f"A node of the Ray cluster at {self._address} differs from this machine ({problem}). Install the same Lectern with the "
                f"same extras on every node; the node is {node[:12]}."
            )

    def _method(self, kind: type[Any], nodes: dict[str, _Node], node: str) -> Callable[[Any], Any]:
        """Return the method of the node's actor; of a new one if the first is gone.

        Raises:
            ActorLost: the node is gone.
        """
        actor = self._ready[kind].pop(node, None)
        if actor is None:
            if node not in self._nodes():
                raise ActorLost
            actor = self._made(kind, nodes[node])
            self._get(actor.start.remote(), _START_SECONDS)
        return partial(self._read_there if kind is ReadingActor else self._embed_there, actor)

    def _embed_there(self, actor: Any, texts: list[str]) -> Embedded:
        vectors, sketches = self._get(actor.work.remote(texts))
        return np.array(vectors), sketches  # Ray's own array is a view of memory that it gives away

    def _read_there(self, actor: Any, task: Task) -> Outcome:
        outcome: Outcome | None = self._get(actor.work.remote(task))
        return self._read_here(task) if outcome is None else outcome

    def _read_here(self, task: Task) -> Outcome:
        with self._own:
            return self._own_reader.read(task)

    def _embed_here(self, texts: list[str]) -> Embedded:
        return embed_with_sketches(self._embedder, texts)

    def _get(self, reference: Any, timeout_seconds: float | None = None) -> Any:
        """Return the result of a call.

        Raises:
            ActorLost: the actor, its node or the result is gone.
            ModelFailed: the call failed.
        """
        from ray.exceptions import RayError, RayTaskError

        try:
            return self._ray.get(reference, timeout=timeout_seconds)
        except RayTaskError as exc:
            raise ModelFailed(
                f"A worker of the Ray cluster at {self._address} failed ({type(exc.cause).__name__}: {exc.cause}). What was saved stays: "
                "run the same command again."
            ) from exc
        except RayError as exc:
            raise ActorLost from exc

    def _stop_actors(self) -> None:
        for actor in self._actors:
            with suppress(Exception):  # it is gone already, or the cluster is
                self._ray.kill(actor)
        self._actors.clear()


@contextmanager
def ray_executor(address: str, settings: Settings, embedder: Embedder) -> Iterator[RayExecutor]:
    """Yield an executor on the cluster at `address`; its actors end with it.

    They run the engine that this machine uses, in the same precision.

    Raises:
        ClusterError: the cluster cannot be reached or used.
        SettingsError: the address is malformed.
    """
    with connected(address) as ray:
        executor = RayExecutor(ray, address, job_of(settings), embedder)
        try:
            yield executor
        finally:
            executor.close()
