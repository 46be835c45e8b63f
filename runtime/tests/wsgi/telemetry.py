"""What the server measures, and the admin listener. Part of cases.py, which imports it last."""

import __main__ as cases
import collections
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

PHASES = ["application", "cpu", "gil_acquire", "gil_wait", "input", "output", "queue", "request"]


def until(condition, seconds=20):
    """What `condition()` gives when it is true at last."""
    deadline = time.time() + seconds
    while True:
        found = condition()
        if found or time.time() > deadline:
            assert found, "did not come true: %r" % (found,)
            return found
        time.sleep(0.05)


class Observed(cases.Server):
    """A server with an admin listener."""

    def __init__(self, **settings):
        settings.setdefault("admin", "127.0.0.1:0")
        super().__init__(**settings)

    def start(self):
        super().start()
        self.admin = int(self.wait_log(r"admin: listening on http://\S*:(\d+)\n").group(1))
        # The first of the addresses in the log is the admin listener's.
        self.ports = [port for port in self.ports if port != self.admin]
        self.port = self.ports[0]
        return self

    def stop(self, *number):
        # A test may have done so.
        return self.process.returncode if self.process.stdout.closed else super().stop(*number)

    def ask(self, path, headers=None, data=None, host=None):
        """Status, fields and body."""
        headers = dict(headers or {})
        if host:
            headers["Host"] = host
        request = urllib.request.Request("http://127.0.0.1:%d%s" % (self.admin, path), data, headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def json(self, path="/metrics.json", **more):
        status, _, body = self.ask(path, **more)
        assert status == 200, (status, body)
        return json.loads(body)

    def post(self, value, **headers):
        headers.setdefault("Content-Type", "application/json")
        status, _, body = self.ask("/switch-interval", headers, value if isinstance(value, bytes) else json.dumps(value).encode())
        return status, body


class ObservedCase(cases.Case):
    SETTINGS = {}

    @classmethod
    def setUpClass(cls):
        cls.server = Observed(**cls.SETTINGS).start()

    def setUp(self):
        until(lambda: self.server.json()["total"]["threads_busy"] == 0 if "admin_token" not in self.SETTINGS else True)

    def get(self, target, headers="", method="GET", body=b""):
        with self.server.connect() as connection:
            return connection.request(method + " " + target, headers, body).response(method)

    def interval(self):
        return float(self.get("/interval").body)


class Figures(ObservedCase):
    def test_requests_are_counted_with_their_phases(self):
        before = self.server.json()["total"]
        self.get("/hello")
        self.get("/echo", "Content-Length: 5\r\n", method="POST", body=b"12345")
        self.get("/raises")
        # A thread counts a request when it is through with it, which may be after its client.
        def after():
            total = self.server.json()["total"]
            return total["requests"] == before["requests"] + 3 and total
        total = until(after)
        change = lambda name: total[name] - before[name]
        self.assertEqual(total["statuses"]["200"] - before["statuses"].get("200", 0), 2)
        self.assertEqual(total["classes"]["5xx"] - before["classes"]["5xx"], 1)
        self.assertEqual(change("bytes_in"), 5)
        self.assertEqual(change("bytes_out"), len("hello\n") + len("12345") + len("Internal Server Error\n"))
        self.assertEqual(change("connections_accepted"), 3)
        self.assertEqual((total["threads"], total["queue_length"]), (3, 0))
        self.assertEqual(sorted(total["histograms"]), PHASES)
        for phase, histogram in total["histograms"].items():
            self.assertLessEqual(histogram["p50"], histogram["p95"], phase)
            self.assertLessEqual(histogram["p95"], histogram["max"], phase)
        counts = {phase: total["histograms"][phase]["count"] - before["histograms"][phase]["count"] for phase in PHASES}
        for phase in ("request", "queue", "application", "output", "gil_wait"):
            self.assertEqual(counts[phase], 3, phase)
        self.assertEqual(counts["input"], 1)
        self.assertGreaterEqual(counts["gil_acquire"], 6)
        sums = {phase: total["histograms"][phase]["sum"] for phase in PHASES}
        parts = sum(sums[phase] for phase in ("queue", "application", "input", "output", "gil_wait"))
        self.assertAlmostEqual(sums["request"], parts, delta=1e-6 * total["requests"])

    def test_phases_are_where_the_time_went(self):
        """A request that sleeps 50 ms in the application, and one whose body comes late."""
        before = self.server.json()["total"]["histograms"]
        self.get("/facts?50")
        connection = self.connect()
        # More than is received before a thread takes the request.
        connection.request("POST /echo", "Content-Length: 90000\r\n", b"a" * 70000)
        time.sleep(0.3)
        connection.send(b"a" * 20000)
        self.assertEqual(connection.response().code, 200)
        def after():
            histograms = self.server.json()["total"]["histograms"]
            return histograms["input"]["count"] > before["input"]["count"] and histograms
        histograms = until(after)
        grown = {phase: histograms[phase]["sum"] - before[phase]["sum"] for phase in PHASES}
        self.assertGreaterEqual(grown["application"], 0.05)
        self.assertGreaterEqual(grown["request"], grown["application"] + grown["input"])
        self.assertGreaterEqual(grown["input"], 0.01)

    def test_gauges_of_a_moment(self):
        connection = self.connect()
        connection.request("GET /wait_for_gate")
        total = until(lambda: (lambda it: it["threads_busy"] == 1 and it)(self.server.json()["total"]))
        self.assertGreaterEqual(total["connections_open"], 1)
        busy = total["busy_time"]
        later = until(lambda: (lambda it: it["busy_time"] > busy and it)(self.server.json()["total"]))
        self.assertEqual(later["threads_busy"], 1)
        self.get("/go_on")
        self.assertEqual(connection.response().code, 200)
        until(lambda: self.server.json()["total"]["threads_busy"] == 0)

    def test_slow_requests_without_their_query(self):
        self.get("/facts?200&password=secret")
        def found():
            slow = self.server.json()["slow"]
            return [it for it in slow if it["path"] == "/facts" and it["application"] >= 0.2]
        request = until(found)[0]
        self.assertEqual((request["method"], request["status"]), ("GET", 200))
        self.assertAlmostEqual(request["request"], sum(request[it] for it in ("queue", "gil_wait", "application", "input", "output")), delta=1e-5)
        self.assertNotIn(b"secret", self.server.ask("/metrics.json")[2] + self.server.ask("/live.json")[2])

    def test_environ_tells_what_a_request_waited_for(self):
        shown = json.loads(self.get("/facts?20").body)
        self.assertGreaterEqual(shown["environ"]["pack.queue_time"], 0)
        self.assertGreaterEqual(shown["environ"]["pack.gil_wait"], 0)
        times = shown["times"]
        self.assertEqual(sorted(times), ["gil_wait", "input_time", "output_time", "queue_time", "thread_time"])
        self.assertGreaterEqual(times["thread_time"], 0.02)
        self.assertEqual(times["queue_time"], shown["environ"]["pack.queue_time"])

    def test_environ_tells_the_queue_time(self):
        answers = []
        asking = [
            threading.Thread(target=lambda: answers.append(json.loads(self.get("/facts?400").body)))
            for _ in range(2 * self.server.settings["threads"])
        ]
        [thread.start() for thread in asking]
        [thread.join() for thread in asking]
        waited = [answer["environ"]["pack.queue_time"] for answer in answers]
        # It counts from when the request was read, which happens a little later where all threads are busy.
        self.assertTrue(all(time < 5 for time in waited) and max(waited) > 0.1, waited)

    def test_python_code_can_ask(self):
        self.get("/hello")
        until(lambda: self.server.json()["total"]["requests"] > 0)
        seen, asked = json.loads(self.get("/metrics").body), self.server.json()
        self.assertEqual(sorted(seen), sorted(asked))
        self.assertEqual(sorted(seen["total"]), sorted(asked["total"]))
        self.assertGreater(seen["total"]["requests"], 0)
        # The one that asks.
        self.assertEqual(seen["total"]["threads_busy"], 1)

    def test_buckets_can_be_added_up(self):
        self.get("/hello")
        histogram = until(lambda: self.server.json("/metrics.json?buckets=1")["total"]["histograms"])["request"]
        self.assertEqual(sum(count for _, count in histogram["buckets"]), histogram["count"])
        bounds = [bound for bound, _ in histogram["buckets"]]
        self.assertEqual(bounds, sorted(bounds))


class Workers(unittest.TestCase):
    """One admin listener for all worker processes."""

    def setUp(self):
        self.server = Observed(application="deadly", processes=2, threads=2).start()
        self.addCleanup(lambda: self.server.process.poll() is None and self.server.process.kill())

    def ask(self, path="/"):
        connection = self.server.connect()
        with connection:
            connection.request("GET %s" % path, "Connection: close\r\n")
            return connection.response().body

    def test_figures_of_all_workers(self):
        workers = set()
        until(lambda: workers.add(self.ask().split()[0]) or len(workers) == 2)
        total = until(lambda: self.server.json()["total"])
        self.assertEqual(total["threads"], 4)
        self.assertEqual(len(self.server.json()["interpreters"]), 2)
        before = total["requests"]
        with self.assertRaises((ConnectionError, EOFError, ValueError, AssertionError, AttributeError)):
            self.ask("/segfault")
        until(lambda: len(set(re.findall(rb"process (\d+)\) is ready", self.server.log))) == 3)
        # What the dead one has counted stays.
        self.ask()
        until(lambda: self.server.json()["total"]["requests"] > before)
        self.assertEqual(until(lambda: self.server.json()["total"]["threads"]), 4)
        self.assertEqual(self.server.ask("/readyz")[0], 200)

    def test_the_admin_process_is_started_again(self):
        self.ask()
        children = open("/proc/%d/task/%d/children" % ((self.server.process.pid,) * 2)).read().split()
        workers = set(re.findall(rb"process (\d+)\) is ready", self.server.log))
        (admin,) = [int(pid) for pid in children if pid.encode() not in workers]
        os.kill(admin, signal.SIGKILL)
        self.server.wait_log("admin process")

        def answers():
            try:
                return self.server.ask("/healthz")[0] == 200
            except OSError:
                return False
        until(answers)

    @unittest.skipIf(cases.GIL == "free", "there is no GIL")
    def test_the_interval_of_all_workers(self):
        self.assertEqual(self.server.post({"seconds": 0.0015})[0], 200)
        until(lambda: {it["switch_interval"] for it in self.server.json()["interpreters"]} == {0.0015})
        os.kill(int(self.ask().split()[0]), signal.SIGKILL)
        until(lambda: len(set(re.findall(rb"process (\d+)\) is ready", self.server.log))) == 3)
        until(lambda: {it["switch_interval"] for it in self.server.json()["interpreters"]} == {0.0015})


class Prometheus(ObservedCase):
    """Text that a strict reader of the format takes, and promtool where it is installed."""

    SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)\{((?:[a-z_]+="[^"\\\n]*",?)*)\} (\S+)')

    def test_text(self):
        self.get("/hello")
        self.get("/raises")
        until(lambda: self.server.json()["total"]["requests"] >= 2)
        status, fields, body = self.server.ask("/metrics")
        self.assertEqual((status, fields["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
        text = body.decode()
        self.assertTrue(text.endswith("\n"))
        kinds, described, series = {}, set(), collections.defaultdict(dict)
        for line in text.splitlines():
            if line.startswith("# HELP "):
                name = line.split(" ")[2]
                self.assertNotIn(name, described)
                described.add(name)
                continue
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                self.assertIn(name, described)
                self.assertNotIn(name, kinds)
                kinds[name] = kind
                current = name
                continue
            name, labels, value = self.SAMPLE.fullmatch(line).groups()
            # All samples of a metric stand together, under its type.
            self.assertIn(name, [current + end for end in (["_bucket", "_sum", "_count"] if kinds[current] == "histogram" else [""])])
            self.assertNotIn(labels, series[name], line)
            series[name][labels] = float(value)
            if kinds[current] == "counter":
                self.assertTrue(name.endswith("_total"), name)
            self.assertGreaterEqual(float(value), 0)
        self.assertEqual(sorted(kinds.values()).count("histogram"), len(PHASES))
        labels = 'worker="0",interpreter="0"'
        self.assertGreaterEqual(series["pack_responses_total"][labels + ',code="200"'], 1)
        for phase in PHASES:
            name = "pack_%s_seconds" % phase
            buckets = [(float(re.search('le="([^"]*)"', of).group(1)), count) for of, count in series[name + "_bucket"].items()]
            self.assertEqual(buckets, sorted(buckets), phase)
            self.assertEqual([count for _, count in buckets], sorted(count for _, count in buckets), phase)
            self.assertEqual(buckets[-1], (float("inf"), series[name + "_count"][labels]), phase)
        self.assertGreaterEqual(series["pack_request_seconds_count"][labels], 2)

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not installed")
    def test_promtool(self):
        self.get("/hello")
        text = self.server.ask("/metrics")[2]
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual((checked.returncode, checked.stdout), (0, b""))


@unittest.skipIf(cases.GIL == "free", "there is no switch interval without a GIL")
class Interval(ObservedCase):
    def test_it_is_set_while_the_server_runs(self):
        self.assertEqual(self.server.post({"seconds": 0.002})[0], 200)
        until(lambda: self.interval() == 0.002)
        until(lambda: self.server.json()["total"]["switch_interval"] == 0.002)
        self.assertEqual(self.server.post({"seconds": "auto"})[0], 200)
        # The controller begins with Python's own.
        until(lambda: self.interval() == 0.005)
        until(lambda: self.server.json()["total"]["switch_interval_auto"])
        self.assertEqual(self.server.post({"seconds": 0.001})[0], 200)
        until(lambda: self.interval() == 0.001)
        until(lambda: not self.server.json()["total"]["switch_interval_auto"])

    def test_nonsense_is_refused(self):
        before = self.interval()
        for value in ({"seconds": 0}, {"seconds": -1}, {"seconds": 1e9}, {"seconds": "fast"}, {"seconds": None}, {}, [], 3, b"{", b"", b"x" * 100000):
            self.assertEqual(self.server.post(value)[0], 400, value)
        self.assertEqual(self.interval(), before)
        self.assertEqual(self.server.ask("/switch-interval")[0], 405)
        self.assertEqual(self.server.ask("/metrics", {"Content-Type": "application/json"}, b"{}")[0], 405)

    def test_pages_of_other_sites_cannot_set_it(self):
        own = "http://127.0.0.1:%d" % self.server.admin
        self.assertEqual(self.server.post({"seconds": 0.003}, Origin=own)[0], 200)
        for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
            self.assertEqual(self.server.post({"seconds": 0.004}, **headers)[0], 403, headers)
        self.assertEqual(self.server.post({"seconds": 0.004}, **{"Content-Type": "text/plain"})[0], 415)
        self.assertEqual(self.server.post({"seconds": 0.004}, Host="evil.example:%d" % self.server.admin)[0], 403)


class Admin(ObservedCase):
    def test_names_of_other_sites_lead_nowhere(self):
        for path in ("/", "/metrics", "/metrics.json", "/live.json"):
            self.assertEqual(self.server.ask(path, host="rebound.example")[0], 403, path)
            self.assertEqual(self.server.ask(path, host="localhost:1234")[0], 200, path)
        self.assertEqual(self.server.ask("/healthz", host="rebound.example")[::2], (200, b"ok\n"))
        self.assertEqual(self.server.ask("/nothing")[0], 404)

    def test_page_loads_nothing_from_elsewhere(self):
        status, fields, body = self.server.ask("/")
        self.assertEqual((status, fields["Content-Type"]), (200, "text/html; charset=utf-8"))
        self.assertIn("default-src 'none'", fields["Content-Security-Policy"])
        self.assertNotRegex(body.decode(), r"(?:src|href)=\"(?!data:)|https?://|@import|innerHTML")

    def test_garbage_does_not_end_it(self):
        for garbage in (b"\x00" * 100, b"GET / HTTP/1.1\r\nHost: " + b"a" * 100000, b"POST /switch-interval HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n{"):
            with socket.create_connection(("127.0.0.1", self.server.admin), timeout=20) as sock:
                try:
                    sock.sendall(garbage)
                    sock.shutdown(socket.SHUT_WR)
                    while sock.recv(4096):
                        pass
                except OSError:
                    pass
        self.assertEqual(self.server.ask("/healthz")[0], 200)


class Token(ObservedCase):
    SETTINGS = {"admin": "0.0.0.0:0", "admin_token": "to&ken"}

    @unittest.skipIf(cases.GIL == "free", "there is no switch interval without a GIL")
    def test_a_token_is_wanted(self):
        for path in ("/", "/metrics", "/metrics.json", "/live.json", "/?token=wrong", "/?token="):
            self.assertEqual(self.server.ask(path)[0], 401, path)
        self.assertEqual(self.server.ask("/metrics", {"Authorization": "Bearer to&ken"})[0], 200)
        self.assertEqual(self.server.ask("/metrics?token=to%26ken", host="metrics.example")[0], 200)
        self.assertEqual(self.server.post({"seconds": 0.002})[0], 401)
        self.assertEqual(self.server.post({"seconds": 0.002}, Authorization="Bearer to&ken")[0], 200)
        for path in ("/healthz", "/readyz"):
            self.assertEqual(self.server.ask(path)[0], 200, path)


class ObservedLife(unittest.TestCase):
    def server(self, **settings):
        server = Observed(**settings)
        self.addCleanup(server.stop)
        return server

    def test_ready_is_not_while_it_stops(self):
        server = self.server().start()
        self.assertEqual(server.ask("/readyz")[::2], (200, b"serving\n"))
        with server.connect() as connection:
            connection.request("GET /wait_for_gate")
            until(lambda: server.json()["total"]["threads_busy"] == 1)
            server.process.send_signal(signal.SIGTERM)
            until(lambda: server.ask("/readyz")[::2] == (503, b"draining\n"))
            self.assertEqual(server.ask("/healthz")[0], 200)
        self.assertNotEqual(server.stop(), 0)

    def test_addresses_that_others_reach_need_a_token(self):
        for admin, more in (("0.0.0.0:0", {}), ("[::]:0", {}), ("nonsense", {}), ("127.0.0.1:0", {"admin_token": ""})):
            server = self.server(admin=admin, **more)
            server.wait_log("error: .*admin.*\n")
            self.assertEqual(server.process.wait(20), 1, admin)

    @unittest.skipIf(cases.GIL == "free", "there is no switch interval without a GIL")
    def test_settings_of_the_interval(self):
        server = self.server(switch_interval="auto").start()
        until(lambda: server.json()["total"]["switch_interval_auto"])
        server.wait_log("switch interval: 5 ms, tuned from here on\n")
        self.assertEqual(server.stop(), 0)

    @unittest.skipIf(cases.GIL == "free", "there is no switch interval without a GIL")
    def test_threads_that_wait_for_each_other_take_turns(self):
        server = self.server(threads=5).start()
        statuses, over = collections.Counter(), threading.Event()

        def client(path):
            while not over.is_set():
                with server.connect() as connection:
                    for _ in range(20):
                        statuses[path, connection.request("GET " + path).response().code] += 1

        def narrowed():
            # Where others use the machine too, a trial may be lost by chance: it begins anew.
            for _ in range(5):
                self.assertEqual(server.post({"seconds": "auto"})[0], 200)
                # Not asked often: threads that use a second processor, to write the answers, do not wait for the GIL.
                for _ in range(20):
                    time.sleep(1)
                    total = server.json()["total"]
                    if total["threads_admitted"] < 5:
                        return total
                self.assertEqual(server.post({"seconds": 0.005})[0], 200)
                until(lambda: not server.json()["total"]["switch_interval_auto"])
            self.fail("all threads are admitted:\n" + server.log.decode(errors="replace"))

        # Long enough for what is done without the GIL, also in a library that is not optimised, to be little beside it.
        # Some of them sleep: nobody has to wait for these.
        clients = [threading.Thread(target=client, args=(path,)) for path in ["/busy?60000"] * 7 + ["/slow?0.05"]]
        for thread in clients:
            thread.start()
        try:
            narrow = narrowed()
            self.assertEqual((narrow["threads_admitted"], narrow["threads"]), (2, 5))
            served = sum(statuses.values())
            until(lambda: sum(statuses.values()) > served + 200, 60)
            # What an operator sets ends it.
            self.assertEqual(server.post({"seconds": 0.005})[0], 200)
            until(lambda: server.json()["total"]["threads_admitted"] == 5)
        finally:
            over.set()
            for thread in clients:
                thread.join()
        self.assertEqual({status for _, status in statuses}, {200})
        self.assertEqual(len(statuses), 2)
        self.assertEqual(server.stop(), 0)

    def test_nothing_is_measured_when_it_is_off(self):
        os.environ["PACK_TELEMETRY"] = "off"
        try:
            server = cases.Server()
        finally:
            del os.environ["PACK_TELEMETRY"]
        server.start()
        self.addCleanup(server.stop)
        with server.connect() as connection:
            shown = json.loads(connection.request("GET /environ").response().body)
        self.assertEqual([name for name in shown if name.startswith("pack.")], [])

    def test_figures_survive_a_storm(self):
        """Every request is in every histogram of it, whichever threads ran them."""
        server = self.server(threads=4).start()
        def ask():
            with server.connect() as connection:
                for _ in range(200):
                    assert connection.request("GET /hello").response().code == 200
        threads = [threading.Thread(target=ask) for _ in range(6)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        total = until(lambda: (lambda it: it["requests"] == 1200 and it)(server.json()["total"]))
        for phase in ("request", "queue", "application", "output", "gil_wait"):
            self.assertEqual(total["histograms"][phase]["count"], 1200, phase)
        until(lambda: server.json()["total"]["connections_open"] == 0)


class Browser:
    """Chromium, by the WebDriver protocol."""

    def __init__(self):
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            port = sock.getsockname()[1]
        self.home = tempfile.mkdtemp()
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=%d" % port], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ, HOME=self.home),
        )
        self.base = "http://127.0.0.1:%d" % port
        until(self.is_up)
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1400,1500", "--user-data-dir=" + self.home]
        self.base += "/session"
        options = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"}}}}
        self.base += "/" + self.post("", options)["sessionId"]

    def is_up(self):
        try:
            return json.load(urllib.request.urlopen(self.base + "/status"))["value"]["ready"]
        except OSError:
            return False

    def post(self, path, value):
        request = urllib.request.Request(self.base + path, json.dumps(value).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def open(self, address):
        self.post("/url", {"url": address})

    def run(self, script, *arguments):
        return self.post("/execute/sync", {"script": script, "args": list(arguments)})

    def complaints(self):
        """What the page's console has, but for what the browser thinks of reading pixels back, which tests do."""
        return [entry for entry in self.post("/se/log", {"type": "browser"}) if entry["source"] != "rendering"]

    def close(self):
        try:
            urllib.request.urlopen(urllib.request.Request(self.base, method="DELETE"), timeout=60).close()
        finally:
            self.driver.terminate()
            self.driver.wait(20)
            shutil.rmtree(self.home, ignore_errors=True)


# The page's colours that a chart has been drawn with, and how often.
INK = """
const canvas = document.getElementById(arguments[0]), style = getComputedStyle(document.documentElement);
const names = ["a", "b", "c", "d"].map(name => {
  const hex = style.getPropertyValue("--" + name).trim().slice(1).replace(/^(.)(.)(.)$/, "$1$1$2$2$3$3");
  return [name, [0, 2, 4].map(at => parseInt(hex.slice(at, at + 2), 16))];
});
const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data, counts = {};
// What is half transparent is rounded.
for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 60) for (const [name, colour] of names)
  if (colour.every((part, at) => Math.abs(part - data[i + at]) < 4)) counts[name] = (counts[name] || 0) + 1;
return counts;
"""


@unittest.skipUnless(shutil.which("chromedriver"), "chromedriver is not installed")
@unittest.skipIf(cases.GIL == "free", "there is no switch interval without a GIL")
class Page(ObservedCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.browser = Browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        super().tearDownClass()

    def load(self):
        """Requests in several threads, until the test ends."""
        ended = threading.Event()
        def ask():
            with self.server.connect() as connection:
                while not ended.is_set():
                    connection.request("GET /busy").response()
        threads = [threading.Thread(target=ask) for _ in range(4)]
        [thread.start() for thread in threads]
        self.addCleanup(lambda: [ended.set(), *[thread.join() for thread in threads]])

    def text(self, name):
        return self.browser.run("return document.getElementById(arguments[0]).textContent", name)

    def test_live(self):
        self.load()
        self.browser.open("http://127.0.0.1:%d/" % self.server.admin)
        until(lambda: self.text("state") == "serving")
        until(lambda: self.browser.run("return windows.length") >= 4)
        # The figures have colours of their own.
        for chart, colours in (("throughput", "a"), ("response", "abc"), ("wait", "abcd"), ("bars", "ad"), ("map", "ad")):
            until(lambda: sum(self.browser.run(INK, "chart-" + chart).get(colour, 0) for colour in colours) > 20)
        # They move.
        drawn = self.browser.run(INK, "chart-throughput")
        until(lambda: self.browser.run(INK, "chart-throughput") != drawn)
        self.assertNotIn(self.text("throughput"), ("–", "0"))
        self.assertRegex(self.text("p95"), r"^[\d.]+ (?:µs|ms|s)$")
        self.assertEqual(self.text("busy").split()[-1], "3")
        self.assertRegex(until(lambda: self.text("slow")), "GET /busy")
        # The control.
        self.browser.run("document.getElementById('interval').value = '2.5'; document.querySelector('#control button').click()")
        until(lambda: self.interval() == 0.0025)
        until(lambda: self.text("now") == "2.5 ms")
        self.browser.run("document.getElementById('auto').click()")
        until(lambda: self.text("now").endswith("(auto)"))
        self.assertEqual(self.browser.complaints(), [])


@unittest.skipUnless(shutil.which("chromedriver"), "chromedriver is not installed")
@unittest.skipIf(cases.GIL == "free", "there is no switch interval without a GIL")
class PageWithToken(ObservedCase):
    SETTINGS = {"admin_token": "a+b%"}

    def test_the_token_of_the_address_goes_with_its_requests(self):
        browser = Browser()
        self.addCleanup(browser.close)
        text = lambda name: browser.run("return document.getElementById(arguments[0]).textContent", name)
        browser.open("http://127.0.0.1:%d/?token=a%%2Bb%%25" % self.server.admin)
        until(lambda: text("state") == "serving")
        browser.run("document.getElementById('interval').value = '1.5'; document.querySelector('#control button').click()")
        until(lambda: self.interval() == 0.0015)
        # What clients send stays text.
        self.get("/facts/%3Cimg%20src=x%20onerror=alert(1)%3E")
        until(lambda: "<img src=x onerror=alert(1)>" in text("slow"))
        self.assertEqual(browser.run("return document.images.length"), 0)
