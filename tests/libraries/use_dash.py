# /// script
# dependencies = ["dash"]
# [tool.libraries]
# environment = "science"
# ///
import threading
import urllib.request

import dash
from dash import Input, Output, dcc, html
from werkzeug.serving import make_server

app = dash.Dash("pack")
app.layout = html.Div([dcc.Input(id="a"), html.P(id="b"), dcc.Graph(id="g")])
app.callback(Output("b", "children"), Input("a", "value"))(lambda value: value)
server = make_server("127.0.0.1", 0, app.server)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.port}"
page = urllib.request.urlopen(base, timeout=10).read().decode()
script = next(part.split('"')[0] for part in page.split('src="')[1:] if "dash_renderer" in part)
assert len(urllib.request.urlopen(base + script, timeout=10).read()) > 10_000
assert b"dash_core_components" in urllib.request.urlopen(base + "/_dash-layout", timeout=10).read()
