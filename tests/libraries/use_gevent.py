# /// script
# dependencies = ["gevent"]
# [tool.libraries]
# environment = "web"
# ///
from gevent import monkey

monkey.patch_all()
import urllib.request

import gevent
from gevent.pywsgi import WSGIServer


def app(environ, start_response):
    start_response("200 OK", [])
    return [environ["PATH_INFO"].encode()]


server = WSGIServer(("127.0.0.1", 0), app, log=None)
server.start()
jobs = [gevent.spawn(lambda n=n: urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/{n}", timeout=10).read())
        for n in range(5)]
gevent.joinall(jobs)
assert [job.value for job in jobs] == [f"/{n}".encode() for n in range(5)]
assert gevent.get_hub().threadpool.apply(sum, ([1, 2],)) == 3
