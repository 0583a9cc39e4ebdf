"""Measured speeds of this machine, kept in the user's cache folder between runs.

A profile belongs to the machine and not to a library: a library may be copied to another machine, and every
library on this one profits from one probe. It is measured again when the processor, the number of cores or
the engines change.
"""

from __future__ import annotations

import json
import os
import platform
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from rag.json_text import parse_json
from rag.system.atomic_write import write_text
from rag.system.superseded_caches import remove_superseded

PROFILE_NAME = "machine.json"
_ENGINE_PACKAGES = ("openvino",)


class Precision(StrEnum):
    """Arithmetic of a network; the values are torch's names."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


class Engine(StrEnum):
    """The libraries that run a network."""

    OPENVINO = "openvino"
    TORCH = "torch"


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """An engine with its arithmetic and device (`cpu`, or `auto` for a GPU if any)."""

    engine: Engine
    precision: Precision
    device: str = "cpu"

    def __str__(self) -> str:
        return f"{self.engine} {self.precision} on {self.device}"


@dataclass(frozen=True, slots=True)
class Measured:
    """A result of the probe.

    Passages of about 200 tokens a second, and the least cosine to float32.
    """

    choice: EngineChoice
    passages_per_second: float
    cosine: float


def cache_folder() -> Path:
    """Return the folder of files that Lectern can make again."""
    return user_cache_path("lectern")


def machine_name() -> str:
    """Return the processor, its cores and the engines' versions.

    A measurement is valid for these.
    """
    engines = []
    for package in _ENGINE_PACKAGES:
        try:
            engines.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return f"{_processor()}, {os.cpu_count()} cores, {', '.join(engines)}"


def remembered(fingerprint: str) -> list[Measured]:
    """Return this machine's measurements of a model, fastest first; empty if none."""
    entries = _read().get(machine_name(), {}).get(fingerprint, [])
    try:
        return [measured_from(entry) for entry in entries]
    except (KeyError, TypeError, ValueError):
        return []


def remember(fingerprint: str, found: list[Measured]) -> None:
    """Store measurements of a model.

    A folder that cannot be written to costs the next run a probe and nothing else.
    """
    profile = _read()
    profile.setdefault(machine_name(), {})[fingerprint] = [asdict(entry) for entry in found]
    file = cache_folder() / PROFILE_NAME
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, json.dumps(profile, indent=2))
    remove_superseded()


def measured_from(entry: dict[str, Any]) -> Measured:
    """Return the measurement that was written as JSON.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    choice = entry["choice"]
    engine = EngineChoice(Engine(choice["engine"]), Precision(choice["precision"]), str(choice["device"]))
    return Measured(engine, float(entry["passages_per_second"]), float(entry["cosine"]))


def _read() -> dict[str, Any]:
    """Return the profile file; empty if there is none or it is no JSON object."""
    try:
        found = parse_json((cache_folder() / PROFILE_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _processor() -> str:
    """Return the processor's name and its best instruction set for matrices."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
    facts = {name.strip(): value.strip() for name, value in facts.items()}
    features = [
        name
        for name in ("amx_bf16", "avx512_bf16", "avx512f", "avx2")
        if name in facts.get("flags", "").split()
    ]
    return f"{facts.get('model name', platform.machine())} ({', '.join(features[:1])})"
