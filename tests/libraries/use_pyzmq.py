# /// script
# dependencies = ["pyzmq"]
# [tool.libraries]
# environment = "web"
# ///
import zmq

context = zmq.Context()
server, client = context.socket(zmq.REP), context.socket(zmq.REQ)
port = server.bind_to_random_port("tcp://127.0.0.1")
client.connect(f"tcp://127.0.0.1:{port}")
client.send_json({"a": 1})
assert server.recv_json() == {"a": 1}
server.send(b"x")
assert client.recv() == b"x"
assert zmq.has("curve") and zmq.curve_keypair()
context.destroy()
