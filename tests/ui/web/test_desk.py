"""An adapter chosen on the page: the base stays loaded, running answers keep theirs, and one that does not fit changes nothing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from rag.errors import ModelFailed, QuestionError
from rag.events import Done, Token
from rag.search.scope import Scope
from rag.types import Receipt
from tests.patience import PATIENCE_SECONDS
from ui.application import Application, load
from ui.web.desk import Desk, LoadingStage

pytestmark = pytest.mark.model
QUESTION: Any = {"question": "What is the Nyquist rate?"}


@pytest.fixture
def desk(
    tiny_model: Path, course_library: Path, tmp_path: Path, loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> Desk:
    """A desk with the tiny model, and adapters of the names it has in the tiny model's folder."""
    for name in ("one", "two", "misfit"):
        shutil.copytree(tiny_model / name, tmp_path / "adapters" / name / "adapter")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(course_library, tmp_path / "library")
    flags: dict[str, Any] = {"model__name": str(tiny_model / "base"), "model__weights": "float32"}
    desk = Desk(Application(load(tmp_path / "library", **flags, model__max_answer_tokens=64)))
    assert desk.adapters() == ()
    desk.load()
    desk.chain()
    return desk


def setting(name: str) -> str:
    return str(Path("adapters", name, "adapter").absolute())


def used(desk: Desk) -> str:
    (name,) = [choice.name for choice in desk.adapters() if choice.used]
    return name


def receipt(events: Any) -> Receipt:
    (done,) = [event for event in events if isinstance(event, Done)]
    return done.answer.receipt


def test_the_next_answer_is_the_chosen_adapters_and_the_base_is_loaded_once(
    desk: Desk, loads: list[str]
) -> None:
    assert [choice.name for choice in desk.adapters()] == ["none", "misfit", "one", "two"]
    found = []
    for name in ("one", "two"):
        desk.use_adapter(setting(name)).result(PATIENCE_SECONDS)
        assert used(desk) == name
        found.append(receipt(desk.chain().stream(QUESTION)))
    desk.use_adapter("none").result(PATIENCE_SECONDS)
    found.append(receipt(desk.chain().stream(QUESTION)))
    assert [one.adapter for one in found] == [setting("one"), setting("two"), "none"]
    assert len({one.model for one in found}) == 3
    with pytest.raises(ModelFailed, match="does not fit this model"):
        desk.use_adapter(setting("misfit")).result(PATIENCE_SECONDS)
    assert used(desk) == "none"
    assert receipt(desk.chain().stream(QUESTION)) == found[-1]
    assert desk.status().stage is LoadingStage.READY
    assert len(loads) == 1


def test_an_answer_under_way_ends_with_the_adapter_it_began_with(desk: Desk) -> None:
    answering = desk.chain().stream(QUESTION)
    while not isinstance(next(answering), Token):
        pass
    coming = desk.use_adapter(setting("one"))
    assert desk.status().message == "loading the model with adapter one… (after the answer under way)"
    assert not desk.ready
    with pytest.raises(QuestionError, match="Adapter one is still loading"):
        desk.use_adapter(setting("two"))
    assert not coming.done()
    assert receipt(answering).adapter == "default"
    coming.result(PATIENCE_SECONDS)
    assert desk.ready
    assert receipt(desk.chain().stream(QUESTION)).adapter == setting("one")


def test_only_what_is_offered_can_be_chosen(desk: Desk, tiny_model: Path) -> None:
    with pytest.raises(QuestionError, match="not here any more"):
        desk.use_adapter(str(tiny_model / "one"))


def test_an_answer_within_a_scope_is_as_the_command_lines(desk: Desk) -> None:
    scope = Scope(documents=("/lesson-02-quantisation.md",))
    (done,) = [event for event in desk.chain(scope).stream(QUESTION) if isinstance(event, Done)]
    assert {hit.chunk.document for hit in done.answer.hits} == {"lesson-02-quantisation.md"}
    assert done.answer.receipt == receipt(desk.application.chain(scope).stream(QUESTION))
    assert done.answer.receipt.scope == "document /lesson-02-quantisation.md"


def test_an_adapter_is_of_its_course_alone(
    desk: Desk, loads: list[str], tmp_path: Path, course_library: Path
) -> None:
    shutil.copytree(course_library, tmp_path / "second")
    other = desk.beside(tmp_path / "second")
    other.load()
    assert other.embedder() is desk.embedder()
    assert receipt(other.chain().stream(QUESTION)).adapter == "default"
    assert len(loads) == 1
    other.use_adapter(setting("one")).result(PATIENCE_SECONDS)
    assert receipt(other.chain().stream(QUESTION)).adapter == setting("one")
    assert (used(desk), used(other)) == ("none", "one")
    assert receipt(desk.chain().stream(QUESTION)).adapter == "default"
    with pytest.raises(ModelFailed):
        other.use_adapter(setting("misfit")).result(PATIENCE_SECONDS)
    assert receipt(other.chain().stream(QUESTION)).adapter == setting("one")
    other.use_adapter("none").result(PATIENCE_SECONDS)
    assert other.application.model is desk.application.model
