"""Modules that are run by themselves, in processes of their own: an expected error is one sentence and exit status 1."""

import subprocess
import sys
from pathlib import Path

import pytest

from finetune.exit_status import exit_status
from rag.errors import DatasetError

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "module, arguments, told",
    [
        ("build", "--data {0} --library {0} --out {0} --asked {0}", "{0} does not have written questions whole"),
        ("evaluation", "--rows {0}", "{0} has no examples to measure on. Build them with: python -m"),
        ("evaluation", "--rows {0} --test valid", "{0} does not have the grounded examples 'valid' whole"),
        ("ask", "write --asking {0} --adapter {0}", "{0} does not have sentences to ask about whole"),
        ("ask", "prepare --data {0} --library {0} --out {0}", "There is no library in {0}. Make one with"),
        ("notes", "--data {0} --out {0}", "No such file or directory at {0}/qa/"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_one_sentence(tmp_path, module, arguments, told):
    command = [sys.executable, "-m", f"finetune.grounded.{module}", *arguments.format(tmp_path).split()]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith(told.format(tmp_path))
    assert ended.stderr.count("\n") == 1


def test_a_done_one_is_0_and_one_of_several_says_who_it_is(capsys):
    def fail():
        raise DatasetError("No rows.")

    assert exit_status(lambda: None) == 0
    assert exit_status(fail, "Process 1") == 1
    assert capsys.readouterr().err == "Process 1: No rows.\n"


@pytest.mark.parametrize("error", [ZeroDivisionError(), ConnectionError("no port")])
def test_any_other_error_keeps_its_traceback(error):
    def fail():
        raise error

    with pytest.raises(type(error)):
        exit_status(fail)


def test_who_stops_reading_is_told_nothing():
    script = "from finetune.exit_status import exit_status; import sys; sys.exit(exit_status(lambda: print('x' * 200_000, flush=True)))"
    command = f'"{sys.executable}" -c "{script}" | head -c 1; exit ${{PIPESTATUS[0]}}'
    ended = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
