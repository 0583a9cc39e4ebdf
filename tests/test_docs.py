"""The documents name only what exists: links, files, commands and options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from rag.settings_loading import PREFIX, known_keys
from ui.cli import build_app

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
CODE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def prose(page: Path) -> str:
    return CODE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", prose(page)):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_is_named_exists(page: Path) -> None:
    named = re.findall(r"`((?:[\w.-]+/)+[\w.-]*)`", prose(page))
    ours = ("rag/", "ingest/", "finetune/", "eval/", "ui/", "tests/", "benchmarks/", "docs/", "examples/")
    missing = [name for name in named if name.startswith(ours) and not (ROOT / name).exists()]
    assert missing == []


def commands(page: Path) -> Iterator[list[str]]:
    """The words of every `lectern` command in the shell examples of a page."""
    for language, text in CODE.findall(page.read_text(encoding="utf-8")):
        if language != "sh":
            continue
        for line in text.splitlines():
            words = shlex.split(line, comments=True)
            while words and "=" in words[0]:
                words = words[1:]
            if words and Path(words[0]).name == "lectern":
                yield words[1:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_the_examples_exists(page: Path) -> None:
    root = typer.main.get_command(build_app())
    for words in commands(page):
        command: Any = root
        known: set[str] = set()
        for word in words:
            if word in getattr(command, "commands", {}):
                command = command.commands[word]
            known |= {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
        assert not getattr(command, "commands", None), f"no such verb: lectern {' '.join(words)}"
        options = {word for word in words if re.match(r"--?[a-z]", word)}
        assert options <= known | {"--help"}, f"lectern {' '.join(words)}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_variable_is_a_setting(page: Path) -> None:
    named = re.findall(rf"\b{PREFIX}([A-Z_]+)\b", page.read_text(encoding="utf-8"))
    keys = {name.lower().replace("__", ".") for name in named}
    assert keys - known_keys().keys() - {"config"} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_setting_that_is_named_exists(page: Path) -> None:
    sections = "|".join({key.partition(".")[0] for key in known_keys() if "." in key})
    named = set(re.findall(rf"`((?:{sections})\.[a-z_]+)(?: = [^`]*)?`", prose(page)))
    files = {name for name in named if name.endswith((".sqlite", ".toml", ".py"))}
    assert named - files - known_keys().keys() == set()
