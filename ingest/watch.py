"""Changes under folders: a save, a sync or a checkout of many files is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event

_QUIET_MILLISECONDS = 700
"""Time without a change after which a burst has ended. Chosen, not measured."""
_LONGEST_BURST_MILLISECONDS = 30_000
"""Longest burst: changes that never end are ingested after this time."""
_OWN_FILES = (r"^library\.(sqlite|lock)", r"^vectors\.faiss", r"^passed_over\.json", r"^~\$")


def changes(
    paths: Sequence[Path], stop: Event | None = None, *, quiet_milliseconds: int = _QUIET_MILLISECONDS
) -> Iterator[None]:
    """Yield once at the start, then after each burst of changes under `paths`.

    A burst has ended when nothing moved for a moment. The first time comes when the watch is already running,
    so that no change between an ingest and the watch is missed. The changed files are not named: the ingest
    finds them by itself, also those from the time while it was busy. Ends when `stop` is set.
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
        ignore_permission_denied=True,  # the ingest reports a folder that is shut
        raise_interrupt=True,
    ):
        if found or first:
            first = False
            yield
