"""The multilingual embedding model comes from a hub, complete with its prompts, and embeds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from rag.embedding.engine import open_embedder
from rag.embedding.model_folder import read_sentence_model
from rag.embedding.multilingual import MULTILINGUAL, embedders_folder, multilingual_folder
from rag.embedding.packed_e5 import unpack
from rag.errors import ModelMissing
from rag.settings import EmbeddingSettings
from tests.rag.chat_models.pull.conftest import Hub
from tests.rag.embedding.test_packed_e5 import HIDDEN, packed_file
from ui.cli import build_app


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    return tmp_path


def test_pulled_by_its_name_it_embeds_with_its_prompts(hub: Hub, home: Path) -> None:
    packed_file(home / "e5.bin")
    unpack(home / "e5.bin", home / "model")
    hub.files = {
        name: (home / "model" / name).read_bytes()
        for name in ("config.json", "tokenizer.json", "model.safetensors")
    }
    with pytest.raises(ModelMissing, match=f"lectern models pull {MULTILINGUAL}.*lectern setup multilingual"):
        multilingual_folder(MULTILINGUAL)
    found = CliRunner().invoke(build_app(), ["models", "pull", MULTILINGUAL, "--yes"])
    assert found.exit_code == 0, found.output
    assert "licence MIT" in found.stderr and "its digest is verified" in found.stderr
    folder = multilingual_folder(MULTILINGUAL)
    assert folder == embedders_folder() / MULTILINGUAL
    assert read_sentence_model(folder, MULTILINGUAL).prompts.passage == "passage: "
    embedder = open_embedder(EmbeddingSettings(model=MULTILINGUAL, precision="float32"))
    assert embedder.fingerprint.startswith(f"{MULTILINGUAL} ")
    assert np.allclose(np.linalg.norm(embedder.embed_passages(["owls", "猫"]), axis=1), 1)
    assert embedder.dim == HIDDEN
