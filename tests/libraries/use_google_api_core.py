# /// script
# dependencies = ["google-api-core[grpc]"]
# [tool.libraries]
# environment = "web"
# ///
from google.api_core import exceptions, operation, page_iterator, path_template, retry
from google.longrunning import operations_pb2
from google.rpc import status_pb2

calls = []


@retry.Retry(initial=0.01, predicate=retry.if_exception_type(exceptions.ServiceUnavailable))
def flaky():
    calls.append(1)
    if len(calls) < 3:
        raise exceptions.ServiceUnavailable("later")
    return len(calls)


assert flaky() == 3
assert path_template.expand("a/{n}", n=1) == "a/1"
assert status_pb2.Status(code=5).code == 5 and operations_pb2.Operation(name="x").name == "x"
from google.api_core import grpc_helpers
assert grpc_helpers.grpc is not None
