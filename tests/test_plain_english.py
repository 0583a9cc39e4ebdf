"""Docstrings are in plain English: `tests/plain_english.py` finds no fault in any package."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]


def checker() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "plain_english", Path(__file__).with_name("plain_english.py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CHECKER = checker()
SHOWN = 20


@pytest.mark.parametrize("package", CHECKER.PACKAGES)
def test_a_package_is_in_plain_english(package: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {fault}"
        for path in CHECKER.modules([ROOT / package])
        for line, fault in CHECKER.faults(path)
    ]
    if found:
        pytest.fail(f"{len(found)} faults; the first are:\n" + "\n".join(found[:SHOWN]), pytrace=False)


def test_the_checker_finds_what_it_looks_for(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        '"""What stands here."""\n\n\ndef f() -> None:\n    """Return held-out rows of a stand-alone set."""\n'
        f'\n\ndef g() -> None:\n    """Return {"x" * 80}."""\n',
        encoding="utf-8",
    )
    found = [(line, fault.partition(":")[0]) for line, fault in CHECKER.faults(module)]
    assert found == [
        (1, "a clause as a title"),
        (1, "the word 'stands'"),
        (9, "first sentence of 88 characters"),
    ]
    module.write_text('"""Nothing."""\n' + "\n" * CHECKER.LONGEST_MODULE, encoding="utf-8")
    assert [fault for _, fault in CHECKER.faults(module)] == ["301 lines, at most 300"]
