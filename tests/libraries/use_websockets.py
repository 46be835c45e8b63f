# /// script
# dependencies = ["websockets"]
# [tool.libraries]
# environment = "core"
# ///
import asyncio

import websockets


async def main():
    async def echo(socket):
        async for message in socket:
            await socket.send(message[::-1])

    async with websockets.serve(echo, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with websockets.connect(f"ws://127.0.0.1:{port}") as socket:
            await socket.send("abc")
            assert await socket.recv() == "cba"


asyncio.run(main())
