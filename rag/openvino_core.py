"""The one OpenVINO of a process.

Its CPU plugin gives the thread that loads it a signal stack and puts the one before back when it goes. Two of them that go in
another order than they came leave a stack that is no memory any more, and the next Ctrl-C ends the process with signal 11.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from rag.telemetry import switch_off_telemetry


@cache
def openvino_core() -> Any:
    """The `openvino.Core` that every network of this process is compiled with; never freed."""
    switch_off_telemetry()
    import openvino

    return openvino.Core()
