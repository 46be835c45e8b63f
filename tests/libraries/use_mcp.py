# /// script
# dependencies = ["mcp"]
# [tool.libraries]
# environment = "web"
# ///
import sys

import anyio
from mcp import ClientSession, StdioServerParameters, stdio_client
from mcp.server.mcpserver import MCPServer

if "serve" in sys.argv:
    server = MCPServer("pack")

    @server.tool()
    def add(a: int, b: int) -> int:
        return a + b

    server.run("stdio")
    sys.exit()


async def main():
    arguments = ["serve"] if getattr(sys, "frozen", False) else [__file__, "serve"]
    async with stdio_client(StdioServerParameters(command=sys.executable, args=arguments)) as (read, write):
        async with ClientSession(read, write) as session:
            await session.initialize()
            assert [tool.name for tool in (await session.list_tools()).tools] == ["add"]
            assert (await session.call_tool("add", {"a": 2, "b": 3})).content[0].text == "5"


anyio.run(main)
