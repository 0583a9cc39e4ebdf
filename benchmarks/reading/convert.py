"""Another converter's Markdown of files: `python convert.py TOOL FOLDER OUT`.

The interpreter has the tool; nothing of this project is imported. Files that the tool refuses are listed in `OUT/failed.json` with the reason.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any


def converter(tool: str) -> Any:
    """Return a function from a file to Markdown."""
    if tool == "markitdown":
        from markitdown import MarkItDown  # type: ignore[import-not-found]

        made = MarkItDown()
        return lambda file: made.convert(str(file)).text_content
    from docling.document_converter import DocumentConverter  # type: ignore[import-not-found]

    reader = DocumentConverter()
    return lambda file: reader.convert(file).document.export_to_markdown()


def main() -> None:
    """Convert every file."""
    tool, folder, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    convert = converter(tool)
    failed = {}
    started = time.perf_counter()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = file.relative_to(folder)
        try:
            text = convert(file)
        except Exception as exc:  # noqa: BLE001 - what a tool refuses is part of the result
            failed[name.as_posix()] = (
                f"{type(exc).__name__}: {str(exc).splitlines()[0][:200] if str(exc) else ''}"
            )
            continue
        target = out / f"{name}.md"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    seconds = time.perf_counter() - started
    (out / "failed.json").write_text(json.dumps({"failed": failed, "seconds": seconds}), encoding="utf-8")


if __name__ == "__main__":
    main()
