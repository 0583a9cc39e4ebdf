"""Changes under folders, settled: a save, a sync or a checkout of many files is one change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event

_QUIET_MILLISECONDS = 700
_LONGEST_BURST_MILLISECONDS = 30_000
_OWN_FILES = (r"^library\.(sqlite|lock)", r"^vectors\.faiss", r"^~\$")


def changes(
    paths: Sequence[Path], stop: Event | None = None, *, quiet_milliseconds: int = _QUIET_MILLISECONDS
) -> Iterator[None]:
    """Yields once at the start, then after each burst of changes under `paths` when nothing moved for a moment.

    The first time comes when the watch already stands, so that no change between an ingest and the watch is missed. What
    changed is not told: the ingest finds that out by itself, also what happened while it was busy. Ends when `stop` is set.
    """
    from watchfiles import DefaultFilter, watch

    ignored = (*DefaultFilter.ignore_entity_patterns, *_OWN_FILES)
    first = True
    for found in watch(
        *paths,
        watch_filter=DefaultFilter(ignore_entity_patterns=ignored),
        debounce=_LONGEST_BURST_MILLISECONDS,
        step=quiet_milliseconds,
        stop_event=stop,
        rust_timeout=quiet_milliseconds,
        yield_on_timeout=True,
        ignore_permission_denied=True,  # the ingest tells of a folder that is shut
        raise_interrupt=True,
    ):
        if found or first:
            first = False
            yield
