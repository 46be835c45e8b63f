# /// script
# dependencies = ["networkx"]
# [tool.libraries]
# environment = "science"
# ///
import networkx as nx

graph = nx.path_graph(5)
assert nx.shortest_path(graph, 0, 4) == [0, 1, 2, 3, 4]
assert nx.density(nx.complete_graph(4)) == 1
import io
stream = io.BytesIO()
nx.write_graphml(graph, stream)
assert nx.read_graphml(io.BytesIO(stream.getvalue())).number_of_nodes() == 5
