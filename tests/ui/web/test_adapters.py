"""Which adapters the page offers, and how."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.chat_models.embedded import ADAPTER
from rag.settings import ModelSettings
from ui.web.adapters import QUOTES, AdapterChoice, choices
from ui.web.views.adapter_view import adapters_html


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two runs under ./adapters, of which one is not finished, and an adapter elsewhere."""
    for folder in ("adapters/done/adapter", "adapters/begun/checkpoint", "elsewhere"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "adapter_model.safetensors").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_none_the_models_own_the_one_it_was_started_with_and_those_trained_here(runs: Path) -> None:
    model = ModelSettings(adapter="none")
    done = str(runs / "adapters" / "done" / "adapter")
    assert choices(model, "elsewhere") == (
        AdapterChoice("none", "none", "the model as it came", True),
        AdapterChoice("default", *QUOTES),
        AdapterChoice("elsewhere", "elsewhere", str(runs / "elsewhere")),
        AdapterChoice(done, "done", done),
    )


def test_one_adapter_is_offered_once_however_it_is_named(runs: Path) -> None:
    model = ModelSettings(adapter="adapters/done/../done/adapter")
    found = choices(model, str(ADAPTER))
    assert [(choice.name, choice.used) for choice in found] == [
        ("none", False),
        ("quotes", False),
        ("done", True),
    ]


def test_the_one_in_use_is_named_even_when_its_folder_is_gone_and_no_other_that_is_gone(runs: Path) -> None:
    found = choices(ModelSettings(name="some/model", adapter="gone"), "gone too")
    assert [(choice.name, choice.used) for choice in found] == [
        ("none", False),
        ("gone", True),
        ("done", False),
    ]


def test_a_model_without_an_adapter_of_its_own_uses_none_by_default(runs: Path) -> None:
    assert choices(ModelSettings(name="some/model"), "default")[0].used


def test_a_servers_model_has_no_choice(runs: Path) -> None:
    assert choices(ModelSettings(name="openai:m@http://127.0.0.1:1/v1"), "default") == ()
    assert adapters_html(()) == ""


def test_the_choice_is_buttons_that_say_which_is_pressed_and_what_they_name_is_inert() -> None:
    none, odd = AdapterChoice("none", "none", "bare"), AdapterChoice('a"b', "<b>", "&", used=True)
    html = adapters_html([none, odd])
    assert "<strong>&lt;b&gt;</strong></summary>" in html
    assert 'data-adapter="none" aria-pressed="false">none<small>bare</small>' in html
    assert 'data-adapter="a&#34;b" aria-pressed="true">&lt;b&gt;<small>&amp;</small>' in html
    assert adapters_html([none]) == ""
