"""Rankings in TREC's run format, so that any other evaluator can check ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rag.errors import InputError
from rag.system.atomic_write import write_text


def run_lines(rankings: Mapping[str, list[tuple[str, float]]], tag: str = "lectern") -> list[str]:
    """Return a line `query Q0 document rank score tag` for each ranked document.

    Evaluators order by score and not by rank, and break ties in ways of their own: scores are therefore
    written so that they strictly fall with the rank. White space in ids, which the format does not allow,
    becomes `_`.
    """
    lines = []
    for query, ranking in rankings.items():
        last = float("inf")
        for rank, (document, score) in enumerate(ranking, start=1):
            last = score if score < last - 1e-6 else last - 1e-6
            lines.append(f"{_field(query)} Q0 {_field(document)} {rank} {last:.7f} {tag}")
    return lines


def write_run(path: Path, rankings: Mapping[str, list[tuple[str, float]]], tag: str = "lectern") -> None:
    """Write the rankings as a TREC run file.

    Raises:
        InputError: the file cannot be written, or two ids are the same without their white space.
    """
    _check_fields(list(rankings))
    for ranking in rankings.values():
        _check_fields([document for document, _ in ranking])
    try:
        write_text(path, "".join(line + "\n" for line in run_lines(rankings, tag)))
    except OSError as exc:
        raise InputError(
            f"{path} cannot be written: {exc.strerror}. Pass --run-out with a path you may write."
        ) from exc


def _field(text: str) -> str:
    return "_".join(text.split()) or "_"


def _check_fields(ids: Sequence[str]) -> None:
    """Refuse ids that are the same in the format: one would count for the other."""
    written: dict[str, str] = {}
    for name in ids:
        other = written.setdefault(_field(name), name)
        if other != name:
            raise InputError(
                f"The ids {other!r} and {name!r} are the same in a TREC run, which allows no white space; rename one, or leave "
                "--run-out out."
            )
