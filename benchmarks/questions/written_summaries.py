"""A model's summaries in the product, beside its own of the whole text.

`python -m benchmarks.questions.written_summaries --model NAME [--libraries DIR] [--most N]`. Each Markdown lesson of the example course that
fits into the model's context is summarised both ways, greedily. Of both the headings of the second level that a cited passage is
under or that are named are counted, and the sentences that the lesson supports; then the model itself is asked which is the better one, in
both orders. Only where it names the same one twice does it prefer one.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks.questions.__main__ import FOLDERS, opened
from benchmarks.questions.keys import has_phrase
from rag.answer.attribution import locator
from rag.answer.citations import Evidence, check
from rag.types import BlockKind, Role, Turn
from ui.application import Application

ALONE = (
    "Summarise the course notes that the student sends in 8 to 12 sentences, in their language. Say only what they say, keep their "
    "numbers, units and names, and cover every section."
)
COMPARE = (
    "Course notes:\n{text}\n\nSummary A:\n{first}\n\nSummary B:\n{second}\n\nWhich summary would help a student of these notes "
    "more: is right, covers all sections and is easy to read? Answer with A or B alone."
)
OWN_TOKENS = 450
"""Tokens of the summary of the whole text, at most."""
LEAST_LEFT = 900
"""Tokens of the context that are left beside the text for two summaries."""


def main() -> None:
    """Write the summaries and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--libraries", type=Path)
    parser.add_argument("--most", type=int, default=5, help="lessons at most")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        application = opened("example", given.libraries or Path(folder), model__name=given.model)
        print(f"{'lesson':<30}{'in the product':>34}{'of the whole text':>34}  preferred")
        lessons = sorted(path.name for path in FOLDERS["example"][0].glob("lesson-*.md"))
        for lesson in lessons[: given.most]:
            if not compared(application, lesson):
                print(f"{lesson:<30} does not fit into {application.model.context_tokens} tokens")


def compared(application: Application, lesson: str) -> bool:
    """Print the figures of both summaries of a lesson; False where it does not fit."""
    text = application.library.document(lesson).text
    system = Turn(Role.SYSTEM, ALONE)
    model = application.model
    if model.count_tokens((system, Turn(Role.USER, text))) > model.context_tokens - LEAST_LEFT:
        return False
    started = time.perf_counter()
    answer = application.chain().invoke({"question": f"Summarise {lesson}"})
    ours = time.perf_counter() - started
    started = time.perf_counter()
    alone = written(application, [system, Turn(Role.USER, text)])
    theirs = time.perf_counter() - started
    votes = [
        written(
            application, [Turn(Role.USER, COMPARE.format(text=text, first=first, second=second))]
        ).strip()[:1]
        for first, second in ((answer.text, alone), (alone, answer.text))
    ]
    preferred = {"AB": "product", "BA": "whole text"}.get("".join(votes), f"neither ({'/'.join(votes)})")
    print(
        f"{lesson:<30}{figures(application, lesson, answer.text, ours):>34}{figures(application, lesson, alone, theirs):>34}  {preferred}",
        flush=True,
    )
    print(f"--- in the product\n{answer.text}\n--- of the whole text\n{alone}\n")
    return True


def written(application: Application, turns: list[Turn]) -> str:
    """Return what the model writes for the messages."""
    from langchain_core.messages import HumanMessage, SystemMessage

    kinds = {Role.SYSTEM: SystemMessage, Role.USER: HumanMessage}
    messages = [kinds[turn.role](turn.content) for turn in turns]
    return str(application.model.invoke(messages, max_tokens=OWN_TOKENS).text)


def figures(application: Application, lesson: str, summary: str, seconds: float) -> str:
    """Return the headings covered, the supported sentences, the words and the seconds."""
    document, chunks = application.library.document(lesson), application.library.chunks_of(lesson)
    headings = [
        document.text[block.start : block.end].strip("# \n")
        for block in document.blocks
        if block.kind is BlockKind.HEADING and block.level == 2
    ]
    evidence: Evidence = check(
        summary, chunks, application.settings.answer.support, locator("", chunks, application.embedder)
    )
    seen = {
        name
        for citation in evidence.citations
        for chunk in chunks
        if chunk.start < citation.end and citation.start < chunk.end
        for name in chunk.headings
    }
    covered = sum(name in seen or has_phrase(summary, name) for name in headings)
    supported = sum(sentence.supported for sentence in evidence.sentences)
    said = len(evidence.sentences)
    return f"{covered}/{len(headings)} headings {supported}/{said} {len(summary.split())} w {seconds:.0f} s"


if __name__ == "__main__":
    main()
