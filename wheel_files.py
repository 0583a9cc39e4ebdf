"""The files outside of the packages that a wheel has inside `ui`.

A clone reads them where they are, so an editable installation gets no copies.
"""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FILES = {"constraints.txt": "ui/constraints.txt", "examples/course": "ui/example_course"}


class WheelFiles(BuildHookInterface[Any]):
    """A hook of hatchling."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files, if a whole wheel is built."""
        if version == "standard":
            build_data["force_include"] |= FILES
