"""One application that changes its adapter answers as one opened with each, receipts included, and loads the base once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rag.errors import ModelFailed, ModelMissing
from rag.types import Answer
from ui.application import Application, load
from ui.measure.adapter_trial import MEASURES, golden_trial

pytestmark = pytest.mark.model
QUESTION: Any = {"question": "What is the Nyquist rate?"}


@pytest.fixture
def settings(tiny_model: Path, tmp_path: Path) -> Path:
    """A settings file of the tiny model with its second adapter."""
    file = tmp_path / "lectern.toml"
    model = {"name": tiny_model / "base", "adapter": tiny_model / "two", "weights": "float32"}
    lines = [f'{key} = "{value}"' for key, value in model.items()]
    file.write_text("\n".join(["[model]", *lines, "max_answer_tokens = 16"]))
    return file


def said(answer: Answer) -> tuple[str, str, str]:
    return answer.details.model_text, answer.receipt.model, answer.receipt.adapter


def asked(application: Application) -> tuple[str, str, str]:
    return said(application.chain().invoke(QUESTION))


def opened(course_library: Path, settings: Path, adapter: str) -> tuple[str, str, str]:
    application = Application(load(course_library, settings, model__adapter=adapter))
    try:
        return asked(application)
    finally:
        application.close()


def test_a_trial_asks_adapter_base_and_what_is_used_now_of_one_loaded_base(
    tiny_model: Path,
    course_library: Path,
    settings: Path,
    golden: list[dict[str, Any]],
    loads: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from rag.chain import AnswerChain

    questions = tmp_path / "golden.jsonl"
    questions.write_text("".join(json.dumps(row) + "\n" for row in golden[:2]))
    answers: list[Answer] = []
    invoke = AnswerChain.invoke
    monkeypatch.setattr(
        AnswerChain, "invoke", lambda *given, **named: answers.append(invoke(*given, **named)) or answers[-1]
    )
    trial = golden_trial(tiny_model / "one", questions, course_library, settings)
    assert loads == [str(tiny_model / "base")]
    assert (trial.questions, trial.now_adapter) == (2, str(tiny_model / "two"))
    assert set(trial.tuned) == set(trial.base) == set(trial.now) <= set(MEASURES)
    adapters = [str(tiny_model / "one"), "none", str(tiny_model / "two")]
    assert [answer.receipt.adapter for answer in answers] == [name for name in adapters for _ in range(2)]
    assert len({answer.receipt.model for answer in answers}) == 3


def test_an_adapter_put_on_later_answers_like_one_opened_with(
    tiny_model: Path, course_library: Path, settings: Path, loads: list[str]
) -> None:
    names = [str(tiny_model / "one"), "none", str(tiny_model / "two")]
    expected = [opened(course_library, settings, name) for name in names]
    assert len({text for text, _, _ in expected}) == 3
    loads.clear()
    application = Application(load(course_library, settings))
    found = []
    for name in names:
        application.use_adapter(name)
        found.append(asked(application))
    assert found == expected
    with pytest.raises(ModelFailed, match="does not fit this model"):
        application.use_adapter(str(tiny_model / "misfit"))
    with pytest.raises(ModelMissing, match="no adapter folder"):
        application.use_adapter(str(tiny_model / "nowhere"))
    assert asked(application) == expected[-1]
    assert len(loads) == 1
    application.close()


def test_the_embedded_model_is_opened_again_and_a_misfit_leaves_it_open(
    tiny_model: Path, course_library: Path
) -> None:
    application = Application(load(course_library))
    before, model = asked(application), application.model
    with pytest.raises(ModelFailed) as caught:
        application.use_adapter(str(tiny_model / "misfit"))
    assert "\n" not in str(caught.value)
    assert application.model is model
    application.use_adapter("none")
    text, fingerprint, adapter = asked(application)
    assert application.model is not model
    assert (adapter, before[2]) == ("none", "default")
    assert before[:2] == ("", application.scorer.fingerprint)  # the default quotes, without the model
    assert model.fingerprint.startswith(f"{fingerprint}+")
    application.use_adapter("default")
    assert asked(application) == before
    assert text
    application.close()
