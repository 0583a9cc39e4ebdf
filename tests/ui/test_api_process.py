"""`lectern serve` and `lectern mcp` as real processes with the real models."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.model
ROOT = Path(__file__).resolve().parents[2]
QUESTION = "What is spectral leakage?"
ENVIRON = {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}


@pytest.fixture(scope="module")
def served(course_library: Path) -> Iterator[str]:
    """The address of a server over the example course."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ui.cli", "serve", "--port", "0", "--library", str(course_library)],
        env=os.environ | ENVIRON, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"http://[\d.:]+", line):
            break
    else:
        pytest.fail("the server printed no address")
    yield found.group()
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert out == ""
    assert err == ""
    assert process.returncode == 128 + signal.SIGTERM


def test_openai_and_the_command_line_agree(
    served: str, lectern: Callable[..., Any], course_library: Path
) -> None:
    printed = json.loads(lectern("ask", QUESTION, "--library", course_library, "--json").stdout)
    with openai.OpenAI(base_url=f"{served}/v1", api_key="none", max_retries=0) as client:
        message = [{"role": "user", "content": QUESTION}]
        answer = client.chat.completions.create(model="lectern", messages=message)  # type: ignore[arg-type]
        stream = client.chat.completions.create(model="lectern", messages=message, stream=True)  # type: ignore[arg-type]
        streamed = "".join(chunk.choices[0].delta.content or "" for chunk in stream)  # type: ignore[union-attr]
        vector = client.embeddings.create(model="lectern-embedding", input=QUESTION).data[0].embedding
    checked = answer.model_extra["lectern"]  # type: ignore[index]
    assert answer.choices[0].message.content == streamed == printed["answer"]
    for same in ("citations", "sentences", "kind", "receipt"):
        assert checked[same] == printed[same]
    assert len(vector) == 384
    assert sum(value * value for value in vector) == pytest.approx(1, abs=1e-4)


def test_search_and_the_command_line_agree(
    served: str, lectern: Callable[..., Any], course_library: Path
) -> None:
    printed = json.loads(lectern("search", QUESTION, "--library", course_library, "-k", "3", "--json").stdout)
    found = httpx.post(
        f"{served}/api/search", json={"question": QUESTION, "k": 3}, timeout=PATIENCE_SECONDS
    ).json()
    assert [hit["chunk"] for hit in found["hits"]] == [hit["chunk"] for hit in printed["hits"]]
    assert found["hits"][0]["why"]["matched_terms"] == printed["hits"][0]["why"]["matched_terms"]


def test_mcp_over_stdio(course_library: Path) -> None:
    from mcp import Client, StdioServerParameters

    started = StdioServerParameters(
        command=sys.executable,
        args=["-m", "ui.cli", "mcp", "--library", str(course_library)],
        env=os.environ | ENVIRON,
    )

    async def run() -> tuple[Any, Any, Any]:
        async with Client(started) as client:
            tools = await client.list_tools()
            answer = await client.call_tool("ask", {"question": QUESTION})
            name = answer.structured_content["citations"][0]["document"]
            return tools, answer, await client.call_tool("document", {"name": name})

    with ThreadPoolExecutor(1) as other:  # a browser test before it leaves an event loop in this thread
        tools, answer, document = other.submit(asyncio.run, run()).result()
    assert {tool.name for tool in tools.tools} == {"search", "ask", "document"}
    cited = answer.structured_content["citations"][0]
    assert document.structured_content["text"][cited["start"] : cited["end"]] == cited["quote"]


def test_serving_without_a_library_or_to_others_without_a_key(
    tmp_path: Path, lectern: Callable[..., Any]
) -> None:
    nothing = lectern("serve", "--port", "0", "--library", tmp_path / "none")
    assert nothing.returncode == 1
    assert "There is no library" in nothing.stderr
    open_to_all = lectern("serve", "--host", "0.0.0.0", "--library", tmp_path / "none")
    assert open_to_all.returncode == 1
    assert "Make a key with `lectern keys add NAME`" in open_to_all.stderr
    wrong = lectern("serve", "--course", "physics", "--library", tmp_path / "none")
    assert wrong.returncode == 2
