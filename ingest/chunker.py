"""Documents into passages along their structure: knows which cuts make the best set of passages of the wished length.

Every way to group a document's units into passages has a cost: how far the passages are from the wished length, how
unnatural the places are where they are cut, and which sections they mix. The cheapest grouping is found exactly by
dynamic programming, so a change at the end of a document seldom moves the cuts at its start.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from ingest.units import Cut, TokenCounter, Unit, cut_units
from rag.passage import PASSAGE_VERSION
from rag.settings import ChunkSettings
from rag.types import Block, BlockKind, Chunk, Document, Locator, chunk_id
from rag.types import Unit as LocatorUnit

CHUNKER_VERSION = 2
# Chosen on chunking-evaluation (`lectern eval chunking`): cost of cutting before a unit, and of not cutting there.
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
"""Of cutting a notebook's code off from the words that introduce it: more than any length that is allowed costs."""


def chunker_fingerprint(settings: ChunkSettings) -> str:
    """The chunker's name, version and parameters as one line: passages made under another one are not the same."""
    parameters = settings.model_dump(mode="json")
    return f"structure-{CHUNKER_VERSION}.{PASSAGE_VERSION} {json.dumps(parameters, sort_keys=True)}"


def chunk_document(document: Document, settings: ChunkSettings, count_tokens: TokenCounter) -> list[Chunk]:
    """The passages of a document in reading order; empty for a document without text.

    Each is a span of the document (`text == document.text[start:end]`) of at most `settings.max_tokens` tokens of the
    embedder. They do not overlap unless `settings.overlap_tokens` asks for it. A passage that reaches over a page, slide
    or cell says so in its locator.
    """
    maximum = max(settings.max_tokens, settings.target_tokens)
    units = cut_units(document, maximum, count_tokens)
    chunks: list[Chunk] = []
    previous = 0
    for run in _best_grouping(units, settings.target_tokens, maximum):
        room = min(settings.overlap_tokens, maximum - sum(unit.tokens for unit in units[run[0] : run[1] + 1]))
        first = _overlapped(units, run[0], previous + 1, room)
        chunks.append(_chunk(document, units[first : run[1] + 1], len(chunks)))
        previous = run[0]
    return chunks


def _best_grouping(units: Sequence[Unit], target: int, maximum: int) -> list[tuple[int, int]]:
    """The cheapest cut of units into runs `(first, last)`, both inclusive, none longer than `maximum` tokens."""
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
            joins += join_cost
    runs: list[tuple[int, int]] = []
    end = len(units)
    while end > 0:
        runs.append((start_of[end], end - 1))
        end = start_of[end]
    return runs[::-1]


def _boundary_costs(units: Sequence[Unit], index: int) -> tuple[float, float]:
    """What it costs to cut before a unit, and what not to."""
    cut = units[index].cut
    if index and cut is Cut.PART and _introduces(units[index - 1].block, units[index].block):
        return _INTRODUCED_CUT_COST, 0.0
    return _CUT_COST[cut], _JOIN_COST.get(cut, 0.0)


def _introduces(before: Block, after: Block) -> bool:
    """Whether the words of one notebook cell stand right before the code of the next."""
    in_cells = before.locator.unit is after.locator.unit is LocatorUnit.CELL
    said = before.kind not in {BlockKind.CODE, BlockKind.OUTPUT}
    return in_cells and said and before.part != after.part and after.kind is BlockKind.CODE


def _length_cost(tokens: int, target: int, maximum: int) -> float:
    """0 at the wished length, 1 at none and 1 at the maximum, growing with the square of the distance."""
    if tokens <= target:
        return ((target - tokens) / target) ** 2
    return ((tokens - target) / max(maximum - target, 1)) ** 2


def _overlapped(units: Sequence[Unit], first: int, floor: int, room_tokens: int) -> int:
    """The unit, not before `floor`, from which a run also repeats the end of the run before, inside its section."""
    repeated = 0
    while first > floor and units[first].cut not in {Cut.SECTION, Cut.PART}:
        repeated += units[first - 1].tokens
        if repeated > room_tokens:
            break
        first -= 1
    return first


def _shared_path(units: Sequence[Unit]) -> tuple[str, ...]:
    """The headings that all the units stand under."""
    path = units[0].path
    for unit in units[1:]:
        shared = 0
        while shared < min(len(path), len(unit.path)) and path[shared] == unit.path[shared]:
            shared += 1
        path = path[:shared]
    return path


def _chunk(document: Document, units: Sequence[Unit], ordinal: int) -> Chunk:
    start, end = units[0].start, units[-1].end
    text = document.text[start:end]
    headings = _shared_path(units)
    return Chunk(
        id=chunk_id(document.path, start, text),
        document=document.path,
        ordinal=ordinal,
        start=start,
        end=end,
        text=text,
        locator=_locator(document, units, headings),
        title=document.title,
        headings=headings,
    )


def _locator(document: Document, units: Sequence[Unit], headings: tuple[str, ...]) -> Locator:
    """From the first unit to the last, in exact lines where the format counts lines."""
    heading = headings[-1] if headings else ""
    first, last = units[0].block.locator, units[-1].block.locator
    if first.unit is not LocatorUnit.LINE:
        return Locator(first.unit, first.first, max(first.last, last.last), heading)
    top = first.first + document.text.count("\n", units[0].block.start, units[0].start)
    bottom = last.first + document.text.count("\n", units[-1].block.start, units[-1].end)
    return Locator(first.unit, top, bottom, heading)
