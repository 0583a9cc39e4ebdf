"""Facts of the shared cases, which people reported as lost."""

from __future__ import annotations

from pathlib import Path

from benchmarks.reading.facts import Fact

_CASES = {
    "01-slides-smartart-chart/bio-lecture.pptx": (
        ("How many students were enrolled in 2023?", ("164",), "chart"),
        ("What happens in metaphase?", ("equator",), "SmartArt"),
        ("How many NADH does each turn of the cycle yield?", ("3 NADH",), "alt"),
    ),
    "02-notebook-rich-output/lab4.ipynb": (("What is lambda?", ("0.37",), "output"), ("What is the R2?", ("0.79",), "output")),
    "03-word-review/essay-guide.docx": (("What is the threshold in marks?", ("≥ 60|>= 60|≥60",), "symbol"),),
    "05-file-kinds/notes.rtf": (("What is the half-life of carbon-14?", ("5730",), "text"),),
    "05-file-kinds/reader.epub": (("Who described the tragedy of the commons?", ("Hardin",), "text"),),
    "05-file-kinds/proofs.tex": (("When is a set compact?", ("closed and bounded",), "text"), ("What does Bolzano-Weierstrass say?", ("Bolzano", "convergent subsequence"), "theorem")),
    "05-file-kinds/guide.rst": (("Which lab is cancelled on 5 June?", ("Lab 3", "5 June"), "note"),),
    "05-file-kinds/todo.org": (("Where was the equivalence point reached?", ("23.4 mL",), "text"),),
    "05-file-kinds/summary.odt": (("What does photosystem II split?", ("water",), "text"),),
    "05-file-kinds/scores.csv": (("What is the midterm score of S1030?", ("S1030", "85", "midterm"), "table"),),
    "05-file-kinds/timetable.xlsx": (("In which room are matrices taught?", ("Matrices", "B14", "Room"), "table"),),
    "07-folders-names/env/ENV101 lecture 1.md": (("Where does the Keeling curve record carbon dioxide?", ("Mauna Loa",), "folder"),),
    "07-folders-names/build/BLD 200 foundations.md": (("What is a raft foundation?", ("raft", "whole area"), "folder"),),
    "10-upload-same-name/week1/slides.md": (("What produces ATP according to the slides?", ("mitochondrion",), "text"),),
}  # fmt: skip


def shared_cases(folder: Path) -> list[tuple[Path, list[Fact]]]:
    """Return the files of the cases with their facts; none without the folder."""
    return [
        (
            folder / name,
            [Fact(question, "", needles, "", "", "", place) for question, needles, place in facts],
        )
        for name, facts in _CASES.items()
        if (folder / name).is_file() and facts
    ]
