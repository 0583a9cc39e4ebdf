"""The small inputs that once failed, where they are present: what each holds is read, or named with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.parsers import read_document
from rag.types import Document

CASES = Path(__file__).resolve().parents[3] / "shared" / "data" / "cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the shared material is not on this machine")

READ = {
    "01-slides-smartart-chart/bio-lecture.pptx": [
        "- Metaphase: chromosomes align at the equator",
        "2023 | 164",
        "each turn yields 3 NADH",
    ],
    "02-notebook-rich-output/lab4.ipynb": [
        "lambda = 0.37",
        "model | R2",
        "gradient boosting | 0.79",
        r"\hat\beta = (X^T X + \lambda I)^{-1} X^T y",
        "Harbour Street | 7.25",
        "due on Friday 3 May",
    ],
    "02-notebook-rich-output/old-v3.ipynb": ["8000 Hz"],
    "03-word-review/essay-guide.docx": [
        "The threshold is ≥ 60 marks, and the angle is α = 30 degrees.",
        "Exam | Written: 35 %; Oral: 25 %",
        "use footnotes, not the author-date variant",
        "Course code HIST-204-B, room 3.17",
        "due on 21 March",
    ],
    "05-file-kinds/report.qmd": ["Exam hint", "The variance of the random intercept is asked every year."],
    "06-obsidian/Lectures/Enzyme kinetics.md": [
        "lecturer: Prof. Iwu",
        "date: 2026-02-17",
        "You must be able to derive the Km from a Lineweaver-Burk plot.",
        "The Michaelis constant is the substrate concentration",
        "The turnover number of catalase is 40 million per second.",
        "lecture-hall: Room 2.05",
        "Next: enzyme inhibition",
    ],
    "06-obsidian/Untitled.canvas": ["Mind map: glycolysis yields 2 ATP net per glucose"],
    "06-obsidian/Drawing 2026.excalidraw.md": ["Glycolysis regulator is PFK-1"],
    "15-html-exports/sphinx-page.html": [
        "The exam allows one handwritten formula sheet.",
        "Dirichlet gave the conditions for convergence in 1829.",
        "sines and cosines.¹",
    ],
    "15-html-exports/canvas-page.html": [
        "Tutorial group B meets in room 1.08.",
        "What is the pass mark?",
        "Lewis Thomas, The Lives of a Cell",
        "Lab slot: Monday 9:00",
        "the sodium-potassium pump moves 3 Na+ out and 2 K+ in",
        "- [x] Submit the reflection",
        "- [ ] Book the microscope",
        "Group | Session Lab | Session Seminar\nA | Mon | Wed\nB | Tue | Thu",
    ],
    "15-html-exports/notion-export.html": [
        "- Lecturer: Dr. Haddad",
        "C3b opsonises the pathogen.",
        "- [x] Revise MHC II",
        r"$$K_d = \frac{[L][R]}{[LR]}$$",
    ],
}
LEFT_OUT = {
    "03-word-review/essay-guide.docx": ["Late essays are accepted without penalty", "14 March"],
    "06-obsidian/Lectures/Enzyme kinetics.md": ["answer key", "[[", "==", "> ", "^block1", "---"],
    "06-obsidian/Drawing 2026.excalidraw.md": ["N4KAkARALg", "^abc", "# Drawing"],
    "06-obsidian/Untitled.canvas": ["nodes", '"x"'],
    "15-html-exports/notion-export.html": ["KK", "katex.css"],
}
NAMED = {
    "01-slides-smartart-chart/bio-lecture.pptx": [],
    "01-slides-smartart-chart/picture-slides.pptx": ["slides 1-2: 2 pictures without a description"],
    "02-notebook-rich-output/lab4.ipynb": [
        "cell 7: a picture without a description",
        "cell 8: an interactive output",
    ],
    "03-word-review/picture-only.docx": ["paragraph 1: a picture without a description"],
    "06-obsidian/Drawing 2026.excalidraw.md": ["a drawing of which only the text is read"],
    "15-html-exports/canvas-page.html": ["paragraph 11: a recording (audio or video)"],
}


def searched(name: str) -> tuple[Document, str]:
    """Return a case with the text that is searched: that of its blocks."""
    document = read_document(CASES / name, name)
    return document, "\n".join(document.text[block.start : block.end] for block in document.blocks)


@pytest.mark.parametrize("name", READ)
def test_what_was_lost_is_read(name: str) -> None:
    _, text = searched(name)
    assert [wanted for wanted in READ[name] if wanted not in text] == []


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_no_text_is_left_out(name: str) -> None:
    _, text = searched(name)
    assert [unwanted for unwanted in LEFT_OUT[name] if unwanted in text] == []


@pytest.mark.parametrize("name", NAMED)
def test_what_cannot_be_read_is_named(name: str) -> None:
    document, _ = searched(name)
    assert [str(warning) for warning in document.warnings] == NAMED[name]
