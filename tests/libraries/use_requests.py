# /// script
# dependencies = ["requests", "trustme"]
# [tool.libraries]
# environment = "core"
# ///
import os
import tempfile

import requests
from local import https_server

with https_server() as (url, authority), tempfile.TemporaryDirectory() as folder:
    bundle = os.path.join(folder, "ca.pem")
    with open(bundle, "wb") as file:
        file.write(authority)
    assert requests.get(url + "/echo", verify=bundle, timeout=10).json()["path"] == "/echo"
    try:
        requests.get(url, timeout=10)
    except requests.exceptions.SSLError:
        pass
    else:
        raise AssertionError("a foreign authority was believed")
    os.environ["REQUESTS_CA_BUNDLE"] = bundle
    assert requests.post(url, data="x" * 1000, timeout=10).json()["length"] == 1000
import certifi
assert os.path.getsize(certifi.where()) > 100_000
