"""The switch of a running application to another language model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ui.model_opening import lazy_model

if TYPE_CHECKING:
    from ui.application import Application


def use_model(application: Application, name: str) -> None:
    """Answer from now on with another model and its own adapter.

    No answer may be under way. The model before is closed first, because two at once may not fit, unless another course
    still answers with it.

    Raises:
        ModelError: the model is missing, does not fit, or cannot be opened; the one before is used again.
    """
    before, old = application.settings, application._model
    shared = any(other._model is old for other in application._sharing if other is not application)
    model = before.model.model_copy(update={"name": name, "adapter": "default"})
    application._chain.drop()
    if not shared:
        application.close()
    application._model = lazy_model(model)
    application.settings = before.model_copy(update={"model": model})
    try:
        application.chain()  # opens the model now, not at the next question
    except BaseException:
        application._chain.drop()
        application._model = old if shared else lazy_model(before.model)
        application.settings = before
        raise
