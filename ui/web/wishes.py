"""Wishes about one answer: more passages, a longer text, another model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from rag.errors import QuestionError
from ui.web.adapters import AdapterChoice
from ui.web.language import gettext as _

if TYPE_CHECKING:
    from ui.application import Application

MORE, LONGER = "more", "longer"
_MODEL = "model:"
_FACTOR = 2
"""Factor of the passages read and of the longest answer. Chosen, not measured."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A wish by its text in a request, and by its name on the page."""

    text: str
    name: str


def wishes(writes: bool, others: Iterable[AdapterChoice]) -> list[Wish]:
    """Return the wishes on offer; only a model that `writes` can write more."""
    found = [Wish(MORE, _("With more passages"))]
    if writes:
        found.append(Wish(LONGER, _("Longer")))
    unused = (choice for choice in others if not choice.used)
    return [*found, *(Wish(f"{_MODEL}{choice.setting}", _model_name(choice)) for choice in unused)]


def _model_name(choice: AdapterChoice) -> str:
    if choice.setting == "none":
        return _("Without an adapter")
    name = _(choice.name) if choice.setting == "default" else choice.name
    return _("With the adapter %(name)s", name=name)


class WishedApplications:
    """The applications that answer with a wish, over the same library and models."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._lock = Lock()
        self._made: dict[tuple[str, str], Application] = {}

    def get(self, wish: str, others: Sequence[AdapterChoice]) -> Application:
        """Return the application for a wish, the usual one without any.

        Raises:
            QuestionError: the wish is none on offer.
            LecternError: another model cannot be opened.
        """
        usual = self._application
        if not wish:
            return usual
        setting = wish.removeprefix(_MODEL) if wish.startswith(_MODEL) else ""
        if wish not in (MORE, LONGER) and setting not in {choice.setting for choice in others}:
            raise QuestionError(_("That choice is not here any more. Reload the page and choose again."))
        key = (wish, "" if setting else usual.settings.model.adapter)
        with self._lock:
            if key not in self._made:
                if setting:
                    self._made[key] = usual.beside(usual.folder)
                    self._made[key].use_adapter(setting)
                else:
                    self._made[key] = usual.wider(
                        _FACTOR if wish == MORE else 1, _FACTOR if wish == LONGER else 1
                    )
            return self._made[key]
