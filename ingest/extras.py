"""Optional packages that read more kinds of files."""

from __future__ import annotations

import sys
from importlib.util import find_spec


def ocr_is_installed() -> bool:
    """Return whether the text of pictures can be read here (extra `ocr`)."""
    return _is_installed("rapidocr")


def speech_is_installed() -> bool:
    """Return whether recordings can be transcribed here (extra `audio`)."""
    return _is_installed("faster_whisper")


def _is_installed(package: str) -> bool:
    return package in sys.modules or find_spec(package) is not None
