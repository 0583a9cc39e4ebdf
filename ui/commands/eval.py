"""`lectern eval`: measure retrieval and answers, compare and report runs, calibrate the gate, sweep settings, check a judge."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ui.commands import eval_golden, eval_runs, eval_tuning
from ui.options import AdapterOption, ConfigOption, JsonOption, LibraryOption, ModelOption

if TYPE_CHECKING:
    from eval.records import Record
    from ui.application import Application
    from ui.evaluation import Measurement, Rescore

GoldenOption = Annotated[
    Path, typer.Option("--golden", metavar="FILE", help="Golden questions, JSON lines.", show_default=False)
]
RunDirOption = Annotated[
    Path | None,
    typer.Option(
        "--run-dir", metavar="DIR", help="Keep the run here; an interrupted one goes on.", show_default=False
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
    """Measure whether the right passages are found, without any language model.

    Recall, precision, hit rate, MRR and nDCG against gold spans, with 95% bootstrap intervals, per tag and per lecture.
    """
    from eval.golden import read_golden
    from eval.retrieval_scores import retrieval_record
    from ui.application import Application, load
    from ui.evaluation import anchored, find, manifest_of, measure, require_documents

    questions = read_golden(golden)
    application = Application(load(library, config))
    require_documents(application)
    gold = anchored(application, questions)
    search = find(application)
    asked = [question for question in questions if not question.unanswerable]
    measurement = measure(
        "Searching",
        asked,
        lambda question: retrieval_record(question, gold.spans[question.id], lambda asked: search(asked)[0]),
        manifest_of("retrieval", application, asked, golden),
        application,
        run_dir,
    )
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
    """Measure the answers: words, citations, grounding and refusals without a judge, Ragas' metrics with one.

    Without --judge nothing but code decides. With it, every mean says how many questions the judge could score.
    """
    from eval.answer_scores import answer_record
    from eval.golden import read_golden
    from ui.application import Application, load
    from ui.evaluation import anchored, manifest_of, measure, require_documents
    from ui.judging import judge_rescore, require_ragas, similarity_by

    if judge:
        require_ragas()
    questions = read_golden(golden)
    application = Application(load(library, config, model__name=model, model__adapter=adapter))
    require_documents(application)
    gold = anchored(application, questions)
    chain = application.chain()
    similarity = similarity_by(application.embedder)
    measurement = measure(
        "Answering",
        questions,
        lambda question: answer_record(
            question,
            gold.spans[question.id],
            lambda asked: chain.invoke({"question": asked.question, "history": asked.turns}),
            similarity,
        ),
        manifest_of("answers", application, questions, golden, judge=judge or ""),
        application,
        run_dir,
        workers,
        _rescore(application, judge, judge_rescore) if judge else None,
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
    """Print the result, then what became of the baseline; exit 1 when a bound is broken."""
    from ui.console import print_result, to_json
    from ui.evaluation_output import against_baseline, print_measurement

    comparison, broken = against_baseline(measurement, baseline, fail_on or [])
    if as_json:
        more = {"comparison": comparison, "broken": broken} if baseline else {}
        print_result(to_json({**measurement.result, **more}))
    else:
        print_measurement(measurement, title, comparison, baseline.name if baseline else "")
    if broken:
        from rag.errors import LecternError

        raise LecternError("Worse than the baseline: " + " ".join(broken))
