# /// script
# dependencies = ["fastapi", "uvicorn[standard]"]
# [tool.libraries]
# environment = "core"
# ///
import threading
import time
import urllib.request

import fastapi
import pydantic
import uvicorn


class Item(pydantic.BaseModel):
    name: str
    price: float = 1.5


app = fastapi.FastAPI()


@app.get("/item/{name}")
async def item(name: str) -> Item:
    return Item(name=name)


server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
threading.Thread(target=server.run, daemon=True).start()
while not server.started:
    time.sleep(0.01)
port = server.servers[0].sockets[0].getsockname()[1]
answer = urllib.request.urlopen(f"http://127.0.0.1:{port}/item/a", timeout=10).read()
assert answer == b'{"name":"a","price":1.5}', answer
assert b"openapi" in urllib.request.urlopen(f"http://127.0.0.1:{port}/openapi.json", timeout=10).read()
import uvloop
assert uvloop.new_event_loop().run_until_complete(__import__("asyncio").sleep(0, 7)) == 7
server.should_exit = True
