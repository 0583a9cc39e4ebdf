"""`make bench-retrieval`: quality, passages, latency and memory of the search, the usual recipe beside them in the same run.

Quality needs benchmarks in BEIR's form and `chunking_evaluation` under DATA; the rest makes its own libraries. On a busy machine
read the CPU milliseconds. Plots of latency and memory go to benchmarks/out/.

    python -m benchmarks.bench_retrieval [--data DATA] [--queries 300] [--sizes 1000,10000,100000,1000000] [--parts ...]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PARTS = ("quality", "chunking", "scale")
OUT = Path("benchmarks/out")
DATA = Path("../shared/data/retrieval")
BUDGETS_TOKENS = (500, 1000)


def quality(data: Path, queries: int) -> dict[str, Any]:
    """The ablation on every benchmark in BEIR's form under `data`."""
    from benchmarks.retrieval_quality import measure, show

    folders = sorted(path.parent for path in data.glob("*/corpus.jsonl"))
    tables = {}
    for folder in folders:
        tables[folder.name] = measure(folder, queries)
        print(f"  {folder.name} done", file=sys.stderr)
    print("\n".join(show(tables)) if tables else f"No benchmark in BEIR's form under {data}: left out.")
    return tables


def chunking(data: Path) -> dict[str, Any]:
    """Recall, precision and IoU of ways to cut passages, at equal tokens shown."""
    from rag.settings import Settings
    from ui.chunking_benchmark import compare_chunkers

    if not any(data.rglob("questions_df.csv")):
        print(f"No chunking_evaluation under {data}: left out.")
        return {}

    @contextmanager
    def silent(title: str, total: int) -> Any:
        yield lambda count=1: None

    found = compare_chunkers(data, Settings(), BUDGETS_TOKENS, silent)
    print("\npassages by                search   passages  tokens shown  recall  precision    IoU")
    for row in found["chunkers"]:
        recall, precision, iou = (
            100 * row["metrics"][name]["mean"] for name in ("recall", "precision", "iou")
        )
        print(
            f"{row['chunker']:26s} {row['search']:8s} {row['chunks']:8d} {row['budget_tokens']:13d} {recall:7.1f} "
            f"{precision:10.1f} {iou:6.1f}"
        )
    return found


def scale(sizes: list[int]) -> list[dict[str, Any]]:
    """Latency, memory and recall at each size, each in a process of its own."""
    rows = []
    head = "chunks    index  open s  p50 ms  p95 ms  CPU ms  embed dense lexical  recall@10  B/chunk RAM  disk | usual: p50 p95 B/chunk"
    print("\n" + head)
    for size in sizes:
        command = [sys.executable, "-m", "benchmarks.retrieval_scale", str(size)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        row = json.loads(done.stdout.strip().splitlines()[-1])
        rows.append(row)
        steps, usual = row["steps_ms"], row["usual"]
        print(
            f"{row['chunks']:<9d} {row['index']:5s} {row['open_seconds']:7.2f} {row['p50_ms']:7.1f} {row['p95_ms']:7.1f} "
            f"{row['cpu_ms']:7.1f} {steps['embed']:6.1f} {steps['dense']:5.1f} {steps['lexical']:7.1f} {row['recall@10']:10.3f} "
            f"{row['memory_bytes_per_chunk']:12.0f} {row['disk_bytes_per_chunk']:5.0f} | {usual['p50_ms']:5.1f} "
            f"{usual['p95_ms']:5.1f} {usual['memory_bytes_per_chunk']:6.0f}",
            flush=True,
        )
    return rows


def plot(rows: list[dict[str, Any]], out: Path) -> Path:
    """Latency and memory against size, ours and the usual recipe's, as one picture."""
    from plotly.subplots import make_subplots

    sizes = [row["chunks"] for row in rows]
    figure = make_subplots(
        cols=2, subplot_titles=("Milliseconds a question, embedding included", "Resident bytes a passage")
    )
    lines = (
        (1, "whole search, p95", [row["p95_ms"] for row in rows]),
        (1, "whole search, p50", [row["p50_ms"] for row in rows]),
        (1, "usual recipe (flat, dense only), p95", [row["usual"]["p95_ms"] for row in rows]),
        (2, "memory, ours", [row["memory_bytes_per_chunk"] for row in rows]),
        (2, "memory, usual recipe", [row["usual"]["memory_bytes_per_chunk"] for row in rows]),
    )
    for column, name, values in lines:
        figure.add_scatter(x=sizes, y=values, name=name, mode="lines+markers", row=1, col=column)
    figure.update_xaxes(type="log", title="passages")
    figure.update_yaxes(type="log", col=1)
    path = out / "retrieval_scale.html"
    figure.write_html(path, include_plotlyjs=True)
    return path


def main() -> None:
    """Measure what is asked for, print it, and keep it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--sizes", default="1000,10000,100000,1000000")
    parser.add_argument("--parts", default=",".join(PARTS))
    given = parser.parse_args()
    parts = given.parts.split(",")
    OUT.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {}
    if "quality" in parts:
        found["quality"] = quality(given.data, given.queries)
    if "chunking" in parts:
        found["chunking"] = chunking(given.data)
    if "scale" in parts:
        found["scale"] = scale([int(size) for size in given.sizes.split(",")])
        print(f"plot: {plot(found['scale'], OUT)}")
    (OUT / "retrieval.json").write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
