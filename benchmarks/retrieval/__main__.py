"""`make bench-retrieval`: quality, passages, latency and memory of the search.

The usual recipe is measured in the same run. The benchmarks under DATA are in BEIR's form,
`chunking_evaluation`'s or Anthropic's contextual one; scale makes its own libraries. On a busy machine read
the CPU milliseconds. Tables are printed as they come; benchmarks/out/ keeps them as JSON, with the plots of
latency and memory.

    python -m benchmarks.retrieval [quality contextual chunking scale limits] [--data DATA] [--queries N] [--sizes ...]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PARTS = ("quality", "contextual", "chunking", "scale", "limits")
OUT = Path("benchmarks/out")
DATA = Path("../shared/data/retrieval")
BUDGETS_TOKENS = (500, 1000)


def quality(data: Path, queries: int) -> dict[str, Any]:
    """Measure the ablation on every benchmark in BEIR's form under `data`.

    The table is printed anew after each.
    """
    from benchmarks.retrieval.quality import measure, show

    folders = sorted(path.parent for path in data.glob("*/corpus.jsonl"))
    if not folders:
        print(f"No benchmark in BEIR's form under {data}: left out.")
    found: dict[str, Any] = {}
    for folder in folders:
        found[folder.name] = measure(folder, queries)
        seconds = ", ".join(f"{name} {value:.0f} s" for name, value in found[folder.name]["seconds"].items())
        print(f"{folder.name}: {seconds}", file=sys.stderr)
        print("\n" + "\n".join(show(found)), flush=True)
    return found


def contextual(data: Path) -> dict[str, Any]:
    """Measure how often a golden chunk is missed among the first 20."""
    from benchmarks.retrieval.contextual import measure, show

    folders = sorted(path.parent for path in data.glob("*/codebase_chunks.json"))
    if not folders:
        print(f"No contextual set under {data}: left out.")
        return {}
    found = measure(folders[0])
    print("\n" + "\n".join(show(found)), flush=True)
    return found


def chunking(data: Path, sizes_tokens: Sequence[int] = ()) -> dict[str, Any]:
    """Measure recall, precision and IoU of chunkers, at equal tokens shown.

    Ours is measured at other lengths too, if any are given.
    """
    from rag.settings import Settings
    from ui.measure.chunking_benchmark import compare_chunkers

    if not any(data.rglob("questions_df.csv")):
        print(f"No chunking_evaluation under {data}: left out.")
        return {}

    @contextmanager
    def silent(title: str, total: int) -> Any:
        yield lambda count=1: None

    def show(row: dict[str, Any]) -> None:
        recall, precision, iou = (
            100 * row["metrics"][name]["mean"] for name in ("recall", "precision", "iou")
        )
        print(
            f"{row['chunker']:26s} {row['search']:15s} {row['chunks']:8d} {row['budget_tokens']:13d} {recall:7.1f} "
            f"{precision:10.1f} {iou:6.1f}",
            flush=True,
        )

    print("\npassages by                search          passages  tokens shown  recall  precision    IoU")
    found = compare_chunkers(data, Settings(), BUDGETS_TOKENS, silent, show, sizes_tokens)
    for line in recall_gains(found["chunkers"]):
        print(line)
    return found


def recall_gains(rows: list[dict[str, Any]]) -> list[str]:
    """Return the gains in recall of our passages over the recursive splitter's.

    Ours are under our search, the splitter's under the same search and the plain one.
    """
    recalls = {
        (row["chunker"], row["search"], row["budget_tokens"]): 100 * row["metrics"]["recall"]["mean"]
        for row in rows
    }
    lines = []
    for budget in BUDGETS_TOKENS:
        for search in ("dense", "ours"):
            best = max(
                value
                for (name, by, at), value in recalls.items()
                if name.startswith("recursive") and (by, at) == (search, budget)
            )
            gain = recalls["ours", "ours", budget] - best
            lines.append(f"recall at {budget} tokens - recursive's best under {search}: {gain:+.1f}")
    return lines


def scale(sizes: list[int]) -> list[dict[str, Any]]:
    """Measure latency, memory and recall at each size, and draw the plots.

    Each size runs in a process of its own.
    """
    from benchmarks.retrieval.plots import plot_scale

    rows: list[dict[str, Any]] = []
    print(
        "\nlatency in ms, the question's embedding included; memory in bytes a passage\n"
        "passages  index  open s    p50    p95  CPU |embed dense words tokens | recall@10  RAM  disk "
        "|| usual recipe: open s   p50    p95   RAM"
    )
    for size in sizes:
        command = [sys.executable, "-m", "benchmarks.retrieval.scale", str(size)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        row = json.loads(done.stdout.strip().splitlines()[-1])
        rows.append(row)
        steps, usual = row["steps_ms"], row["usual"]
        print(
            f"{row['chunks']:<9d} {row['index']:5s} {row['open_seconds']:7.2f} {row['p50_ms']:6.1f} {row['p95_ms']:6.1f} "
            f"{row['cpu_ms']:4.0f} |{steps['embed']:5.1f} {steps['dense']:5.1f} {steps['words']:5.1f} {steps['tokens']:6.1f} |"
            f"{row['recall@10']:10.3f} {row['memory_bytes_per_chunk']:5.0f} {row['disk_bytes_per_chunk']:5.0f} ||"
            f"{usual['open_seconds']:21.2f} {usual['p50_ms']:5.1f} {usual['p95_ms']:6.1f} "
            f"{usual['memory_bytes_per_chunk']:5.0f}",
            flush=True,
        )
    print("plots: " + ", ".join(str(path) for path in plot_scale(rows, OUT)))
    return rows


def limits() -> dict[str, Any]:
    """The sweeps that the constants of the index come from, in a process of their own."""
    command = [sys.executable, "-m", "benchmarks.retrieval.limits"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    *shown, kept = done.stdout.strip().splitlines()
    print("\n" + "\n".join(shown), flush=True)
    return dict(json.loads(kept))


def main() -> None:
    """Measure what is asked for, print it, and keep it as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(PARTS)}; all if none")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--queries", type=int, default=0, help="queries a benchmark, evenly taken; 0 for all")
    parser.add_argument("--sizes", default="1000,10000,100000,1000000")
    parser.add_argument(
        "--chunk-tokens",
        default="",
        help="chunking: our passages at these lengths too, as 60,100,150,200 (a minute each)",
    )
    given = parser.parse_args()
    unknown = set(given.parts) - set(PARTS)
    if unknown:
        parser.error(f"no part is called {sorted(unknown)[0]!r}; there are {', '.join(PARTS)}")
    measures: dict[str, Callable[[], Any]] = {
        "quality": lambda: quality(given.data, given.queries),
        "contextual": lambda: contextual(given.data),
        "chunking": lambda: chunking(
            given.data, [int(size) for size in given.chunk_tokens.split(",") if size]
        ),
        "scale": lambda: scale([int(size) for size in given.sizes.split(",")]),
        "limits": limits,
    }
    OUT.mkdir(parents=True, exist_ok=True)
    for part in given.parts or PARTS:
        (OUT / f"retrieval_{part}.json").write_text(json.dumps(measures[part](), indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
