"""The extras of the distribution and the sentences about them."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest

from rag import extras
from rag.extras import EXTRAS, adding, failed_import, missing_extra

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_extra_is_described() -> None:
    assert set(PROJECT["project"]["optional-dependencies"]) - {"dev"} == set(EXTRAS)


def test_the_sentence_names_what_is_missing_and_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
    sentence = missing_extra("The web app", "web")
    assert sentence == "The web app needs gradio, not installed here. Add it with: lectern setup web"
    assert adding() == "lectern setup"
    monkeypatch.setitem(extras._IMPORTS, "web", ("json",))
    assert missing_extra("The web app", "web") == ""


def test_a_failed_import_names_its_extra() -> None:
    assert (
        failed_import("torch.nn") == "This needs torch, not installed here. Add it with: lectern setup models"
    )
    assert failed_import("no_package_of_ours") == ""


def test_the_modules_are_those_of_the_extras() -> None:
    optional = PROJECT["project"]["optional-dependencies"]
    names = {"scikit-learn": "sklearn"}
    for extra, modules in extras._IMPORTS.items():
        packages = {re.split(r"[^\w.-]", requirement)[0] for requirement in optional[extra]} - {
            "lectern-notes"
        }
        assert {names.get(name, name.replace("-", "_")) for name in packages} == set(modules), extra
