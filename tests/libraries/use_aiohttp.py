# /// script
# dependencies = ["aiohttp[speedups]", "trustme"]
# [tool.libraries]
# environment = "web"
# ///
import asyncio
import ssl

import aiohttp
from aiohttp import web
from local import https_server


async def main():
    app = web.Application()
    app.router.add_get("/{name}", lambda request: _answer(request))
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    with https_server() as (url, authority):
        context = ssl.create_default_context(cadata=authority.decode())
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/a") as answer:
                assert await answer.json() == {"name": "a"}
            async with session.get(url, ssl=context) as answer:
                assert answer.status == 200
    await runner.cleanup()


async def _answer(request):
    return web.json_response({"name": request.match_info["name"]})


asyncio.run(main())
