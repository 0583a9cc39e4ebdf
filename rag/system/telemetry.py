"""Libraries that report home when they are imported, and how to switch that off.

OpenVINO starts a process that sends an event to Google Analytics at every `import openvino`, without asking,
unless its reporting package cannot be imported: then it uses the stub it brings. The others listen to
environment variables.
"""

from __future__ import annotations

import os
import sys
from typing import Any, cast

_REPORTING_PACKAGE = "openvino_telemetry"
_VARIABLES = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAGAS_DO_NOT_TRACK": "true",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "ANONYMIZED_TELEMETRY": "False",
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
}


def switch_off_telemetry() -> None:
    """Switch off all reporting; call it before importing any heavy library.

    It may be called again.
    """
    # None in `sys.modules` makes the import fail, which is how a missing package looks.
    cast("dict[str, Any]", sys.modules).setdefault(_REPORTING_PACKAGE, None)
    for name, value in _VARIABLES.items():
        os.environ.setdefault(name, value)
