"""Measurements of the evaluation: parsing failures, speed, time of a set.

    python -m benchmarks.eval [judge] [ragas] [offline] [examples] [syllabus]     (all without a name)

- judge:    calls of the embedded judge with Ragas' five judged metrics, over the example course, none from a cache
- ragas:    the same samples, metrics and judge through `ragas.evaluate` with its defaults
- offline:  retrieval and answers of 200 questions without a judge
- examples: the example course in the default beside the usual recipe (as for syllabus), over the whole course
- syllabus: SyllabusQA (val) in the default beside the usual recipe, which is RecursiveCharacterTextSplitter 1000/200,
            all-MiniLM-L6-v2 and an exact inner product over its vectors
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ["RAGAS_DO_NOT_TRACK"] = "true"

from benchmarks.eval.question_sets import example_application, example_records, long_golden
from benchmarks.eval.usual_recipe import (
    examples_beside_usual_recipe,
    ragas_evaluate_seconds,
    syllabus_beside_usual_recipe,
)
from eval.judge.judge import Judge
from eval.judge.judge_cache import JudgementCache
from ui.application import Application
from ui.measure.judging import open_judge_model

RAGAS_LIMIT_SECONDS = 420
OFFLINE_WORKERS = 4
CALLS_PER_SAMPLE = 8
"""Calls of the judge for a sample, with four passages.

The five metrics take one, four, one, two and one; fewer if an answer is its own reference.
"""


def main() -> None:
    """Run the parts that are named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", help="judge, ragas, offline, examples, syllabus")
    parser.add_argument("--calls", type=int, default=1000, help="judge calls at least")
    parser.add_argument("--samples", type=int, default=4, help="samples for Ragas' own evaluate")
    parser.add_argument("--questions", type=int, default=200, help="questions of the offline evaluation")
    chosen = parser.parse_args()
    parts = chosen.parts or ["judge", "ragas", "offline", "examples", "syllabus"]
    with TemporaryDirectory(prefix="lectern-bench-") as folder:
        application = example_application(Path(folder) / "library")
        if "judge" in parts:
            measure_judge(application, chosen.calls, Path(folder))
        if "ragas" in parts:
            measure_beside_ragas(application, chosen.samples, Path(folder))
        if "offline" in parts:
            measure_offline(application, chosen.questions)
        if "examples" in parts:
            examples_beside_usual_recipe(application)
    if "syllabus" in parts:
        syllabus_beside_usual_recipe()


def measure_judge(application: Application, calls: int, folder: Path) -> None:
    """Judge samples with at least `calls` calls; print how many results were unusable.

    An unusable result is an answer that cannot be parsed or a score that is missing.
    """
    from eval.judge.ragas_metrics import JUDGED, judge_records

    judge = Judge(open_judge_model("embedded", application), JudgementCache(folder / "judge.sqlite"))
    records = example_records(application)[: calls // CALLS_PER_SAMPLE + 1]
    started = time.perf_counter()

    def tell() -> None:
        made = judge.counts.calls - judge.counts.cached
        rate = made / (time.perf_counter() - started)
        print(f"\r  {made} calls, {rate:.2f}/s, {judge.counts.unparsable} unparsable ", end="", flush=True)

    scored = asyncio.run(judge_records(records, judge, application.embedder.embed_passages, tell))
    values = [record.scores[name] for record in scored for name in JUDGED]
    print(
        f"\njudge: {judge.counts.calls - judge.counts.cached} calls in {time.perf_counter() - started:.0f} s, "
        f"{judge.counts.unparsable} unparsable, {judge.counts.too_long} too long; {len(scored)} samples, "
        f"{len(values)} scores, {sum(value is None for value in values)} missing or NaN"
    )


def measure_beside_ragas(application: Application, count: int, folder: Path) -> None:
    """Judge the same samples with our judge and with Ragas' own `evaluate`.

    Both use the same model.
    """
    from eval.judge.ragas_metrics import JUDGED, judge_records

    records = example_records(application)[:count]
    model = open_judge_model("embedded", application)
    judge = Judge(model, JudgementCache(folder / "beside.sqlite"))
    asyncio.run(
        judge_records(
            records[:1],
            Judge(model, JudgementCache(folder / "warm.sqlite")),
            application.embedder.embed_passages,
        )
    )
    started = time.perf_counter()
    ours = asyncio.run(judge_records(records, judge, application.embedder.embed_passages))
    seconds = time.perf_counter() - started
    scored = sum(record.scores[name] is not None for record in ours for name in JUDGED)
    print(
        f"ours:   {count} samples x {len(JUDGED)} metrics in {seconds:.1f} s, {scored}/{count * len(JUDGED)} scored"
    )
    theirs, their_scored = ragas_evaluate_seconds(records, application.folder, RAGAS_LIMIT_SECONDS)
    limit = " (stopped there)" if theirs >= RAGAS_LIMIT_SECONDS else ""
    print(f"ragas.evaluate: {theirs:.1f} s{limit}, {their_scored}/{count * len(JUDGED)} scored")
    print(f"ours is {theirs / seconds:.1f} times as fast" + (", or more" if limit else ""))


def measure_offline(application: Application, count: int) -> None:
    """Measure the seconds of retrieval and answers without a judge; print the engine."""
    from eval.metrics.answer_scores import answer_record
    from eval.metrics.retrieval_scores import retrieval_record
    from eval.metrics.summary import metric_intervals
    from eval.runs import answer_all
    from ui.measure.evaluation import anchored, find
    from ui.measure.judging import similarity_by

    questions = long_golden(count)
    gold, search, chain = anchored(application, questions), find(application), application.chain()
    similarity = similarity_by(application.embedder)
    started = time.perf_counter()
    answer_all(questions, lambda q: retrieval_record(q, gold.spans[q.id], lambda asked: search(asked)[0]))
    retrieved = time.perf_counter()
    records = answer_all(
        questions,
        lambda q: answer_record(
            q,
            gold.spans[q.id],
            lambda asked: chain.invoke({"question": asked.question, "history": asked.turns}),
            similarity,
        ),
        workers=OFFLINE_WORKERS,
    )
    done = time.perf_counter()
    print(
        f"offline: {len(records)} questions, retrieval {retrieved - started:.1f} s, answers {done - retrieved:.1f} s, "
        f"together {(done - started) / 60:.1f} minutes, {OFFLINE_WORKERS} answers at a time"
    )
    for name, interval in metric_intervals(records).items():
        print(f"  {name:20} {interval.mean:.3f}  [{interval.low:.3f}, {interval.high:.3f}]  n={interval.n}")


if __name__ == "__main__":
    main()
