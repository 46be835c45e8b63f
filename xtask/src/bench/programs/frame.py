"""A small sum by group, the way of every report."""

import numpy
import pandas

if __name__ == "__main__":
    values = numpy.arange(12.0)
    frame = pandas.DataFrame({"group": ["a", "b", "c"] * 4, "value": values})
    sums = frame.groupby("group")["value"].sum()
    assert sums.to_dict() == {"a": 18.0, "b": 22.0, "c": 26.0}, sums
    print(sums)
