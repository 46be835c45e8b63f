# /// script
# dependencies = ["botocore"]
# [tool.libraries]
# environment = "web"
# ///
import botocore.session
from botocore.exceptions import ClientError
from botocore.stub import Stubber

session = botocore.session.get_session()
session.set_credentials("a", "b")
# Models of services, waiters and endpoints are data files, found by the names of services.
assert {"s3", "sqs", "ec2"} <= set(session.get_available_services())
assert "eu-central-1" in session.get_available_regions("ec2")
client = session.create_client("sqs", region_name="eu-central-1")
with Stubber(client) as stub:
    stub.add_response("list_queues", {"QueueUrls": ["https://sqs.example.org/1/a"]})
    stub.add_client_error("get_queue_url", "QueueDoesNotExist")
    assert client.list_queues()["QueueUrls"] == ["https://sqs.example.org/1/a"]
    try:
        client.get_queue_url(QueueName="b")
    except ClientError as error:
        assert error.response["Error"]["Code"] == "QueueDoesNotExist"
    else:
        raise AssertionError("there is no such queue")
s3 = session.create_client("s3", region_name="eu-central-1")
assert s3.waiter_names and s3.meta.endpoint_url == "https://s3.eu-central-1.amazonaws.com"
