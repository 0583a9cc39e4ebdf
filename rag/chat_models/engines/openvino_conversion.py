"""A GGUF file in OpenVINO's own format, made once and kept in the model cache.

The weights keep the size that they have in the file (`rag/chat_models/files/grouped_weights.py`). The copy is
made in a process of its own (`python -m rag.chat_models.engines.openvino_conversion FILE FOLDER`), which prints
its progress: its memory is freed at the end, Ctrl-C stops it, and a crash ends nothing else.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from rag.chat_models.files.gguf_header import GgufHeader, TensorExtent, read_header
from rag.chat_models.files.gguf_tensors import reason_against
from rag.chat_models.files.gguf_writing import rewrite
from rag.chat_models.files.grouped_weights import can_group, grouped_bytes
from rag.chat_models.files.model_cache import cache_folder, cached_folder, content_hash
from rag.errors import LecternError, ModelFailed
from rag.system.child_process import command, surroundings, undone_on_leaving

Progress = Callable[[float], None]
"""A function that is called with the share of the work that is done, 0 to 1."""
_FORM = "grouped-3"
"""The form of the copy; another form is another folder of the cache."""
_MODEL = "openvino_model.xml"
_GRAPH_BYTES = 20_000_000
"""The graph and the tokenizer. Source: 11 MB for a vocabulary of 152,000 tokens."""
_NO_MEMORY = -9
"""The status of a process that Linux ended for lack of memory (signal 9)."""


def converted_folder(header: GgufHeader, report: Progress | None = None) -> Path:
    """Return the cached folder of the model in OpenVINO's format.

    The GGUF file is converted on first use; `report` is called meanwhile.

    Raises:
        ModelFailed: the file is damaged or of an unknown kind, or disk or memory do not suffice.
    """
    import openvino_genai

    reason = reason_against(header)
    if reason:
        raise ModelFailed(
            f"OpenVINO cannot run {header.path.name}: {reason}; run `pip install xllamacpp` for llama.cpp, "
            "or use another file of this model"
        )
    version = openvino_genai.__version__.split("-")[0]
    name = f"openvino-{version}-{_FORM}-{content_hash(header.path)}"
    if not (cache_folder() / name).is_dir():
        _check_disk(header)
    return cached_folder(name, lambda folder: _convert_apart(header, folder, report or (lambda share: None)))


def loaded_bytes(header: GgufHeader) -> int:
    """Return the bytes of the weights in memory.

    The table of embeddings is not counted: it stays on the disk, and its rows are read as they are needed.
    """
    tensors = dict(header.tensors)
    if "output.weight" in tensors:
        tensors.pop("token_embd.weight", None)
    return sum(map(_grouped_bytes, tensors.values()))


def converted_bytes(header: GgufHeader) -> int:
    """Return about the bytes of the copy on disk."""
    embedding = header.tensors.get("token_embd.weight")
    table = embedding.elements * 17 // 16 if embedding else 0
    return loaded_bytes(header) + table + _GRAPH_BYTES


def _grouped_bytes(extent: TensorExtent) -> int:
    return grouped_bytes(extent) if can_group(extent) else extent.size_bytes


def _check_disk(header: GgufHeader) -> None:
    cache_folder().mkdir(parents=True, exist_ok=True)
    needed, free = converted_bytes(header), shutil.disk_usage(cache_folder()).free
    if needed > free:
        raise ModelFailed(
            f"{header.path.name} needs {needed / 1e9:.1f} GB of disk for a converted copy and {free / 1e9:.1f} GB are "
            f"free in {cache_folder()}; free some space or set XDG_CACHE_HOME"
        )


def _convert_apart(header: GgufHeader, folder: Path, report: Progress) -> None:
    started = command(__name__, str(header.path), str(folder))
    with subprocess.Popen(
        started,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=surroundings(),
    ) as child:
        assert child.stdout is not None and child.stderr is not None  # noqa: S101 - they are pipes
        try:
            with undone_on_leaving(partial(_break_off, child, folder)):
                for line in child.stdout:
                    report(float(line))
                reason = child.stderr.read().strip()
        except BaseException:  # Ctrl-C too: the copy is not wanted any more
            _break_off(child, folder)
            raise
    if child.returncode == _NO_MEMORY:
        raise ModelFailed(
            f"converting {header.path.name} was ended by the system, most likely for lack of memory; close other "
            "programs and try again, or choose a smaller model"
        )
    if child.returncode:
        last = (reason.splitlines() or [f"it ended with status {child.returncode}"])[-1]
        raise ModelFailed(last if child.returncode == 1 else f"cannot convert {header.path.name}: {last}")


def _break_off(child: subprocess.Popen[str], folder: Path) -> None:
    """Stop the conversion and remove what it has written."""
    child.kill()
    child.wait()  # after Ctrl-C `with` does not wait long
    shutil.rmtree(folder, ignore_errors=True)


def convert(source: Path, folder: Path, report: Progress) -> None:
    """Write the model of a GGUF file to a folder, in OpenVINO's format.

    Raises:
        ModelFailed: the file is damaged, or the disk is full.
    """
    import openvino

    from rag.chat_models.engines.openvino_graph import build
    from rag.chat_models.files.gguf_tensors import GgufTensors

    header = read_header(source)
    _write_tokenizer(header, folder)
    graph, weights = build(GgufTensors(header), lambda share: report(0.8 * share))
    target = folder / _MODEL
    try:
        openvino.serialize(graph, target)
        openvino.Core().read_model(target)  # OpenVINO writes to a full disk without an error
    except RuntimeError as exc:
        raise ModelFailed(
            f"cannot write the converted copy of {source.name} into {folder.parent}; free some space or set XDG_CACHE_HOME"
        ) from exc
    del weights
    report(1.0)


def _write_tokenizer(header: GgufHeader, folder: Path) -> None:
    """Write the tokenizer, which answers in a fixed form need.

    OpenVINO GenAI makes it from the metadata of a GGUF file, here one with a single vector.
    """
    import openvino_genai

    vectors = {name: extent for name, extent in header.tensors.items() if name == "output_norm.weight"}
    alone = folder / "tokenizer.gguf"
    rewrite(replace(header, tensors=vectors), alone, {}, "F32")
    try:
        openvino_genai.Tokenizer(alone, enable_save_ov_model=True)
    except RuntimeError as exc:
        raise ModelFailed(
            f"OpenVINO GenAI cannot read the vocabulary of {header.path.name}: {str(exc).splitlines()[0]}; "
            "use another file of this model"
        ) from exc
    alone.unlink()


def _main() -> int:
    from rag.system.telemetry import switch_off_telemetry

    switch_off_telemetry()
    try:
        convert(Path(sys.argv[1]), Path(sys.argv[2]), lambda share: print(share, flush=True))  # noqa: T201
    except BrokenPipeError:  # the process that asked has ended
        return 1
    except LecternError as exc:
        print(exc, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
