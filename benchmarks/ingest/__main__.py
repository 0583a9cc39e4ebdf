"""`make bench-ingest`: the cost and growth of an ingest beside the usual recipe.

Everything is measured in the same run on the same files, each case in a process of its own. Rates are in
*equal passages*: 200 tokens of the embedder each, so that a recipe does not win by cutting smaller pieces. On
a busy machine read the CPU seconds.

    python -m benchmarks.ingest [--notes DIR] [--chunks 3000] [--growth 1000,10000,100000] [--retrieval DIR]
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

EQUAL_TOKENS = 200
_CHARS_A_CHUNK = 400
_CHUNKS_A_NOTE = 25
_COURSE = Path("examples/course")
_RETRIEVAL = Path("../shared/data/retrieval")


def write_notes(folder: Path, chunks: int) -> int:
    """Fill a folder with Markdown notes of about so many passages; return their bytes.

    They are made of the example course's sentences.
    """
    text = " ".join(file.read_text(encoding="utf-8") for file in sorted(_COURSE.glob("*.md")))
    sentences = [
        part
        for part in re.split(r"(?<=[.!?])\s+", re.sub(r"[#|`*>$\\-]+", " ", text))
        if 30 < len(part) < 400
    ]
    chance = random.Random(0)
    folder.mkdir(parents=True, exist_ok=True)
    written = 0
    for number in range(max(1, chunks // _CHUNKS_A_NOTE)):
        note = f"# Note {number}\n"
        while len(note) < _CHUNKS_A_NOTE * _CHARS_A_CHUNK:
            paragraph = " ".join(chance.choice(sentences) for _ in range(4))
            note += f"\n## Part {chance.randrange(10**6)}\n\n{paragraph} {chance.randrange(10**9)}.\n"
        (folder / f"note{number:05}.md").write_text(note, encoding="utf-8")
        written += len(note)
    return written


def case(*arguments: str) -> dict[str, Any]:
    """The figures of one measured process."""
    command = [sys.executable, "-m", "benchmarks.ingest.case", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def line(name: str, found: dict[str, Any], size_bytes: int) -> str:
    """One row of the table."""
    equal = found["tokens"] / EQUAL_TOKENS
    return (
        f"{name:<34}{found['chunks']:>8}{found['seconds']:>9.1f}{equal / found['seconds']:>11.1f}"
        f"{size_bytes / 1e6 / found['seconds']:>9.3f}{1000 * found['cpu_seconds'] / equal:>12.1f}{found['peak_megabytes']:>10.0f}"
    )


_HEAD = f"{'':<34}{'chunks':>8}{'seconds':>9}{'equal/s':>11}{'MB/s':>9}{'CPU ms each':>12}{'peak MB':>10}"


def compare(work: Path, notes: Path, size_bytes: int) -> None:
    """Ours beside the usual recipe, and again with nothing changed."""
    print(f"\nFrom {size_bytes / 1e6:.2f} MB of notes to the saved index\n{_HEAD}")
    usual = case("usual", str(notes), str(work / "usual"))
    print(line("usual recipe (float32, 1000/200)", usual, size_bytes), flush=True)
    plain = case("ours", str(notes), str(work / "float32"), "float32")
    print(line("lectern, float32", plain, size_bytes), flush=True)
    fast = case("ours", str(notes), str(work / "auto"), "auto")
    print(line("lectern, as probed", fast, size_bytes), flush=True)
    wall = (fast["tokens"] / fast["seconds"]) / (usual["tokens"] / usual["seconds"])
    cpu = (fast["tokens"] / fast["cpu_seconds"]) / (usual["tokens"] / usual["cpu_seconds"])
    print(f"ratio of equal passages: {wall:.1f}x by the clock, {cpu:.1f}x by CPU time")
    again = case("ours", str(notes), str(work / "auto"), "auto")
    print(
        f"again, nothing changed: {again['seconds']:.3f} s, {fast['seconds'] / again['seconds']:.0f}x faster than the first time"
    )


def cosines(work: Path) -> None:
    """Print the least and mean cosine of the probed vectors to float32.

    Both are of the same passages.
    """
    from rag.library.library import Library

    with Library.open(work / "float32") as exact, Library.open(work / "auto") as probed:
        rowids, ours = probed.vectors()
        _, reference = exact.vectors(rowids)
    products = (ours * reference).sum(axis=1)
    print(
        f"cosine to float32 over {len(products)} passages: least {products.min():.6f}, mean {products.mean():.6f}"
    )


def growth(work: Path, sizes: list[int], *, real: bool) -> None:
    """Measure the growth of speed and memory, and the cost of one more file.

    It runs with the real model, or with random vectors and sketches of the real sizes, so that the model does
    not hide the rest of the pipeline.
    """
    precision = "auto" if real else "hashed"
    print(f"\nGrowth, {'the real model' if real else 'everything but the model'}\n{_HEAD}")
    for size in sizes:
        notes, library = work / f"notes{size}", work / f"library{size}"
        written = write_notes(notes, size)
        print(
            line(f"{size:,} chunks", case("ours", str(notes), str(library), precision), written), flush=True
        )
        again = case("ours", str(notes), str(library), precision)
        (notes / "added.md").write_text(
            "# Added\n\n" + "One more sentence about sampling.\n\n" * 100, encoding="utf-8"
        )
        added = case("ours", str(notes), str(library), precision)
        print(
            f"    again unchanged {again['seconds']:.2f} s; one file added {added['seconds']:.2f} s",
            flush=True,
        )


def quality(folder: Path) -> None:
    """Measure nDCG@10 of the probed arithmetic beside float32.

    It runs `lectern eval beir` on every set in BEIR's form in a folder.
    """
    sets = sorted(path.parent for path in folder.glob("*/corpus.jsonl"))
    if not sets:
        print(f"\nNo benchmark in BEIR's form under {folder}: nDCG@10 left out.")
        return
    print(f"\n{'nDCG@10':<34}{'float32':>10}{'probed':>10}{'difference':>12}")
    means = []
    for data in sets:
        found = [_ndcg(data, precision) for precision in ("float32", "auto")]
        means.append(found)
        print(f"{data.name:<34}{found[0]:>10.4f}{found[1]:>10.4f}{found[1] - found[0]:>12.4f}", flush=True)
    exact, probed = np.mean(means, axis=0)
    print(f"{'mean':<34}{exact:>10.4f}{probed:>10.4f}{probed - exact:>12.4f}")


def _ndcg(data: Path, precision: str) -> float:
    """nDCG@10 of `lectern eval beir` with this arithmetic."""
    import os

    command = [sys.executable, "-m", "ui.cli", "eval", "beir", str(data), "--json"]
    environment = {**os.environ, "LECTERN_EMBEDDING__PRECISION": precision}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(json.loads(done.stdout)["metrics"]["ndcg@10"]["mean"])


def main() -> None:
    """Run the chosen parts.

    Without arguments they are the comparison on 3,000 chunks, the growth to 100,000, and nDCG@10.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--notes", type=Path, help="a folder of Markdown notes instead of made ones")
    parser.add_argument(
        "--chunks", type=int, default=3000, help="size of the made notes; 0 leaves the comparison out"
    )
    parser.add_argument("--growth", default="1000,10000,100000", help="sizes, chunks; empty leaves it out")
    parser.add_argument(
        "--stand-in", action="store_true", help="the growth without the real model, which takes ten minutes"
    )
    parser.add_argument(
        "--retrieval", type=Path, default=_RETRIEVAL, help="BEIR-form sets, to compare nDCG@10 with float32"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        if given.chunks or given.notes:
            notes = given.notes or work / "notes"
            size = (
                sum(f.stat().st_size for f in notes.rglob("*.md"))
                if given.notes
                else write_notes(notes, given.chunks)
            )
            compare(work, notes, size)
            cosines(work)
        if given.growth:
            growth(work, [int(size) for size in given.growth.split(",")], real=not given.stand_in)
    quality(given.retrieval)


if __name__ == "__main__":
    main()
