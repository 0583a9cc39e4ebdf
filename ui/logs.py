"""Logging for `lectern --verbose`: to stderr and to a file in the log folder."""

from __future__ import annotations

import logging
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from logging.handlers import RotatingFileHandler
from pathlib import Path

from rag.system.server_address import without_passwords

DISTRIBUTION = "lectern-notes"
"""The name on the package index; the command and the import names differ from it."""
LOG_NAME = "lectern.log"
_LARGEST_LOG_BYTES = 2_000_000
_OLD_LOGS = 2
_LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_log = logging.getLogger("lectern")


class _WithoutTraceback(logging.Formatter):
    """A line of text; the traceback is in the file only."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's message on one line."""
        return f"{record.levelname.lower()} {record.name}: {record.getMessage()}"


def installed_version() -> str:
    """Return the version of the installed distribution, or a note without one."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "(not installed: run from its source)"


def log_file() -> Path:
    """Return the path of the log file."""
    import platformdirs

    return Path(platformdirs.user_log_dir("lectern", appauthor=False)) / LOG_NAME


def start_logging() -> None:
    """Log what happens at INFO to stderr, and with tracebacks to the log file.

    A folder that cannot be written costs the file and nothing else.
    """
    root = logging.getLogger()
    to_stderr = logging.StreamHandler(sys.stderr)
    to_stderr.setFormatter(_WithoutTraceback())
    to_stderr.setLevel(logging.INFO)
    root.addHandler(to_stderr)
    root.setLevel(logging.INFO)
    _log.setLevel(logging.DEBUG)
    try:
        root.addHandler(_file_handler(log_file()))
        _log.info("the log is also written to %s", log_file())
    except OSError as exc:
        _log.warning("no log file: %s cannot be written (%s)", log_file(), exc.strerror)
    _log.info(
        "lectern %s, Python %s, %s", installed_version(), platform.python_version(), platform.platform()
    )
    _log.info("command: %s", " ".join(map(without_passwords, sys.argv[1:])))


def log_error(error: BaseException) -> None:
    """Write an error that ends the command to the log, with its traceback.

    Without `--verbose` nothing is written.
    """
    _log.debug("%s: %s", type(error).__name__, error, exc_info=error)


def _file_handler(path: Path) -> logging.Handler:
    """Return a handler of a private file: a log contains questions."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=True)
    handler = RotatingFileHandler(path, maxBytes=_LARGEST_LOG_BYTES, backupCount=_OLD_LOGS, encoding="utf-8")
    handler.setFormatter(logging.Formatter(f"%(process)d {_LINE}"))
    return handler
