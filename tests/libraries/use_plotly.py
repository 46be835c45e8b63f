# /// script
# dependencies = ["plotly", "pandas"]
# [tool.libraries]
# environment = "science"
# ///
import plotly.express as px
import plotly.graph_objects as go
import plotly.io

figure = px.scatter(px.data.iris(), x="sepal_width", y="sepal_length", color="species")
assert len(figure.data) == 3
assert "plotly" in figure.to_html(include_plotlyjs=True)
assert go.Figure(go.Bar(y=[1]), layout_template="plotly_dark").to_json()
