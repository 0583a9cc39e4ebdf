"""How a module ends that is run by itself (`python -m`): as the command line does, for `finetune` may not ask `ui` for it."""

from __future__ import annotations

import sys
from collections.abc import Callable

from rag.errors import LecternError, disk_message


def exit_status(main: Callable[[], None], speaker: str = "") -> int:
    """0 once `main` is done; 1 after an expected error, which is one sentence on stderr, said by `speaker` if there are several."""
    try:
        main()
    except LecternError as exc:
        return _told(str(exc), speaker)
    except OSError as exc:
        return _told(disk_message(exc), speaker)
    return 0


def _told(message: str, speaker: str) -> int:
    sys.stderr.write(f"{speaker}: {message}\n" if speaker else f"{message}\n")
    return 1
