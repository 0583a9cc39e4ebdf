"""The exit status of a module that is run by itself (`python -m`).

It is that of the command line, which `finetune` must not import from `ui`.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable

from rag.errors import LecternError, disk_message


def exit_status(main: Callable[[], None], speaker: str = "") -> int:
    """Return 0 once `main` is done, or 1 after an expected error.

    The error is one sentence on stderr, with the name of `speaker` if there are several. A closed pipe (`|
    head`) is no error. Errors of the system that name no file keep their traceback.
    """
    try:
        main()
    except LecternError as exc:
        return _told(str(exc), speaker)
    except BrokenPipeError:
        sys.stderr.close()
    except OSError as exc:
        if exc.filename is None and exc.errno != errno.ENOSPC:
            raise
        return _told(disk_message(exc), speaker)
    return 0


def _told(message: str, speaker: str) -> int:
    sys.stderr.write(f"{speaker}: {message}\n" if speaker else f"{message}\n")
    return 1
