"""Small notes written for these tests, and the embedder that can be computed by hand."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rag.library.library import Library


def _word_lengths() -> Any:
    spec = importlib.util.spec_from_file_location("word_lengths", Path(__file__).with_name("word_lengths.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.WordLengths


@pytest.fixture
def embedder() -> Any:
    """A fresh `WordLengths`."""
    return _word_lengths()()


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """An empty library."""
    with Library.create(tmp_path / "library") as made:
        yield made


@pytest.fixture
def notebook() -> Callable[..., str]:
    """A notebook of format 4 with the cells given as (kind, source, outputs)."""

    def make(*cells: tuple[str, str, list[dict[str, Any]]]) -> str:
        made = []
        for number, (kind, source, outputs) in enumerate(cells):
            cell: dict[str, Any] = {
                "cell_type": kind,
                "id": f"cell-{number}",
                "metadata": {},
                "source": source,
            }
            if kind == "code":
                cell |= {"execution_count": number, "outputs": outputs}
            made.append(cell)
        return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": made})

    return make


@pytest.fixture
def notes(tmp_path: Path, notebook: Callable[..., str]) -> Path:
    """A folder of six notes in four formats."""
    folder = tmp_path / "notes"
    (folder / "week1").mkdir(parents=True)
    (folder / "week1" / "intro.md").write_text(
        "# Intro\n\nGradient descent follows the slope.\n\n## Rate\n\nThe rate is 0.1.\n"
    )
    (folder / "week1" / "loss.md").write_text(
        "# Loss\n\nThe loss says how wrong a model is.\n\nSquared error is one.\n"
    )
    (folder / "week2.md").write_text(
        "# Week two\n\n" + "\n\n".join(f"Paragraph {n} is about topic {n}." for n in range(60))
    )
    (folder / "plain.txt").write_text("First line.\nSecond line.\n\nAnother paragraph.\n")
    (folder / "page.html").write_text(
        "<html><title>Page</title><body><h1>Page</h1><p>Some text here.</p></body></html>"
    )
    cells = (
        ("markdown", "# Book\n\nWords.", []),
        ("code", "print(1)", [{"output_type": "stream", "name": "stdout", "text": "1\n"}]),
    )
    (folder / "book.ipynb").write_text(notebook(*cells))
    return folder
