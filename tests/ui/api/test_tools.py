"""The MCP tools through the protocol's own client."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from mcp import Client

from ui.api.tools import mcp_server


def call(site: Any, tool: str, /, **arguments: Any) -> Any:
    async def run() -> Any:
        async with Client(mcp_server(site.courses)) as client:
            return await client.call_tool(tool, arguments)

    return asyncio.run(run())


def test_the_tools_are_described(site: Any) -> None:
    async def run() -> Any:
        async with Client(mcp_server(site.courses)) as client:
            return (await client.list_tools()).tools

    tools = {tool.name: tool for tool in asyncio.run(run())}
    assert set(tools) == {"search", "ask", "document"}
    for tool in tools.values():
        assert tool.description
        assert tool.output_schema
        assert tool.annotations.read_only_hint
        for argument in tool.input_schema["properties"].values():
            assert argument["description"]


def test_search_ask_and_document(site: Any) -> None:
    found = call(site, "search", question="spectral leakage", k=1)
    assert [hit["document"] for hit in found.structured_content["hits"]] == ["lecture-02-leakage.md"]
    answer = call(site, "ask", question="What reduces spectral leakage?")
    assert "A window reduces spectral leakage." in answer.structured_content["answer"]
    assert answer.structured_content["citations"][0]["quote"] == "A window reduces spectral leakage."
    assert json.loads(answer.content[0].text) == answer.structured_content
    shown = call(site, "document", name="owls.md", course="birds")
    assert shown.structured_content["text"].startswith("The owl hunts")


def test_errors_are_messages_for_the_model(site: Any) -> None:
    for name, arguments, says in (
        ("search", {"question": " "}, "The question is empty"),
        ("search", {"question": "owl", "k": 0}, "greater than or equal to 1"),
        ("ask", {"question": "owl", "scope": ["lecture:9"]}, "lecture 9"),
        (
            "ask",
            {"question": "owl", "course": "art"},
            "There is no course 'art'; this server has: signals, birds.",
        ),
        ("document", {"name": "none.md"}, "none.md"),
    ):
        result = call(site, name, **arguments)
        assert result.is_error
        assert says in result.content[0].text
