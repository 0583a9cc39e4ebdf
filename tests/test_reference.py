"""`docs/reference.md` has every verb, option and setting, as they are now."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_reference", ROOT / "docs" / "build_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_verb_option_and_setting_is_documented(builder: ModuleType) -> None:
    assert builder.undocumented() == []


def test_the_reference_is_fresh(builder: ModuleType) -> None:
    written = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert written == builder.page(), "run `python docs/build_reference.py`"


def test_the_reference_names_what_people_look_for(builder: ModuleType) -> None:
    page = builder.page()
    for wanted in ("lectern finetune export-gguf", "`--scope` `KIND:VALUE`", "`model.name`", "`--verbose`"):
        assert wanted in page
