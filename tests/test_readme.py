"""The README says what is there: its tree, its targets and its verbs."""

import importlib.util
import re
from pathlib import Path

from ui.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_tree_names_every_module() -> None:
    spec = importlib.util.spec_from_file_location("readme_tree", ROOT / "docs" / "tree.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.with_tree(README) == README, "run `python docs/tree.py`"


def test_every_make_target_of_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"make ([a-z-]*[a-z])\b(?!-\*)", README)) <= targets


def test_every_verb_is_in_the_readme() -> None:
    assert [verb for verb in COMMANDS if f"lectern {verb}" not in README] == []


def test_every_linked_file_exists() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []
