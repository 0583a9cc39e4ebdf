"""`lectern eval calibrate`, `sweep` and `judge-check`: choices by measurement."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ui.options import ConfigOption, JsonOption, LibraryOption

if TYPE_CHECKING:
    from eval.judge.judge_check import JudgeAgreement, LabelledAnswer
    from eval.sweep import SweepResult

GoldenOption = Annotated[
    Path, typer.Option("--golden", metavar="FILE", help="Golden questions, JSON lines.", show_default=False)
]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("calibrate")(calibrate)
    app.command("sweep")(sweep)
    app.command("judge-check")(judge_check)


def calibrate(
    golden: GoldenOption,
    library: LibraryOption = None,
    config: ConfigOption = None,
    max_refused: Annotated[
        float | None,
        typer.Option(
            "--max-refused",
            min=0,
            max=1,
            help="Refuse at most this share of the answerable questions (0.05).",
            show_default=False,
        ),
    ] = None,
    target_risk: Annotated[
        float | None,
        typer.Option(
            "--target-risk",
            min=0,
            max=1,
            help="Instead: answer at most this share wrongly.",
            show_default=False,
        ),
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Write the threshold to lectern.toml.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Find the score below which a question is refused.

    It is computed from answerable and unanswerable questions.

    Prints what each threshold would answer and refuse. Nothing is changed without --write.
    """
    from eval.calibration import calibrate as calibrated
    from eval.calibration import question_confidence, write_gate_score
    from eval.golden.golden_file import read_golden
    from rag.answer.finding import SCORED_PASSAGES
    from rag.answer.tiers import decide_tier
    from rag.errors import InputError
    from ui.application import Application, load
    from ui.console import log_console, print_result, result_console, ticking, to_json
    from ui.measure.evaluation import anchored, find, require_documents
    from ui.measure.evaluation_tables import calibration_sentence, calibration_table

    if max_refused is not None and target_risk is not None:
        raise typer.BadParameter("give one target: --max-refused or --target-risk")
    questions = read_golden(golden)
    application = Application(load(library, config))
    require_documents(application)
    gold, search, chosen = anchored(application, questions), find(application), application.settings.answer
    with ticking("Searching", len(questions), "questions") as tick:
        confidences = []
        for question in questions:
            hits, judged = search(question)
            spans = gold.spans[question.id]
            score = decide_tier(judged, None, chosen, writes=False).score
            shown = chosen.passages or SCORED_PASSAGES
            confidences.append(question_confidence(question, hits, spans, shown, score))
            tick()
    result = calibrated(confidences, chosen.gate_score, max_refused=max_refused, target_risk=target_risk)
    if as_json:
        print_result(to_json(result))
    else:
        console = result_console()
        console.print(calibration_table(result))
        console.print(calibration_sentence(result))
    if write:
        if result.threshold is None:
            raise InputError(
                "No threshold reaches the target, so nothing was written. Choose a laxer target."
            )
        path = config or Path("lectern.toml")
        write_gate_score(path, result.threshold)
        log_console().print(f"answer.gate_score = {result.threshold} written to {path}.")


def sweep(
    golden: GoldenOption,
    vary: Annotated[
        list[str],
        typer.Option(
            "--vary",
            metavar="KEY=VALUE,VALUE",
            help="A setting and the values to try, e.g. chunk.target_tokens=120,200.",
            show_default=False,
        ),
    ],
    notes: Annotated[
        list[Path] | None,
        typer.Option(
            "--notes",
            metavar="PATH",
            help="Notes to ingest again (default: those of the library).",
            show_default=False,
        ),
    ] = None,
    metric: Annotated[str, typer.Option("--metric", help="Metric that decides.")] = "recall@5",
    with_answers: Annotated[
        bool, typer.Option("--answers", help="Also answer, to decide by answers or to vary models.")
    ] = False,
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure every combination of settings and recommend one.

    It is the cheapest that is not significantly worse than the best. Settings of chunking and embedding
    build a temporary library each; yours is never changed.
    """
    from eval.golden.golden_file import read_golden
    from eval.sweep import combinations, parse_vary, placed
    from ui.console import print_result, result_console, ticking, to_json
    from ui.measure.sweeping import Bench

    questions = read_golden(golden)
    settings = list(combinations(parse_vary(vary)))
    with Bench(questions, library, config, notes or [], with_answers) as bench:
        bench.check(settings)
        with ticking("Measuring", len(settings), "settings") as tick:
            candidates = []
            for setting in settings:
                candidates.append(bench.measure(setting))
                tick()
    result = placed(candidates, metric)
    if as_json:
        print_result(to_json(_sweep_object(result)))
    else:
        from ui.measure.evaluation_tables import sweep_table

        result_console().print(sweep_table(result))
        print_result(f"Recommended: {result.recommended.candidate.name}")


def judge_check(
    answers: Annotated[
        Path,
        typer.Argument(metavar="ANSWERS", help="Labelled answers, CSV or JSON lines.", show_default=False),
    ],
    labels: Annotated[
        Path | None,
        typer.Argument(
            metavar="LABELS", help="The labels, if they are in a separate file.", show_default=False
        ),
    ] = None,
    judge: Annotated[str, typer.Option("--judge", metavar="MODEL", help="The judge.")] = "embedded",
    count: Annotated[
        int,
        typer.Option(
            "--count", min=0, help="Number of answers judged, half of them bad if possible; 0 for all."
        ),
    ] = 0,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure the agreement of a judge with labels.

    The labels are from people or a stronger judge. Cohen's kappa is the agreement beyond chance.
    """
    from eval.judge.judge_check import agreement, agreement_in_words, balanced_sample, read_labelled
    from ui.application import Application, load
    from ui.console import print_result, to_json
    from ui.measure.judging import open_judge, remember_check

    items = balanced_sample(read_labelled(answers, labels), count)
    verdicts = asyncio.run(_verdicts(items, open_judge(judge, Application(load(None, config)))))
    result = agreement([item.good for item in items], verdicts)
    remember_check(judge, agreement_in_words(result))
    if as_json:
        print_result(to_json(result))
        return
    print_result(agreement_in_words(result))
    print_result(_confusion(result))


async def _verdicts(items: list[LabelledAnswer], judge: Any) -> list[bool | None]:
    from eval.judge.judge_check import judge_answer
    from ui.console import ticking

    with ticking("Judging", len(items), "answers") as tick:

        async def one(item: LabelledAnswer) -> bool | None:
            verdict = await judge_answer(item, judge)
            tick()
            return verdict

        return list(await asyncio.gather(*(one(item) for item in items)))


def _confusion(result: JudgeAgreement) -> str:
    return (
        f"scored {result.n_scored}/{result.n}; of the good ones it called {result.good_called_good} good and "
        f"{result.good_called_bad} bad, of the bad ones {result.bad_called_good} good and {result.bad_called_bad} bad"
    )


def _sweep_object(result: SweepResult) -> dict[str, Any]:
    def row(place: Any) -> dict[str, Any]:
        return {
            "setting": dict(place.candidate.setting),
            "score": place.score,
            "seconds": place.candidate.seconds,
            "p_value": place.p_value,
            "worse": place.worse,
        }

    placings = [row(place) for place in result.placings]
    return {"metric": result.metric, "placings": placings, "recommended": row(result.recommended)}
