# /// script
# dependencies = ["redis"]
# [tool.libraries]
# environment = "web"
# system = ["redis-server"]
# ///
import redis
from servers import redis_server

with redis_server() as port:
    client = redis.Redis(port=port, decode_responses=True)
    client.set("a", "é")
    assert client.get("a") == "é"
    with client.pipeline() as pipe:
        assert pipe.incr("n").incr("n").execute() == [1, 2]
    assert client.register_script("return redis.call('GET', KEYS[1])")(["n"]) == "2"
    client.close()
