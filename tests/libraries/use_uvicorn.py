# /// script
# dependencies = ["uvicorn"]
# [tool.libraries]
# environment = "core"
# ///
import asyncio
import urllib.request

import uvicorn


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-pack", b"1")]})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


async def main():
    # Loop, protocols, lifespan and log configuration are all named by strings.
    config = uvicorn.Config(app, port=0, lifespan="on", log_level="info")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]

    def ask():
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/a", timeout=10) as answer:
            return answer.headers["x-pack"], answer.read()

    assert await asyncio.to_thread(ask) == ("1", b"/a")
    server.should_exit = True
    await serving


asyncio.run(main())
