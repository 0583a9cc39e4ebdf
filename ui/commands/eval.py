"""`lectern eval`: measure retrieval and answers, and use the measurements."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ui.commands import eval_golden, eval_runs, eval_tuning
from ui.options import AdapterOption, ConfigOption, JsonOption, LibraryOption, ModelOption

if TYPE_CHECKING:
    from eval.records import Record
    from ui.application import Application
    from ui.measure.evaluation import Measurement, Rescore

GoldenOption = Annotated[
    Path, typer.Option("--golden", metavar="FILE", help="Golden questions, JSON lines.", show_default=False)
]
RunDirOption = Annotated[
    Path | None,
    typer.Option(
        "--run-dir",
        metavar="DIR",
        help="Keep the run in this folder; an interrupted one continues.",
        show_default=False,
    ),
]
BaselineOption = Annotated[
    Path | None, typer.Option("--baseline", metavar="RUN", help="A run to compare with.", show_default=False)
]
FailOnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--fail-on",
        metavar="METRIC:CHANGE",
        help="Exit 1 when a metric moved further, e.g. recall@5:-0.03.",
        show_default=False,
    ),
]
JudgeOption = Annotated[
    str | None,
    typer.Option(
        "--judge",
        metavar="MODEL",
        help="Add Ragas' judged metrics with this model: `embedded`, a GGUF file, `openai:MODEL@URL`, ...",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("retrieval")(retrieval)
    app.command("answers")(answers)
    eval_golden.register(app)
    eval_runs.register(app)
    eval_tuning.register(app)


def retrieval(
    golden: GoldenOption,
    library: LibraryOption = None,
    config: ConfigOption = None,
    run_dir: RunDirOption = None,
    baseline: BaselineOption = None,
    fail_on: FailOnOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure retrieval on golden questions.

    No language model is used. The metrics are recall, precision, hit rate, MRR and nDCG against gold spans,
    with 95% bootstrap intervals, per tag, lecture and language.
    """
    from ui.application import Application, load
    from ui.measure.golden_runs import measure_retrieval

    measurement = measure_retrieval(Application(load(library, config)), golden, run_dir)
    _conclude(measurement, "Retrieval", baseline, fail_on, as_json)


def answers(
    golden: GoldenOption,
    library: LibraryOption = None,
    config: ConfigOption = None,
    model: ModelOption = None,
    adapter: AdapterOption = None,
    judge: JudgeOption = None,
    run_dir: RunDirOption = None,
    baseline: BaselineOption = None,
    fail_on: FailOnOption = None,
    workers: Annotated[
        int,
        typer.Option(
            "--workers",
            min=1,
            max=32,
            help="Questions answered at a time. Several are faster, but a batch can change a word of an answer.",
        ),
    ] = 1,
    as_json: JsonOption = False,
) -> None:
    """Measure answers to golden questions.

    Without --judge, code alone compares words, citations, grounding and refusals with the gold. With it,
    Ragas' metrics are added, and every mean has the number of questions that the judge could score.
    """
    from ui.application import Application, load
    from ui.measure.golden_runs import measure_answers
    from ui.measure.judging import judge_rescore, require_ragas

    if judge:
        require_ragas()
    application = Application(load(library, config, model__name=model, model__adapter=adapter))
    measurement = measure_answers(
        application,
        golden,
        run_dir,
        judge=judge or "",
        workers=workers,
        rescore=_rescore(application, judge, judge_rescore) if judge else None,
    )
    _conclude(measurement, "Answers", baseline, fail_on, as_json)


def _rescore(application: Application, judge: str, judge_rescore: Any) -> Rescore:
    def rescore(records: list[Record]) -> list[Record]:
        rescored: list[Record] = judge_rescore(records, judge, application)
        return rescored

    return rescore


def _conclude(
    measurement: Measurement,
    title: str,
    baseline: Path | None,
    fail_on: list[str] | None,
    as_json: bool,
) -> None:
    """Print the result and its comparison with the baseline.

    The exit status is 1 when a bound is broken.
    """
    from ui.console import print_result, to_json
    from ui.measure.evaluation_output import against_baseline, print_measurement

    comparison, broken = against_baseline(measurement, baseline, fail_on or [])
    if as_json:
        more = {"comparison": comparison, "broken": broken} if baseline else {}
        print_result(to_json({**measurement.result, **more}))
    else:
        print_measurement(measurement, title, comparison, baseline.name if baseline else "")
    if broken:
        from rag.errors import LecternError

        raise LecternError("Worse than the baseline: " + " ".join(broken))
