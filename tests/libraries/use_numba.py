# /// script
# dependencies = ["numba"]
# [tool.libraries]
# environment = "science"
# ///
import numba
import numpy as np


@numba.njit
def total(a):
    s = 0.0
    for x in a:
        s += x
    return s


@numba.vectorize(["float64(float64)"])
def twice(x):
    return 2 * x


assert total(np.arange(5.0)) == 10
assert twice(np.arange(3.0)).tolist() == [0, 2, 4]


@numba.njit(parallel=True)
def parallel(n):
    s = 0
    for i in numba.prange(n):
        s += i
    return s


assert parallel(1000) == 499500
