# /// script
# dependencies = ["scipy"]
# [tool.libraries]
# environment = "science"
# ///
import numpy as np
from scipy import integrate, interpolate, linalg, optimize, signal, sparse, stats
from scipy.sparse.linalg import spsolve

assert abs(optimize.brentq(lambda x: x * x - 2, 0, 2) - 2**0.5) < 1e-9
assert abs(integrate.quad(np.exp, 0, 1)[0] - (np.e - 1)) < 1e-9
assert np.allclose(spsolve(sparse.csc_matrix(np.diag([1.0, 2.0])), [1, 2]), [1, 1])
assert stats.ttest_ind([1, 2, 3], [1, 2, 3]).pvalue == 1
assert abs(linalg.det(np.eye(3)) - 1) < 1e-12
assert interpolate.CubicSpline([0, 1, 2], [0, 1, 4])(1) == 1
assert len(signal.butter(2, 0.5)[0]) == 3
