"""The cutting of documents into passages along their structure.

Every way to group a document's units into passages has a cost: how far the passages are from the wished
length, how unnatural the places are where they are cut, and which sections they mix. The cheapest grouping is
found exactly by dynamic programming, so a change at the end of a document seldom moves the cuts at its start.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

from ingest.table_heads import head_above
from ingest.units import Cut, Unit, cut_units
from rag.aliases import TokenCounter
from rag.passage_text import PASSAGE_VERSION
from rag.settings import ChunkSettings
from rag.types import Block, BlockKind, Chunk, Document, Locator, chunk_id
from rag.types import Unit as LocatorUnit

CHUNKER_VERSION = 3
_NEWLINE = re.compile(r"\n")
# Cost of a cut before a unit, and of none there. Source: chosen on chunking-evaluation (`lectern eval chunking`).
_CUT_COST = {
    Cut.SECTION: 0.0,
    Cut.PART: 0.05,
    Cut.BLOCK: 0.15,
    Cut.SENTENCE: 0.5,
    Cut.WORD: 2.0,
    Cut.NEVER: 50.0,
}
_JOIN_COST = {Cut.SECTION: 0.5, Cut.PART: 0.2}
_INTRODUCED_CUT_COST = 2.0
"""Cost of a cut between a notebook's code and the words that introduce it.

It is more than any allowed length costs.
"""


def chunker_fingerprint(settings: ChunkSettings) -> str:
    """Return the chunker's name, version and parameters as one line.

    Passages made under another fingerprint are not the same.
    """
    parameters = settings.model_dump(mode="json")
    return f"structure-{CHUNKER_VERSION}.{PASSAGE_VERSION} {json.dumps(parameters, sort_keys=True)}"


def chunk_document(document: Document, settings: ChunkSettings, count_tokens: TokenCounter) -> list[Chunk]:
    """Return the passages of a document in reading order; none without text.

    Each is a span of the document (`text == document.text[start:end]`) of at most `settings.max_tokens`
    tokens of the embedder. They do not overlap unless `settings.overlap_tokens` asks for it. The locator of a
    passage that crosses pages, slides or cells names all of them. One that begins inside a table has the
    table's head as its last heading.
    """
    maximum = max(settings.max_tokens, settings.target_tokens)
    units = cut_units(document, maximum, count_tokens)
    lines = _line_ends(document.text)
    chunks: list[Chunk] = []
    previous = 0
    for run in _best_grouping(units, settings.target_tokens, maximum):
        spare = min(
            settings.overlap_tokens, maximum - sum(unit.tokens for unit in units[run[0] : run[1] + 1])
        )
        first = _overlapped(units, run[0], previous + 1, spare)
        chunks.append(_chunk(document, units[first : run[1] + 1], len(chunks), lines))
        previous = run[0]
    return chunks


def _best_grouping(units: Sequence[Unit], target: int, maximum: int) -> list[tuple[int, int]]:
    """Return the cheapest cut of units into runs `(first, last)`, both inclusive.

    No run of several units is longer than `maximum` tokens.
    """
    # best[end] is the least cost of any grouping of units[:end]; the last run of that grouping begins at start_of[end].
    # A grouping of units[:end] is one of units[:start] and the run units[start:end], so best[end] is the least over all
    # starts. They are tried from the nearest backwards: the run grows by one unit each time, and once it is too long
    # every earlier start is too. A run of one unit is always allowed.
    costs = [_boundary_costs(units, index) for index in range(len(units))]
    best = [0.0] + [float("inf")] * len(units)
    start_of = [0] * (len(units) + 1)
    for end in range(1, len(units) + 1):
        tokens, joins = 0, 0.0
        for start in range(end - 1, -1, -1):
            unit = units[start]
            tokens += unit.tokens
            if start < end - 1 and (
                tokens > maximum or unit.block.locator.unit is not units[end - 1].block.locator.unit
            ):
                break
            cut_cost, join_cost = costs[start]
            cost = best[start] + cut_cost + _length_cost(tokens, target, maximum) + joins
            if cost < best[end]:
                best[end], start_of[end] = cost, start
            joins += join_cost  # from now on the run reaches over the boundary before `start`
    runs: list[tuple[int, int]] = []
    end = len(units)
    while end > 0:  # back from the last run to the first
        runs.append((start_of[end], end - 1))
        end = start_of[end]
    return runs[::-1]


def _boundary_costs(units: Sequence[Unit], index: int) -> tuple[float, float]:
    """Return the cost of a cut before a unit, and the cost of none there."""
    cut = units[index].cut
    if index and cut is Cut.PART and _introduces(units[index - 1].block, units[index].block):
        return _INTRODUCED_CUT_COST, 0.0
    return _CUT_COST[cut], _JOIN_COST.get(cut, 0.0)


def _introduces(before: Block, after: Block) -> bool:
    """Return whether the words of one notebook cell come right before the next's code."""
    in_cells = before.locator.unit is after.locator.unit is LocatorUnit.CELL
    words = before.kind not in {BlockKind.CODE, BlockKind.OUTPUT}
    return in_cells and words and before.part != after.part and after.kind is BlockKind.CODE


def _length_cost(tokens: int, target: int, maximum: int) -> float:
    """Return 0 at the wished length, 1 at none and 1 at the maximum.

    It grows with the square of the distance.
    """
    if tokens <= target:
        return ((target - tokens) / target) ** 2
    return ((tokens - target) / max(maximum - target, 1)) ** 2


def _overlapped(units: Sequence[Unit], first: int, floor: int, spare_tokens: int) -> int:
    """Return the unit from which a run repeats the end of the run before.

    It is not before `floor` and inside the run's section.
    """
    repeated = 0
    while first > floor and units[first].cut not in {Cut.SECTION, Cut.PART}:
        repeated += units[first - 1].tokens
        if repeated > spare_tokens:
            break
        first -= 1
    return first


def _shared_path(units: Sequence[Unit]) -> tuple[str, ...]:
    """Return the headings that all the units are under."""
    path = units[0].path
    for unit in units[1:]:
        shared = 0
        while shared < min(len(path), len(unit.path)) and path[shared] == unit.path[shared]:
            shared += 1
        path = path[:shared]
    return path


def _line_ends(text: str) -> list[int]:
    return [match.start() for match in _NEWLINE.finditer(text)]


def _chunk(document: Document, units: Sequence[Unit], ordinal: int, line_ends: Sequence[int]) -> Chunk:
    start, end = units[0].start, units[-1].end
    text = document.text[start:end]
    headings = _shared_path(units)
    head = head_above(document, units[0].block, start)
    return Chunk(
        id=chunk_id(document.path, start, text),
        document=document.path,
        ordinal=ordinal,
        start=start,
        end=end,
        text=text,
        locator=_locator(units, headings, line_ends),
        title=document.title,
        headings=(*headings, head) if head else headings,
    )


def _locator(units: Sequence[Unit], headings: tuple[str, ...], line_ends: Sequence[int]) -> Locator:
    """Return the locator from the first unit to the last.

    Where the format counts lines, its lines are exact; `line_ends` are the places of all line breaks.
    """
    heading = headings[-1] if headings else ""
    first, last = units[0].block.locator, units[-1].block.locator
    if first.unit is not LocatorUnit.LINE:
        return replace(first.to(last), heading=heading)

    def breaks(start: int, end: int) -> int:
        return bisect_left(line_ends, end) - bisect_left(line_ends, start)

    top = first.first + breaks(units[0].block.start, units[0].start)
    bottom = last.first + breaks(units[-1].block.start, units[-1].end)
    return Locator(first.unit, top, bottom, heading)
