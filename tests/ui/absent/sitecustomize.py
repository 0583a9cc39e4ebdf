"""Put on a child's path by `test_base_imports`: packages of the extras cannot be imported, and every try is written down."""

import os
import sys

_LOG = os.environ.get("IMPORT_LOG_OF_TESTS", "")
_ABSENT = frozenset(filter(None, os.environ.get("ABSENT_PACKAGES", "").split(",")))


class _Absent:
    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] in _ABSENT:
            with open(_LOG, "a", encoding="utf-8") as log:  # noqa: PTH123 - pathlib may not be imported yet
                log.write(f"{name}\n")
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


if _LOG:
    sys.meta_path.insert(0, _Absent())  # type: ignore[arg-type]
