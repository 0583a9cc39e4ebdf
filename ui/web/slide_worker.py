"""LibreOffice with bounds: this process limits itself, then becomes LibreOffice.

`python -m ui.web.slide_worker PROGRAM SECONDS BYTES PARENT DECK FOLDER` writes the slides of DECK as a PDF into FOLDER, hidden ones
too, in at most SECONDS of computing and BYTES of memory. No macro runs and nothing is fetched: a deck may link
pictures of other machines.
"""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path

from rag.system.child_process import end_with_parent

_SPARE_ADDRESS_BYTES = 4_000_000_000
"""Addresses beyond the memory allowed: LibreOffice claims 2 GB more than it uses."""
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
"""Source: `linux/sched.h`."""
_FILTER = 'pdf:impress_pdf_Export:{"ExportHiddenSlides":{"type":"boolean","value":"true"}}'
_OPTION = '<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="{}" oor:op="fuse"><value>{}</value></prop></item>'
_OPTIONS = {"BlockUntrustedRefererLinks": "true", "DisableMacrosExecution": "true", "MacroSecurityLevel": "3"}
_KEPT = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "LD_LIBRARY_PATH")


def main(program: str, seconds: int, most_bytes: int, parent: int, deck: Path, folder: Path) -> None:
    """Become LibreOffice, which writes the PDF."""
    end_with_parent(parent)
    _leave_network()
    _limit(seconds, most_bytes)
    profile = folder / "profile"
    (profile / "user").mkdir(parents=True)
    options = "".join(_OPTION.format(name, value) for name, value in _OPTIONS.items())
    (profile / "user" / "registrymodifications.xcu").write_text(
        '<?xml version="1.0" encoding="UTF-8"?><oor:items xmlns:oor="http://openoffice.org/2001/registry">'
        f"{options}</oor:items>",
        encoding="utf-8",
    )
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    arguments = [f"-env:UserInstallation={profile.as_uri()}", "--headless", "--norestore", "--nolockcheck"]
    command = [program, *arguments, "--convert-to", _FILTER, "--outdir", str(folder), str(deck)]
    os.execve(program, command, {**kept, "HOME": str(folder), "TMPDIR": str(folder)})


def _leave_network() -> None:
    """Leave all networks, where the system lets a process do so."""
    if sys.platform != "linux":
        return
    system = ctypes.CDLL(None)
    if system.unshare(_NEW_NETWORK):
        system.unshare(_NEW_USER | _NEW_NETWORK)


def _limit(seconds: int, most_bytes: int) -> None:
    if sys.platform == "win32":
        return
    import resource

    limits = {
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_AS: most_bytes + _SPARE_ADDRESS_BYTES,
        resource.RLIMIT_CORE: 0,
    }
    for limit, value in limits.items():
        with suppress(ValueError, OSError):  # a lower one is there already, or the system has none
            resource.setrlimit(limit, (value, value))


if __name__ == "__main__":
    main(
        sys.argv[1],
        int(sys.argv[2]),
        int(sys.argv[3]),
        int(sys.argv[4]),
        Path(sys.argv[5]),
        Path(sys.argv[6]),
    )
