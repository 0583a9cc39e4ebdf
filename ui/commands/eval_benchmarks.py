"""`lectern eval beir` and `chunking`: public benchmarks with the default settings.

They run on a temporary library.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ui.options import ConfigOption, JsonOption

if TYPE_CHECKING:
    from eval.beir import BeirSet

RunOutOption = Annotated[
    Path | None,
    typer.Option(
        "--run-out", metavar="FILE", help="Write the ranking as a TREC run file too.", show_default=False
    ),
]
BudgetOption = Annotated[
    list[int] | None,
    typer.Option(
        "--budget",
        min=50,
        help="Tokens of passages shown per question; may be repeated.",
        show_default="1000",
    ),
]
SizeOption = Annotated[
    list[int] | None,
    typer.Option(
        "--tokens",
        min=32,
        max=2000,
        help="Also chunk at this target length, in tokens; may be repeated.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the verbs to `lectern eval`."""
    app.command("beir")(beir)
    app.command("chunking")(chunking)


def beir(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="corpus.jsonl, queries.jsonl and qrels/*.tsv.")
    ],
    config: ConfigOption = None,
    run_out: RunOutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score the search on a benchmark in BEIR's form.

    The scores are at document level, with 95 % intervals.
    """
    from eval.beir import PASSAGES, beir_object, read_beir, run_beir
    from eval.trec import write_run
    from ui.application import load

    settings = load(None, config).settings
    benchmark = read_beir(folder)
    with (
        _temporary_searcher(benchmark, settings) as searcher,
        _bar("Searching", len(benchmark.queries)) as advance,
    ):
        run = run_beir(
            benchmark,
            lambda queries: (
                [(hit.chunk.document, hit.score) for hit in hits]
                for hits in searcher.search_many(queries, PASSAGES)
            ),
            advance,
        )
    result = beir_object(benchmark, run, samples=settings.eval.bootstrap_samples, seed=settings.eval.seed)
    _show(result, folder.name, as_json)
    if run_out is not None:  # last: what was measured is not lost to a file that cannot be written
        write_run(run_out, run.rankings)


def chunking(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A checkout of chunking_evaluation.")],
    config: ConfigOption = None,
    budget: BudgetOption = None,
    tokens: SizeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score the chunking at an equal number of tokens shown.

    The scores are recall, precision and IoU per character. Our chunks are compared with those of the usual
    splitters, each with nearest vectors alone (`dense`) and with our whole search, and ours also with the
    neighbours of each passage.
    """
    from ui.application import load
    from ui.console import print_result, to_json
    from ui.measure.chunking_benchmark import compare_chunkers

    settings = load(None, config).settings
    result = compare_chunkers(folder, settings, budget or [1000], _bar, sizes_tokens=tokens or ())
    if as_json:
        print_result(to_json(result))
    else:
        _show_chunkers(result)


def _temporary_searcher(benchmark: BeirSet, settings: Any) -> Any:
    """Return a context manager of a searcher over the benchmark's corpus.

    Its temporary library is removed at the end.
    """
    from contextlib import contextmanager
    from tempfile import TemporaryDirectory

    @contextmanager
    def opened() -> Any:
        from rag.embedding.engine import open_embedder
        from rag.library.library import Library
        from rag.search.searcher import Searcher
        from ui.measure.corpus_library import fill_library

        embedder = open_embedder(settings.embedding)
        with TemporaryDirectory(prefix="lectern-") as name, Library.create(Path(name)) as library:
            with _bar("Ingesting", len(benchmark.documents)) as advance:
                fill_library(library, benchmark.documents, embedder, settings.chunk, advance)
            yield Searcher(library, embedder, settings.retrieval)

    return opened()


def _bar(title: str, total: int) -> Any:
    """Return a context manager of a progress bar on stderr.

    It yields a function that advances the bar by one or by a number.
    """
    from contextlib import contextmanager

    @contextmanager
    def shown() -> Any:
        from ui.console import progress

        with progress() as bar:
            task = bar.add_task(title, total=total)
            yield lambda count=1: bar.advance(task, count)

    return shown()


def _show(result: dict[str, Any], name: str, as_json: bool) -> None:
    from rich.table import Table

    from eval.beir import PASSAGES
    from ui.console import print_result, result_console, to_json

    if as_json:
        print_result(to_json(result))
        return
    table = Table("metric", "mean", "95 % interval", title=f"{name}: {result['n']} queries")
    for metric, value in result["metrics"].items():
        table.add_row(metric, f"{value['mean']:.4f}", f"{value['low']:.4f} - {value['high']:.4f}")
    result_console().print(table)
    result_console().print(
        f"{result['seconds']:.1f} s for {result['n']} queries, of each the documents of its first {PASSAGES} passages",
        style="dim",
    )


def _show_chunkers(result: dict[str, Any]) -> None:
    from rich.table import Table

    from ui.console import result_console

    columns = ("passages by", "search", "passages", "tokens shown", "recall", "precision", "IoU")
    table = Table(*columns, title=f"{result['n']} questions")
    for row in result["chunkers"]:
        metrics = row["metrics"]
        figures = [f"{100 * metrics[name]['mean']:.1f}" for name in ("recall", "precision", "iou")]
        table.add_row(row["chunker"], row["search"], str(row["chunks"]), str(row["budget_tokens"]), *figures)
    result_console().print(table)
