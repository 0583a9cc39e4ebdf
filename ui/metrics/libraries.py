"""The metrics of the libraries that a server answers from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from threading import Lock
from typing import TYPE_CHECKING

from rag.errors import LecternError
from ui.metrics.exposition import family

if TYPE_CHECKING:
    from rag.library.store import LibraryStore

_GAUGES = (
    ("lectern_documents", "Documents of a course."),
    ("lectern_passages", "Passages of a course."),
    ("lectern_generation", "Number of changes of a course's library."),
)


class LibraryMetrics:
    """Sizes of libraries, counted once a generation. Safe to share between threads."""

    def __init__(self) -> None:
        self._counted: dict[str, tuple[int, int, int]] = {}
        self._lock = Lock()

    def lines(self, libraries: Iterable[tuple[str, Callable[[], LibraryStore]]]) -> Iterator[str]:
        """Yield the lines of the exposition for courses by name, each with its library."""
        sizes: dict[str, tuple[int, int, int]] = {}
        readable: dict[str, float] = {}
        for name, library in libraries:
            try:
                sizes[name] = self._sizes(name, library())
            except LecternError:
                readable[name] = 0.0
            else:
                readable[name] = 1.0
        for place, (metric, description) in enumerate(_GAUGES):
            samples = [({"course": name}, float(size[place])) for name, size in sizes.items()]
            yield from family(metric, description, "gauge", samples)
        answers = [({"course": name}, value) for name, value in readable.items()]
        yield from family(
            "lectern_library_readable", "1 if a course's library can be read.", "gauge", answers
        )

    def _sizes(self, name: str, library: LibraryStore) -> tuple[int, int, int]:
        generation = library.generation
        with self._lock:
            counted = self._counted.get(name)
        if counted is None or counted[2] != generation:
            with library.snapshot():
                counted = (len(library.documents()), library.chunk_count(), library.generation)
            with self._lock:
                self._counted[name] = counted
        return counted
