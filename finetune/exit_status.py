"""How a module ends that is run by itself (`python -m`): as the command line does, for `finetune` may not ask `ui` for it."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable

from rag.errors import LecternError, disk_message


def exit_status(main: Callable[[], None], speaker: str = "") -> int:
    """0 once `main` is done; 1 after an expected error, which is one sentence on stderr, said by `speaker` if there are several.

    Who stops reading what is printed (`| head`) has had enough of it: no error. Errors of the system that name no file keep their traceback.
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
