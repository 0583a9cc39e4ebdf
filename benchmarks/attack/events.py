"""Events and addresses written by hand, sent to a page with a password.

Every event of the page is posted with values that name files, folders, courses and conversations outside. None may return or keep
the secret, or touch a file beside the library.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from http.client import HTTPConnection
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from benchmarks.attack.course import make_library, write_notes
from benchmarks.attack.tally import Tally
from benchmarks.attack.web import PASSWORD, SECRET, basic, running
from rag.settings import AccessSettings
from ui.access import Access

_NAMES = (
    "document", "conversation", "course", "folder", "adapter", "part", "exchange", "token", "key", "wish", "typed", "question",
    "n", "first", "last", "words", "choice", "exact", "verdict",
)  # fmt: skip
"""The values that the clicks of the page carry."""
_EVENTS = 2
"""Two of three tries are events, the rest are addresses."""


def attack(tries: int, seed: int = 0) -> Tally:
    """Post events and ask for addresses that leave the library.

    `seed` changes nothing.
    """
    tally = Tally("events and addresses")
    with TemporaryDirectory(prefix="attack-") as name:
        place = Path(name)
        (place / "secret.md").write_text(SECRET, encoding="utf-8")
        (place / "outside").mkdir()
        write_notes(place / "notes", 2)
        make_library(place / "library", place / "notes")
        beside = _state(place)
        with running(place, Access("0.0.0.0", AccessSettings(password=PASSWORD))) as (port, _):
            events = tries * _EVENTS // 3
            for body in islice(_bodies(place, port), events):
                _judge(tally, "an event", _posted(port, body), place, beside)
            for path in islice(cycle(_paths(place)), tries - events):
                _judge(tally, "an address that climbs", _got(port, path), place, beside)
    return tally


def _bodies(place: Path, port: int) -> Iterator[dict[str, Any]]:
    """Yield events: each of the page's own with each value that leads out."""
    numbers = sorted(
        {int(found) for found in re.findall(r'"id":\s*(\d+),"targets"', _got(port, "/")[1])}
    ) or range(60)
    outside = (
        str(place / "secret.md"), "../../secret.md", "../secret.md", f"file://{place}/secret.md", "..", "/", "courses/../..",
        "\0", "%2e%2e%2fsecret.md", "x" * 5000,
    )  # fmt: skip
    for number in cycle(numbers):
        for value in outside[number % 2 :: 2]:
            data: list[Any] = [value, {"path": value, "meta": {"_type": "gradio.FileData"}}, [value]]
            for inputs in range(4):
                yield {
                    "fn_index": number,
                    "data": data[:inputs] if inputs < 3 else [[data[1]]],
                    "event_data": dict.fromkeys(_NAMES, value),
                    "session_hash": "by-hand",
                }


def _paths(place: Path) -> list[str]:
    """Return addresses that climb out of the places that are served."""
    secret = str(place / "secret.md")
    climbs = (
        "../secret.md",
        "..%2fsecret.md",
        "%2e%2e/%2e%2e/secret.md",
        quote(secret, safe=""),
        "....//secret.md",
    )
    roots = (
        "/lectern/export/",
        "/lectern/study/",
        "/lectern/static/",
        "/course/",
        "/course/x/lectern/export/",
        "/gradio_api/file=",
    )
    return [f"{root}{climb}" for climb in climbs for root in roots]


def _posted(port: int, body: dict[str, Any]) -> tuple[int, str]:
    status, text = _asked(port, "POST", "/gradio_api/queue/join", json.dumps(body).encode())
    if status == 200:
        text += _got(port, "/gradio_api/queue/data?session_hash=by-hand")[1]
    return status, text


def _got(port: int, path: str) -> tuple[int, str]:
    return _asked(port, "GET", path, None)


def _asked(port: int, method: str, path: str, body: bytes | None) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {
        "Authorization": basic("ann", PASSWORD),
        "Cookie": "lectern-guest=by-hand",
        "Content-Type": "application/json",
    }
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(2_000_000).decode("utf-8", "replace")
    finally:
        connection.close()


def _judge(tally: Tally, kind: str, answer: tuple[int, str], place: Path, beside: dict[str, bytes]) -> None:
    status, text = answer
    kept = [
        file
        for file in (place / "library").rglob("*")
        if file.is_file() and SECRET.encode() in file.read_bytes()
    ]
    if SECRET in text or kept:
        tally.add("secret read or kept", f"{kind}: {text[:200]} {kept}")
    elif _state(place) != beside:
        tally.add("a file beside the library changed", f"{kind}: {text[:200]}")
    else:
        tally.add(f"{kind}, {'taken as harmless' if status == 200 else 'refused'}")


def _state(place: Path) -> dict[str, bytes]:
    """Return what is beside the library and the uploads, by name."""
    own = ("library", "uploads")
    files = [file for each in place.iterdir() if each.name not in own for file in (each, *each.rglob("*"))]
    return {str(file): file.read_bytes() if file.is_file() else b"" for file in files}
