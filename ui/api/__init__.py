"""The HTTP API and the MCP server: other programs ask, search and embed."""
