# /// script
# dependencies = ["celery[redis]"]
# [tool.libraries]
# environment = "web"
# system = ["redis-server"]
# ///
from celery import Celery
from servers import redis_server

with redis_server() as port:
    # Broker, result backend, worker pool and command line are all named by strings.
    app = Celery("work", broker=f"redis://127.0.0.1:{port}/0", backend=f"redis://127.0.0.1:{port}/1")

    @app.task(name="add")
    def add(a, b):
        return a + b

    from celery.contrib.testing.worker import start_worker
    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30):
        assert add.delay(2, 3).get(timeout=20) == 5
