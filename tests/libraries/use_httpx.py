# /// script
# dependencies = ["httpx[http2,brotli]", "trustme"]
# [tool.libraries]
# environment = "core"
# ///
import ssl

import httpx
from local import https_server

with https_server() as (url, authority):
    context = ssl.create_default_context()
    context.load_verify_locations(cadata=authority.decode())
    with httpx.Client(verify=context, http2=True) as client:
        assert client.get(url + "/echo").json()["path"] == "/echo"
    try:
        httpx.get(url)
    except httpx.ConnectError as error:
        assert "CERTIFICATE_VERIFY_FAILED" in str(error)
    else:
        raise AssertionError("a foreign authority was believed")
