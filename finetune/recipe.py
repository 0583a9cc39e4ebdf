"""A training recipe: one TOML file with every key checked.

An unknown key is an error: a misspelt `learning_rat` that silently trains with the default costs a night.
"""

from __future__ import annotations

import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rag.errors import TrainingError

RECIPES = Path(__file__).parent / "recipes"


class Rows(StrEnum):
    """The form of a data set's rows."""

    CUSTOMER_SERVICE = "customer-service"
    GROUNDED = "grounded"
    MESSAGES = "messages"


class Quantization(StrEnum):
    """The type of the frozen base model's weights."""

    NONE = "none"
    NF4 = "nf4"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class ModelPart(_Part):
    """The model that is tuned."""

    base: str = Field("embedded", description="`embedded`, a folder, a Hugging Face id or a GGUF file")
    quantization: Quantization = Field(
        Quantization.NONE, description="`nf4` stores the frozen weights in 4 bits"
    )


class LoraPart(_Part):
    """The adapter."""

    rank: int = Field(16, ge=1, le=512, description="rank r of the update")
    alpha: int = Field(32, ge=1, description="the update is scaled by alpha / rank")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout before the update")
    start: str = Field("", description="adapter folder to go on from; empty for a fresh one")
    targets: str = Field("all-linear", description="`all-linear`, or layer names separated by commas")


class DataPart(_Part):
    """The rows."""

    rows: Rows = Field(description="how rows become conversations")
    path: str = Field(description="a file, a folder or a Hugging Face data set")
    revision: str = Field("", description="revision of a Hugging Face data set")
    licence: str = Field("", description="the rows' licence, for the adapter's card; empty where not known")
    limit: int = Field(0, ge=0, description="most training rows used; 0 for all")
    evaluation_share: float = Field(0.05, ge=0, lt=1, description="share of rows held out (not for grounded)")


class TrainingPart(_Part):
    """The run."""

    epochs: float = Field(3.0, gt=0, description="passes over the rows")
    steps: int = Field(0, ge=0, description="optimizer steps; 0 lets the epochs decide")
    learning_rate: float = Field(1e-3, gt=0, description="peak of the schedule")
    schedule: str = Field(
        "cosine", description="shape of the learning rate after warm-up, by its transformers name"
    )
    warmup_share: float = Field(0.03, ge=0, lt=1, description="share of the steps in which the rate rises")
    weight_decay: float = Field(0.0, ge=0, description="decay of the adapter's weights")
    neftune_alpha: float = Field(0.0, ge=0, description="noise on the embeddings (NEFTune); 0 for none")
    batch_rows: int = Field(8, ge=1, description="rows (or packs of rows) in one forward pass")
    accumulation: int = Field(1, ge=1, description="forward passes for one optimizer step")
    context_tokens: int = Field(2048, ge=16, description="longest row; with packing the length of a pack")
    packing: bool = Field(True, description="several rows in one pack, none of which sees another")
    gradient_checkpointing: bool | Literal["auto"] = Field(
        False,
        description="recompute activations: less memory, half as slow again; `auto` where the GPU is too small without",
    )
    precision: str = Field(
        "auto", pattern="^(auto|float32|bfloat16)$", description="arithmetic of the forward pass"
    )
    seed: int = Field(0, ge=0, description="of shuffling, initialisation and dropout")
    evaluations: int = Field(5, ge=0, description="how often the held-out loss is measured in a run")
    patience: int = Field(
        0, ge=0, description="evaluations without improvement before stopping; 0 never stops early"
    )
    checkpoints: int = Field(
        5, ge=0, description="how often the state is saved in a run, from which a killed run resumes"
    )


class Recipe(_Part):
    """A whole recipe."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$", description="names the run's folder")
    model: ModelPart = ModelPart()
    lora: LoraPart = LoraPart()
    data: DataPart
    training: TrainingPart = TrainingPart()


def load_recipe(name: str) -> Recipe:
    """Return the recipe in a TOML file, or one of the project's own by name.

    A name is for example `smollm2-135m-grounded`.

    Raises:
        TrainingError: there is no such recipe, it is not TOML, or a key is unknown or out of range.
    """
    own = RECIPES / f"{Path(name).stem if name.endswith('.toml') else name}.toml"
    path = Path(name) if Path(name).is_file() else own
    if not path.is_file():
        known = ", ".join(sorted(item.stem for item in RECIPES.glob("*.toml")))
        raise TrainingError(f"There is no recipe {name!r}. Give a TOML file, or one of: {known}.")
    try:
        return Recipe.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise TrainingError(f"{path} is not TOML: {exc}. Correct that line.") from exc
    except ValidationError as exc:
        problems = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {_problem(e['type'], e['msg'])}" for e in exc.errors()
        )
        raise TrainingError(f"{path} cannot be used. {problems}.") from exc


def with_changes(recipe: Recipe, data: str | None = None, steps: int | None = None) -> Recipe:
    """Return the recipe with other rows, or with so many steps.

    The licence of other rows is not known.
    """
    changes: dict[str, Any] = {}
    if data:
        changes["data"] = recipe.data.model_copy(update={"path": data, "licence": ""})
    if steps:
        changes["training"] = recipe.training.model_copy(update={"steps": steps})
    return recipe.model_copy(update=changes)


def _problem(kind: str, message: str) -> str:
    return (
        "unknown key, remove or correct it"
        if kind == "extra_forbidden"
        else message[:1].lower() + message[1:]
    )
