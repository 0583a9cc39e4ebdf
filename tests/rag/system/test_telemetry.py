"""Importing OpenVINO reports nothing: checked in a process whose sockets are written down."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import time
from rag.system.telemetry import switch_off_telemetry
switch_off_telemetry()
switch_off_telemetry()
import openvino
time.sleep(1.5)
print(openvino.Core().available_devices)
"""


@pytest.mark.model
@pytest.mark.skipif(find_spec("openvino") is None, reason="needs openvino")
def test_importing_openvino_looks_nothing_up(tmp_path: Path) -> None:
    log = tmp_path / "sockets.txt"
    log.touch()
    environ = {
        "PYTHONPATH": os.pathsep.join([str(ROOT / "tests" / "ui" / "audit"), str(ROOT)]),
        "SOCKET_LOG_OF_TESTS": str(log),
        "HOME": str(tmp_path),
    }
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=os.environ | environ, capture_output=True, text=True, check=False
    )
    assert "CPU" in result.stdout, result.stderr
    assert log.read_text(encoding="utf-8") == ""
    assert not (tmp_path / "intel").exists(), "no client id was made"
