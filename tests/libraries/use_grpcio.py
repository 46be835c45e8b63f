# /// script
# dependencies = ["grpcio", "protobuf"]
# [tool.libraries]
# environment = "web"
# ///
from concurrent import futures

import grpc

handler = grpc.unary_unary_rpc_method_handler(lambda request, context: request[::-1])
server = grpc.server(futures.ThreadPoolExecutor(2))
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("a.B", {"Turn": handler}),))
port = server.add_insecure_port("127.0.0.1:0")
server.start()
with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
    assert channel.unary_unary("/a.B/Turn")(b"abc", timeout=20) == b"cba"
    try:
        channel.unary_unary("/a.B/Other")(b"", timeout=20)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNIMPLEMENTED
server.stop(None).wait()
