# /// script
# dependencies = ["boto3"]
# [tool.libraries]
# environment = "web"
# ///
import boto3
from botocore.stub import Stubber

client = boto3.client("s3", region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="b")
with Stubber(client) as stub:
    stub.add_response("list_buckets", {"Buckets": [{"Name": "pack"}]})
    assert client.list_buckets()["Buckets"][0]["Name"] == "pack"
assert "Signature=" in client.generate_presigned_url("get_object", {"Bucket": "a", "Key": "k"})
assert len(boto3.session.Session().get_available_services()) > 200
table = boto3.resource("dynamodb", region_name="eu-central-1").Table("t")
assert table.table_name == "t"
assert client.get_paginator("list_objects_v2")
