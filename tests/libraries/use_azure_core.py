# /// script
# dependencies = ["azure-core"]
# [tool.libraries]
# environment = "web"
# ///
from azure.core import PipelineClient
from azure.core.exceptions import ResourceNotFoundError
from azure.core.rest import HttpRequest
from local_http import http_server

with http_server() as url:
    client = PipelineClient(base_url=url)
    answer = client.send_request(HttpRequest("GET", url + "/a"))
    assert answer.json()["path"] == "/a"
assert issubclass(ResourceNotFoundError, Exception)
