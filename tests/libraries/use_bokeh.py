# /// script
# dependencies = ["bokeh"]
# [tool.libraries]
# environment = "science"
# ///
from bokeh.embed import file_html
from bokeh.plotting import figure
from bokeh.resources import INLINE

plot = figure(title="pack")
plot.line([1, 2], [3, 4])
assert "BokehJS" in file_html(plot, INLINE, "pack")
